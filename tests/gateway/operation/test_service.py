"""As a service: checked as its user, started again within limits, told of changes by a signal."""

import configparser
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lyhord_gateway.config.tree import load
from lyhord_gateway.operation.reload import differing
from tests.gateway.parts import GatewayProcess, cli, until

UNIT = Path(__file__).resolve().parents[3] / "gateway/systemd/lyhord-gateway.service"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
PLATFORM = (
    '[[platform]]\nname = "city"\nurl = "mqtts://platform.example.net"\nprofile = "senml"\n'
    'credentials = "city.credentials"\n'
)


@pytest.fixture
def etc() -> Iterator[Path]:
    """A folder that everybody may enter, with a configuration and a secret of root's."""
    folder = Path(tempfile.mkdtemp(prefix="lyhord-etc-"))
    folder.chmod(0o755)
    (folder / "data").mkdir()
    shutil.chown(folder / "data", "nobody")
    (folder / "gateway.toml").write_text(f'[gateway]\nnumber = 1\ndata_dir = "data"\n{PLATFORM}')
    (folder / "city.credentials").touch(mode=0o600)
    (folder / "city.credentials").write_text("user\npassword\n")
    yield folder
    shutil.rmtree(folder)


async def check(folder: Path, *words: str) -> tuple[int, str]:
    code, out, err = await cli("check", "--config", str(folder / "gateway.toml"), *words)
    assert os.geteuid() == 0 and (out + err).count("\n") == 1
    return code, out + err


@as_root
@pytest.mark.parametrize("words", [(), ("--user", "nobody")])
async def test_a_secret_that_only_root_can_read_is_refused(words: tuple[str, ...], etc: Path) -> None:
    code, said = await check(etc, *words)
    assert code == 2 and "city.credentials cannot be read (Permission denied)" in said
    shutil.chown(etc / "city.credentials", "nobody")
    assert await check(etc, *words) == (0, f"{etc / 'gateway.toml'}: ok for user nobody\n")


@as_root
async def test_a_folder_that_the_user_cannot_write_is_refused(etc: Path) -> None:
    shutil.chown(etc / "city.credentials", "nobody")
    shutil.chown(etc / "data", "root")
    code, said = await check(etc, "--user", "nobody")
    assert code == 2 and "data_dir" in said and "cannot be written by user nobody" in said
    (etc / "data").rmdir()
    code, said = await check(etc, "--user", "nobody")
    assert code == 2 and "data_dir" in said


@as_root
async def test_a_user_that_is_none_is_one_line(etc: Path) -> None:
    code, said = await check(etc, "--user", "no-such-user")
    assert code == 2 and "expected a user of this machine" in said


def test_the_unit_gives_up_what_no_restart_cures() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(UNIT)
    assert unit["Unit"]["StartLimitIntervalSec"] == "15min"
    burst, pause_s = int(unit["Unit"]["StartLimitBurst"]), int(unit["Service"]["RestartSec"])
    assert 60 < burst * pause_s < 15 * 60, "the limit is met by a start that fails at once, and not at boot"
    assert unit["Service"]["Restart"] == "always"
    assert unit["Service"]["ExecReload"] == "/bin/kill -HUP $MAINPID"


async def test_a_signal_takes_over_what_can_change_and_names_the_rest(tmp_path: Path) -> None:
    gateway = GatewayProcess(tmp_path, None, '[log]\nlevel = "info"\n[health]\nsource_down_s = 60\n')
    before = gateway.config.read_text()

    def log() -> str:
        return gateway.log.read_text()

    async with gateway:
        process = gateway.process
        assert process is not None
        process.send_signal(signal.SIGHUP)
        await until(lambda: "reload: nothing to take over" in log(), "it has looked")
        changed = before.replace("source_down_s = 60", "source_down_s = 90").replace("info", "debug")
        gateway.config.write_text(changed.replace("number = 1", "number = 2"))
        process.send_signal(signal.SIGHUP)
        await until(lambda: "reload: health, log from now on" in log(), "it has taken over what it can")
        await until(lambda: "reload: gateway: from the next start on" in log(), "the rest is named")
        gateway.config.write_text(before + "nonsense = 1\n")
        process.send_signal(signal.SIGHUP)
        await until(lambda: "everything stays as it is" in log(), "what is wrong is refused")
        assert process.returncode is None
        assert await gateway.terminate() == 0


def test_every_section_that_differs_is_named(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    secret = tmp_path / "city.credentials"
    secret.touch(mode=0o600)
    secret.write_text("user\npassword\n")
    text = f"[gateway]\nnumber = 1\n{PLATFORM}[store]\nkeep_days = 30\n"
    path.write_text(text)
    before = load(path)

    def changes(new: str) -> tuple[list[str], list[str]]:
        path.write_text(new)
        return differing(before, load(path))

    assert changes(text) == ([], [])
    assert changes(text.replace("= 30", "= 31")) == ([], ["store"])
    assert changes(text + '[log]\nlevel = "debug"\n') == (["log"], [])
    assert changes(text + "[health]\nsource_down_s = 61\n") == (["health"], [])
    assert changes(text + '[health]\nstatus_topic = "x/{gateway}"\n') == ([], ["health"])
    assert changes(text + '[[bridge]]\nurl = "/dev/x"\n') == ([], ["bridge"])
    assert changes(text + "[http]\n") == ([], ["http"])
    secret.write_text("user\nother\n")
    assert changes(text) == ([], ["platform"]), "a new password is a change too"
