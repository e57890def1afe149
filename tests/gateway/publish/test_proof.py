"""`check --connect`: proven by reading back, refused with exit code 2, or said that nobody can know."""

import asyncio
from pathlib import Path

import pytest

from tests.fakes.silent_broker import SilentBroker
from tests.gateway.parts import Mosquitto, cli


def configured(folder: Path, port: int, options: str = "") -> Path:
    path = folder / "gateway.toml"
    path.write_text(
        f'[gateway]\nnumber = 1\n[[platform]]\nname = "city"\nurl = "mqtt://127.0.0.1:{port}"\n'
        f'profile = "senml"\n{options}\n'
    )
    return path


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
@pytest.mark.parametrize(
    ("access", "code", "expected"),
    [
        ("topic readwrite lyhord/#\n", (0, 0), ("can be read back", "can be read back")),
        (
            "topic write lyhord/#\n",
            (0, 0),
            ("does not tell whether it was thrown away", "as its PUBACKs say"),
        ),
        ("topic read lyhord/#\n", (None, 2), ("", "does not take messages")),
    ],
    ids=["open", "write-only", "forbidden"],
)
async def test_what_is_published_is_read_back_or_it_says_that_it_cannot_know(
    tmp_path: Path, protocol: str, access: str, code: tuple[int | None, int], expected: tuple[str, str]
) -> None:
    broker = Mosquitto(tmp_path)
    (tmp_path / "access").write_text(access)
    with broker._config.open("a") as config:
        config.write(f"acl_file {tmp_path / 'access'}\n")
    async with broker:
        path = configured(tmp_path, broker.port, f'protocol = "{protocol}"')
        found, out, err = await check(path)
        wanted = code[protocol == "5"]
        # MQTT 3.1.1: Mosquitto acknowledges what is forbidden, and some versions hang up after that.
        assert found == wanted or wanted is None, out + err
        assert expected[protocol == "5"] in out + err
        assert access.startswith("topic readwrite") is ("what is published there can be read back" in out)


async def check(path: Path) -> tuple[int, str, str]:
    """In a thread, as some platforms are here in this loop."""
    return await asyncio.to_thread(asyncio.run, cli("check", "--connect", "--config", str(path)))


async def test_a_platform_of_the_older_version_is_checked_in_that(tmp_path: Path) -> None:
    async with SilentBroker(acknowledging=True, older=b"\x20\x02\x00\x01") as broker:
        code, out, _ = await check(configured(tmp_path, broker.port))
    assert code == 0 and "MQTT 3.1.1 does not tell" in out
    assert broker.published == [("lyhord/lyhord/senml", b"[]")]


async def test_a_platform_that_is_not_there_or_refuses_the_account_is_exit_2(tmp_path: Path) -> None:
    code, _, err = await check(configured(tmp_path, 1))
    assert code == 2 and "platform city: does not take messages" in err and err.count("\n") == 1
    async with SilentBroker(connack=lambda _: 0x87) as broker:
        code, _, err = await check(configured(tmp_path, broker.port))
    assert code == 2 and "Not authorized" in err


async def test_a_node_broker_that_is_open_to_unknown_nodes_is_said(tmp_path: Path) -> None:
    async with Mosquitto(tmp_path) as broker:
        path = tmp_path / "gateway.toml"
        path.write_text(
            f'[gateway]\nnumber = 1\n[mqtt]\nembedded = false\nurl = "mqtt://localhost:{broker.port}"\n'
        )
        code, out, _ = await check(path)
    assert code == 0 and "takes clients without an account" in out
