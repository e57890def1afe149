"""docs/extend.md, the gateway's part: the example source is added to a copy of the gateway, and works."""

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lyhord_rig.tied import tied
from tests.gateway.parts import (
    DEADLINE_S,
    GatewayProcess,
    Mosquitto,
    Node,
    connected,
    next_message,
    until,
)
from tests.house.extend_document import add
from tests.house.sources import ROOT


class Modem:
    """A modem as the example has it: lines of hexadecimal digits on TCP."""

    def __init__(self) -> None:
        self.lines: asyncio.Queue[bytes] = asyncio.Queue()
        self.host: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> "Modem":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        if self.host is not None:
            self.host.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.host = writer
        while line := await reader.readline():
            self.lines.put_nowait(bytes.fromhex(line.decode()))


@pytest.fixture
def extended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    touched = add("A gateway source", "gateway/src", tmp_path)
    assert len(touched) <= 2, "the source with its options, and its registration"
    package = tmp_path / "gateway/src"
    monkeypatch.setenv("PYTHONPATH", str(package))
    return package


async def program(*arguments: str, stdin: str = "") -> str:
    """The output of the extended gateway's command; it must succeed."""
    return await run("-m", "lyhord_gateway", *arguments, stdin=stdin)


async def run(*arguments: str, stdin: str = "") -> str:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*tied(sys.executable, *arguments), stdin=pipe, stdout=pipe)
    async with asyncio.timeout(DEADLINE_S):
        out, _ = await process.communicate(stdin.encode())
    assert process.returncode == 0
    return out.decode()


async def test_a_source_is_two_files(extended: Path, tmp_path: Path) -> None:
    template = await program("config-template")
    assert "#[[hexlines]]" in template and "A modem on TCP that speaks hexadecimal lines." in template
    node = Node()
    folder = tmp_path / "run"
    folder.mkdir()
    async with Modem() as modem:
        section = f'[[hexlines]]\nname = "modem"\nhost = "127.0.0.1"\nport = {modem.port}\n'
        async with GatewayProcess(folder, None, section) as gateway:
            line = json.dumps({"id": f"{node.id:06x}", "key": node.key.hex()})
            await program("nodes", "import", "-", "--config", str(gateway.config), stdin=line)
            await until(lambda: gateway.status()["states"].get("modem") == "up", "it is connected")
            assert modem.host is not None
            modem.host.write(b"no hex\n" + node.report(ack=True).hex().encode() + b"\n")
            async with asyncio.timeout(DEADLINE_S):
                assert node.open(await modem.lines.get())[1] == 1
            assert await gateway.terminate() == 0
        counters = gateway.status()["counters"]
    assert (counters["modem.refused.junk"], counters["store.samples"]) == (1, 1)


async def test_a_profile_is_two_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touched = add("A platform profile", "gateway/src", tmp_path)
    assert len(touched) <= 2, "the profile with its options, and its registration"
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "gateway/src"))
    template = await program("config-template")
    assert "A platform that takes lines of text" in template and '#prefix = "lines"' in template
    node = Node()
    folder = tmp_path / "run"
    folder.mkdir()
    async with Mosquitto(tmp_path) as platform, connected(platform.port, "lines/#") as ear:
        section = (
            f'[[platform]]\nname = "lines"\nurl = "mqtt://127.0.0.1:{platform.port}"\nprofile = "lines"\n'
        )
        async with GatewayProcess(folder, None, section) as gateway:
            line = json.dumps({"id": f"{node.id:06x}", "key": node.key.hex()})
            await program("nodes", "import", "-", "--config", str(gateway.config), stdin=line)
            assert (await next_message(ear)).payload == b"on"
            async with connected(gateway.port, node.down) as client:
                await client.publish(node.up, node.report(ack=True), qos=1)
            said = await next_message(ear)
            assert said.topic.value == f"lines/{node.id:06x}/data" and b" fill_level=" in bytes(said.payload)
            await ear.publish("lines/ask/test", f"{node.id:06x}", qos=1)
            await next_message(ear)
            accepted = "platform.lines.rpc.accepted"
            await until(lambda: gateway.status()["counters"].get(accepted) == 1, "it is an order")
            assert "can be read back" in await program("check", "--connect", "--config", str(gateway.config))
            assert (await next_message(ear)).payload == b"{}", "the probe"
            assert await gateway.terminate() == 0
        assert (await next_message(ear)).payload == b"off"


REGION = """
from lyhord_gateway.config.tree import load
from lyhord_gateway.sources.rxpk import read_push
from lyhord_gateway.sources.schedule import Heard, Plan, Scheduler
from lyhord_node.ledgers import _UPLINK_BANDS
from lyhord_wire import lora

assert lora.REGION == "IN865" and list(_UPLINK_BANDS) == ["IN"]
entry = '{"tmst":1,"freq":%s,"stat":1,"modu":"LORA","datr":"SF9BW125","rssi":-50,"lsnr":5,"data":"4AE="}'
packets, passed_over = read_push(('{"rxpk":[' + entry % 865.0625 + "," + entry % 868.1 + "]}").encode())
assert [packet.freq_hz for packet in packets] == [865_062_500] and passed_over == {"not_eu868": 1}
heard = Heard(1, 10_000_000, 865_062_500, 9)
scheduler = Scheduler(27)
plans = [scheduler.plan(10_000_000, heard, 40) for _ in range(2)]
assert plans == [
    Plan(1, 1_000_001, 865_062_500, 9, 27),
    Plan(2, 2_000_001, 866_550_000, 10, 27),
], plans
"""


async def test_a_region_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touched = add("A region", "firmware/wire", tmp_path)
    assert len(touched) == 1
    (tmp_path / "micropython.py").write_text("def const(value):\n    return value\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'firmware/wire'}:{ROOT / 'firmware/node'}:{tmp_path}")
    assert await run("-c", REGION) == ""
    template = await program("config-template")
    assert "#freq_hz = 865062500" in template and "(865000000…867000000)" in template


FREQUENCY = re.compile(r"\b8[67]\d_?\d{3}_?\d{3}\b")
OWN = {
    "firmware/wire/lyhord_wire/lora.py",
    "firmware/drivers/sx126x_chip.py",  # what the chip can be calibrated for
    "firmware/drivers/sx127x_chip.py",
    "hil/src/lyhord_rig/street/street.py",  # a bridge's channel
}


def test_no_other_file_has_a_frequency() -> None:
    found = {
        str(path.relative_to(ROOT))
        for folder in ("firmware", "gateway/src", "tools/src", "hil/src")
        for path in (ROOT / folder).rglob("*.py")
        if FREQUENCY.search(path.read_text())
    }
    assert found <= OWN


def test_the_example_is_written_as_our_own_code_is(extended: Path) -> None:
    path = extended / "lyhord_gateway/sources/hexlines.py"
    ruff = [sys.executable, "-m", "ruff", "check", "--config", str(ROOT / "pyproject.toml"), str(path)]
    said = subprocess.run(ruff, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout
