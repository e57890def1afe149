"""The statements of docs/operate.md: files, commands, tables. `make install-check` runs all of it."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import aiomqtt
import pytest

from lyhord_gateway.cli import app
from lyhord_gateway.config.tree import load
from lyhord_gateway.sources import catalogue
from tests.gateway.parts import GatewayProcess, Mosquitto, Node, free_port, next_message, until
from tests.gateway.promtool import find_promtool
from tests.install.document import DOCUMENT, blocks, files

TEXT = DOCUMENT.read_text()
PASSWORD = "geheim-0815"


def passwords(folder: Path, *users: str) -> Path:
    path = folder / "lyhord.passwords"
    path.touch(0o600)
    for user in users:
        subprocess.run(["mosquitto_passwd", "-b", str(path), user, PASSWORD], check=True)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "node-broker.credentials").write_text(f"gateway\n{PASSWORD}\n")
    (tmp_path / "node-broker.credentials").chmod(0o600)
    return tmp_path


def test_its_configuration_is_accepted_with_every_part_of_it(folder: Path) -> None:
    text = files()["/etc/lyhord/gateway.toml"]
    path = folder / "gateway.toml"
    path.write_text(text)
    load(path)
    path.write_text(re.sub(r"^#(?=[\[a-z])", "", text, flags=re.M))
    (folder / "city.credentials").write_text("a\nb\n")
    (folder / "city.credentials").chmod(0o600)
    loaded = load(path)
    assert len(loaded.sources) == len(catalogue.KINDS) and loaded.platforms and loaded.config.http


async def test_its_mosquitto_keeps_every_node_to_its_own_topics(folder: Path) -> None:
    if shutil.which("mosquitto_passwd") is None:
        pytest.skip("mosquitto_passwd is not here")
    node, other = Node(), Node(0xB02, bytes(range(16, 32)))
    port = free_port()
    (folder / "acl").write_text(files()["/etc/mosquitto/lyhord.acl"])
    (folder / "acl").chmod(0o600)
    listed = passwords(folder, "gateway", f"{node.id:06x}", f"{other.id:06x}")
    config = files()["/etc/mosquitto/conf.d/lyhord.conf"].replace(
        "listener 1883", f"listener {port} 127.0.0.1"
    )
    config = config.replace("/etc/mosquitto/lyhord.passwords", str(listed))
    config = config.replace("/etc/mosquitto/lyhord.acl", str(folder / "acl"))
    broker = Mosquitto(folder, port)
    broker._config.write_text(f"user root\npersistence false\n{config}")
    gateway = GatewayProcess(folder, None)
    gateway.config.write_text(
        '[gateway]\nnumber = 1\ndata_dir = "data"\n[mqtt]\nembedded = false\n'
        f'url = "mqtt://127.0.0.1:{port}"\ncredentials = "node-broker.credentials"\n'
    )

    def account(of: Node) -> aiomqtt.Client:
        return aiomqtt.Client("127.0.0.1", port, username=f"{of.id:06x}", password=PASSWORD)

    async with broker, gateway, account(node) as mine, account(other) as theirs:
        await gateway.add(node, other)
        await theirs.subscribe("lyhord/v1/+/down", qos=1)
        await theirs.subscribe(node.down, qos=1)
        await mine.subscribe(node.down, qos=1)
        await theirs.publish(node.up, node.report(ack=True), qos=1)  # acknowledged, and yet not passed on
        await mine.publish(node.up, node.report(ack=True), qos=1)
        answer = (await next_message(mine)).payload
        assert isinstance(answer, bytes) and node.open(answer)[1] == 0  # sample 1 is stored, 0 is missing
        await theirs.publish(other.up, other.report(ack=True), qos=1)
        answer = (await next_message(theirs)).payload
        assert isinstance(answer, bytes) and other.open(answer)[1] == 1
        with pytest.raises(aiomqtt.MqttError):
            async with aiomqtt.Client("127.0.0.1", port, timeout=5):
                pass
        await until(lambda: gateway.status()["counters"].get("store.frames") == 2, "two frames, not three")


def test_its_commands_exist() -> None:
    from typer.core import TyperGroup
    from typer.main import get_command

    for line in re.findall(r"lyhord-gateway ((?:\\\n|[^\n`])+)", "".join(map("".join, map(blocks, KINDS)))):
        words = [word for word in shlex.split(line.replace("\\\n", "")) if word]
        command = get_command(app)
        while isinstance(command, TyperGroup) and words and words[0] in command.commands:
            command = command.commands[words.pop(0)]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, line


KINDS = ("install", "verify", "care")


def test_its_shell_is_shell() -> None:
    for kind in KINDS:
        assert blocks(kind)
        for block in blocks(kind):
            subprocess.run(["bash", "-n"], input=block, text=True, check=True)


def test_no_password_is_an_argument_of_a_command() -> None:
    assert not re.findall(r"mosquitto_passwd .*\$|--password", TEXT), "/proc shows it to everybody"


def test_it_explains_every_reason_of_health() -> None:
    source = (DOCUMENT.parents[1] / "gateway/src/lyhord_gateway/operation/health.py").read_text()
    codes = set(re.findall(r'(?:Reason\(|code, text =)\s*"(\w+)"', source))
    assert {"platform_refusing", "store_held"} <= codes
    assert {code for code in codes if f"| `{code}` |" not in TEXT} == set()


def test_its_alerts_are_rules_that_prometheus_takes(tmp_path: Path) -> None:
    (rules,) = blocks("rules")
    if (promtool := find_promtool()) is not None:
        path = tmp_path / "rules.yml"
        path.write_text(rules)
        subprocess.run([promtool, "check", "rules", str(path)], check=True, capture_output=True)


def test_its_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    if (analyze := shutil.which("systemd-analyze")) is None:
        pytest.skip("systemd-analyze is not here")
    unit = (DOCUMENT.parents[1] / "gateway/systemd/lyhord-gateway.service").read_text()
    assert "WatchdogSec=" in unit and "Type=notify" in unit and "User=lyhord" in unit
    path = tmp_path / "lyhord-gateway.service"
    path.write_text(unit.replace("/opt/lyhord/bin/lyhord-gateway", "/bin/true"))
    said = subprocess.run([analyze, "verify", str(path)], capture_output=True, text=True, check=False)
    ours = [line for line in said.stderr.splitlines() if "lyhord-gateway" in line]
    assert (said.returncode, ours) == (0, [])
