"""Real parts for the gateway's tests: brokers and gateways as processes, and a node that speaks the wire."""

import asyncio
import contextlib
import io
import json
import os
import shutil
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path

import aiomqtt
import pytest

from lyhord_gateway.cli import main
from lyhord_gateway.model.cipher import Cipher
from lyhord_rig.deadline import DEADLINE_S
from lyhord_rig.street.services import free_port
from lyhord_rig.tied import tied
from lyhord_wire.frame import KIND_REPORT, open_downlink, parse_downlink, seal_uplink
from lyhord_wire.instructions import decode_instructions
from lyhord_wire.refusal import Refused
from lyhord_wire.report import Report, encode_report
from tests.vectors import load

KEY = bytes(range(16))
NODE = 0xA01
PROGRAM = [sys.executable, "-m", "lyhord_gateway"]


def vectors(name: str) -> list[dict]:
    return load(name)


async def until(condition: Callable[[], object], what: str, deadline_s: float = DEADLINE_S) -> None:
    """Waits for a condition that changes in another process; polls, because nothing rings."""
    try:
        async with asyncio.timeout(deadline_s):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise TimeoutError(f"not within {deadline_s:g} s: {what}") from None


async def port_open(port: int, deadline_s: float = DEADLINE_S) -> None:
    async with asyncio.timeout(deadline_s):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
                continue
            writer.close()
            return


class Mosquitto:
    """Debian's broker on a port of its own; `stop` and `start` as often as a test likes."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.port = port or free_port()
        self._config = folder / f"mosquitto-{self.port}.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n"
            # A process that changes its user is tied to its parent no longer (prctl(2), PR_SET_PDEATHSIG).
            + ("user root\n" if os.geteuid() == 0 else "")
        )
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        program = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/opt/homebrew/sbin")
        assert program, "mosquitto is not installed"
        self._process = await asyncio.create_subprocess_exec(
            *tied(program, "-c", str(self._config)),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await port_open(self.port)

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def __aenter__(self) -> "Mosquitto":
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()


class GatewayProcess:
    """`lyhord-gateway run` in a folder of its own, with an embedded broker for nodes."""

    def __init__(
        self, folder: Path, platform_port: int | None, extra: str = "", profile: str = "senml"
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self.config = folder / "gateway.toml"
        self.log = folder / "gateway.log"
        text = '[gateway]\nnumber = 1\nname = "test"\ndata_dir = "data"\n'
        text += f'[mqtt]\nlisten = "127.0.0.1"\nport = {self.port}\n'
        if platform_port is not None:
            text += f'[[platform]]\nname = "city"\nurl = "mqtt://127.0.0.1:{platform_port}"\n'
            text += f'profile = "{profile}"\nbatch_ms = 20\nbatch_count = 20\n'
        self.config.write_text(text + extra)
        self.process: asyncio.subprocess.Process | None = None
        self.program = PROGRAM
        self.awaits = "mqtt"  # the part that must be up at the start

    async def start(self) -> None:
        """Returns when the gateway listens to nodes."""
        self.status_path.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *tied(*self.program, "run", "--config", str(self.config)), stdout=log, stderr=log
            )
        process = self.process
        await until(
            lambda: (
                process.returncode is not None or self.status().get("states", {}).get(self.awaits) == "up"
            ),
            "the gateway is up",
        )
        assert process.returncode is None, self.log.read_text()

    async def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def terminate(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        async with asyncio.timeout(DEADLINE_S):
            return await self.process.wait()

    @property
    def status_path(self) -> Path:
        return self.folder / "data" / "status.json"

    def status(self) -> dict:
        with contextlib.suppress(FileNotFoundError):
            return json.loads(self.status_path.read_text())
        return {}

    async def cli(self, *arguments: str, stdin: str = "") -> str:
        """Standard output of another lyhord-gateway command with this configuration; it must succeed."""
        code, out, err = await cli(*arguments, "--config", str(self.config), stdin=stdin)
        assert code == 0, err
        return out

    async def add(self, *nodes: "Node") -> None:
        lines = "".join(json.dumps({"id": f"{n.id:06x}", "key": n.key.hex()}) + "\n" for n in nodes)
        await self.cli("nodes", "import", "-", stdin=lines)

    async def __aenter__(self) -> "GatewayProcess":
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self.process is not None and self.process.returncode is None:
            await self.kill()


async def cli(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a lyhord-gateway command.

    In this process, as a start takes half a second each time; but `run` turns into another program.
    """
    if arguments[0] == "run":
        return await _started(*arguments)
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as end,
    ):
        patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        main(list(arguments))
    assert isinstance(end.value.code, int | None)
    return end.value.code or 0, out.getvalue(), err.getvalue()


async def _started(*arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *tied(*PROGRAM, *arguments), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(DEADLINE_S):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


class Node:
    """A node's side of the wire: numbers its samples, never reuses a counter, opens its answers."""

    def __init__(self, node: int = NODE, key: bytes = KEY) -> None:
        self.id = node
        self.key = key
        self.cipher = Cipher(key)
        self.counter = 0
        self.seq = 0
        self.downlinks: list[int] = []

    def frame(self, payload: bytes, ack: bool = False, kind: int = KIND_REPORT) -> bytes:
        self.counter += 1
        return seal_uplink(self.cipher, self.id, self.counter, kind, payload, ack_requested=ack)

    def report(self, ack: bool = False, count: int = 1, status: dict[int, int] | None = None) -> bytes:
        """A frame with the next `count` samples; their values tell their numbers."""
        first = self.seq
        self.seq += count
        return self.samples(first, count, ack, status)

    def samples(
        self, first: int, count: int, ack: bool = False, status: dict[int, int] | None = None
    ) -> bytes:
        columns: dict[int, list[int | None]] = {}
        if count:
            columns = {
                1: [(first + i) % 101 for i in range(count)],
                3: [200 + first + i for i in range(count)],
            }
        period = 900 if count > 1 else 0
        return self.frame(
            encode_report(Report(first, 1767225600 + 900 * first, period, columns, status)), ack
        )

    def open(self, raw: bytes, answers: int | None = None) -> dict[int, object]:
        """The instructions in an answer to the newest uplink, or to that with counter `answers`."""
        opened = open_downlink(parse_downlink(raw), self.cipher, self.counter if answers is None else answers)
        self.downlinks.append(opened.counter)
        return decode_instructions(opened.payload)

    def open_or_none(self, raw: bytes) -> dict[int, object]:
        """As `open`, empty for the answer to another uplink than the newest."""
        try:
            return self.open(raw)
        except Refused:
            return {}

    @property
    def up(self) -> str:
        return f"lyhord/v1/{self.id:06x}/up"

    @property
    def down(self) -> str:
        return f"lyhord/v1/{self.id:06x}/down"


@contextlib.asynccontextmanager
async def meanwhile(work: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """Something that runs until it is cancelled, at the end of the block; what it raised before is raised."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@contextlib.asynccontextmanager
async def connected(port: int, *topics: str) -> AsyncIterator[aiomqtt.Client]:
    async with aiomqtt.Client("127.0.0.1", port, timeout=DEADLINE_S) as client:
        for topic in topics:
            await client.subscribe(topic, qos=1)
        yield client


async def next_message(client: aiomqtt.Client, deadline_s: float = DEADLINE_S) -> aiomqtt.Message:
    async with asyncio.timeout(deadline_s):
        return await anext(client.messages)


def get(port: int, path: str) -> tuple[int, str]:
    """Status and text that the gateway's HTTP server answers with."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=DEADLINE_S) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
