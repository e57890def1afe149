"""docs/extend.md, the gateway's part: the example source is added to a copy of the gateway, and works."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gateway.parts import DEADLINE_S, PROGRAM, GatewayProcess, Node, until
from tests.house.extend_document import add


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
    """What the extended gateway's command says; it must succeed."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*PROGRAM, *arguments, stdin=pipe, stdout=pipe)
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


def test_the_example_is_written_as_our_own_code_is(extended: Path) -> None:
    path = extended / "lyhord_gateway/sources/hexlines.py"
    root = Path(__file__).resolve().parents[2]
    ruff = [sys.executable, "-m", "ruff", "check", "--config", str(root / "pyproject.toml"), str(path)]
    said = subprocess.run(ruff, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout
