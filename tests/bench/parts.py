"""The processes of a bench: gateway, broker, and both ends of the load. Traffic stays on 127.0.0.1."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from lyhord_rig.deadline import DEADLINE_S
from lyhord_rig.tied import tied
from tests.bench.fleet import FIRST_NODE, key
from tests.bench.sender import EUI
from tests.gateway.parts import GatewayProcess, Mosquitto, free_port, until

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
# Mosquitto drops above 1000 queued messages and sends 20 at a time unless it is told otherwise.
BROKER = "max_inflight_messages 1000\nset_tcp_nodelay true\n"
_LINE = 1 << 24  # bytes of one reply, at most


class Worker:
    """A process of ours that is told what to do by lines of JSON."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def tell(self, do: str, **how: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **how}).encode() + b"\n")
        await self._process.stdin.drain()

    async def hear(self, deadline_s: float = DEADLINE_S) -> dict:
        assert self._process.stdout is not None
        async with asyncio.timeout(deadline_s):
            line = await self._process.stdout.readline()
        assert line, "a process of the bench has died"
        return json.loads(line)

    async def do(self, do: str, **how: object) -> dict:
        await self.tell(do, **how)
        return await self.hear()


@contextlib.asynccontextmanager
async def worker(*arguments: str) -> AsyncIterator[Worker]:
    process = await asyncio.create_subprocess_exec(
        *tied(sys.executable, "-m", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LINE,
    )
    try:
        yield Worker(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@dataclass(frozen=True, slots=True)
class Used:
    """cpu_s: user and system time of all threads; peak_mb: most resident memory until now; waited_s: how long
    the main thread could have run, but had no core."""

    cpu_s: float
    peak_mb: float
    waited_s: float


class Gateway(GatewayProcess):
    """A gateway with one source, a concentrator (udp) or a broker for nodes (mqtt), that takes as much of
    a node as it sends in a bench; all else by default."""

    def __init__(self, folder: Path, platform_port: int, source: str, nodes: int) -> None:
        super().__init__(folder, None)
        self.udp = free_port()
        self._nodes = nodes
        self.awaits = source
        section = {
            "udp": f'[udp]\nlisten = "127.0.0.1"\nport = {self.udp}\neuis = ["{EUI}"]\n',
            "mqtt": f'[mqtt]\nlisten = "127.0.0.1"\nport = {self.port}\n',
        }
        self.config.write_text(
            f'[gateway]\nnumber = 1\nname = "bench"\ndata_dir = "data"\n{section[source]}'
            "[store]\nnode_hour = 10_000_000\n"
            f'[[platform]]\nname = "city"\nurl = "mqtt://127.0.0.1:{platform_port}"\nprofile = "senml"\n'
        )

    async def start(self) -> None:
        lines = (
            json.dumps({"id": f"{node:06x}", "key": key(node).hex()}) + "\n"
            for node in range(FIRST_NODE, FIRST_NODE + self._nodes)
        )
        await self.cli("nodes", "import", "-", stdin="".join(lines))
        await super().start()
        await self.reaches("platform.city", "up")

    async def reaches(self, part: str, state: str) -> None:
        await until(lambda: self.status()["states"].get(part) == state, f"{part} is {state}", DEADLINE_S)

    def used(self) -> Used:
        assert self.process is not None
        proc = Path(f"/proc/{self.process.pid}")
        fields = (proc / "stat").read_text().rpartition(")")[2].split()
        peak_kb = next(
            int(line.split()[1]) for line in (proc / "status").read_text().splitlines() if "VmHWM" in line
        )
        waited_ns = int((proc / "schedstat").read_text().split()[1])
        return Used((int(fields[11]) + int(fields[12])) * _TICK_S, peak_kb / 1024, waited_ns / 1e9)


class Broker(Mosquitto):
    """Mosquitto with the settings of docs/operate.md that matter under load."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        with self._config.open("a") as config:
            config.write(BROKER)


async def worker_once(*arguments: str) -> dict:
    """The one reply of a process that ends by itself."""
    async with worker(*arguments) as process:
        return await process.hear()
