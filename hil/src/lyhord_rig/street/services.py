"""The real programs around a virtual street: brokers and the gateway, as processes on this machine."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import socket
import sys
from pathlib import Path
from typing import Protocol

from ..deadline import DEADLINE_S
from ..tied import tied

_POLL_S = 0.02
# Below the range from which the kernel takes ports for outgoing connections (Linux: 32768 and up, ip(7)):
# none of them takes a port while its owner is stopped, and who dials it in vain never meets himself.
_PORTS = range(20_000, 32_000)


class ServiceFailed(Exception):
    """A program did not start, or ended by itself; the message says which and where its log is."""


class Broker(Protocol):
    """An MQTT broker that may be stopped and started again."""

    port: int

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


_reserved: list[socket.socket] = []  # as long as this process lives


def free_port() -> int:
    """A TCP and UDP port that nobody uses at this moment, and that nobody else is given by this function.

    Between the choice and the program that listens there may be seconds, and tests run beside each other. So
    a port stays reserved for this process: an abstract address (unix(7)) of the same network namespace has
    its name, and goes with the process.
    """
    dice = random.SystemRandom()
    while True:
        port = dice.choice(_PORTS)
        reservation = socket.socket(socket.AF_UNIX)
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            try:
                if sys.platform == "linux":
                    reservation.bind(f"\0lyhord-port-{port}")
                tcp.bind(("", port))
                udp.bind(("", port))
            except OSError:
                reservation.close()
                continue
        _reserved.append(reservation)
        return port


class Process:
    """A program with its log file. Ends with this process's `stop` or `kill`, never by being forgotten."""

    def __init__(self, name: str, arguments: list[str], log: Path) -> None:
        self.name = name
        self.log = log
        self._arguments = arguments
        self._process: asyncio.subprocess.Process | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Starts the program; its output is appended to the log."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *tied(*self._arguments),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def stop(self) -> int | None:
        """SIGTERM, and SIGKILL when the deadline has passed; the exit code, None if it did not run."""
        process = self._process
        if process is None:
            return None
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(DEADLINE_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        return process.returncode

    async def kill(self) -> None:
        """SIGKILL: no goodbye, no last write."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def check(self) -> None:
        """Raises ServiceFailed if the program has ended by itself."""
        if self._process is not None and self._process.returncode not in (None, -signal.SIGKILL, 0):
            raise ServiceFailed(
                f"{self.name} ended with exit code {self._process.returncode}; its log: {self.log}"
            )

    async def listening(self, port: int) -> None:
        """Waits until the program accepts connections on a port of 127.0.0.1; raises ServiceFailed."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + DEADLINE_S
        while loop.time() < deadline:
            self.check()
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(_POLL_S)
                continue
            writer.close()
            return
        raise ServiceFailed(f"{self.name} does not listen on port {port}; its log: {self.log}")


class EmbeddedBroker:
    """The platform's broker where nothing is installed: rumqttd from the package `iotcore`."""

    def __init__(self, work_dir: Path) -> None:
        self.port = free_port()
        program = f"from iotcore import Broker; Broker(port={self.port}, listen='127.0.0.1').run_forever()"
        self._process = Process("platform broker", [sys.executable, "-c", program], work_dir / "platform.log")

    async def start(self) -> None:
        await self._process.start()
        await self._process.listening(self.port)

    async def stop(self) -> None:
        await self._process.stop()


class Mosquitto:
    """The platform's broker as municipalities run it: Mosquitto, keeping sessions over a restart."""

    def __init__(self, work_dir: Path) -> None:
        self.port = free_port()
        binary = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if binary is None:
            raise ServiceFailed("mosquitto is not installed (Debian package mosquitto)")
        data = work_dir / "mosquitto"
        data.mkdir(parents=True, exist_ok=True)
        config = work_dir / "mosquitto.conf"
        # Without these, Mosquitto acknowledges and then loses what waits for a subscriber that is away.
        config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
            f"persistence_location {data}/\nautosave_on_changes true\nautosave_interval 1\n"
            "max_queued_messages 0\n" + ("user root\n" if os.geteuid() == 0 else "")
        )
        self._process = Process("mosquitto", [binary, "-c", str(config)], work_dir / "mosquitto.log")

    async def start(self) -> None:
        await self._process.start()
        await self._process.listening(self.port)

    async def stop(self) -> None:
        await self._process.stop()


class GatewayService:
    """A real `lyhord-gateway run`, with a store that outlives its process."""

    def __init__(self, work_dir: Path, platform_port: int, bridge_url: str, sf: int, freq_hz: int) -> None:
        self.node_port = free_port()
        self.config = work_dir / "gateway.toml"
        self.config.write_text(
            f"""[gateway]
number = 1
name = "street"
data_dir = "gateway"

[mqtt]
embedded = true
listen = "127.0.0.1"
port = {self.node_port}

[[bridge]]
url = "{bridge_url}"
name = "roof"
sf = {sf}
freq_hz = {freq_hz}

[[platform]]
name = "city"
url = "mqtt://127.0.0.1:{platform_port}"
profile = "senml"
"""
        )
        self._program = Path(sys.executable).with_name("lyhord-gateway")
        self.process = Process(
            "gateway",
            [str(self._program), "run", "--config", str(self.config)],
            work_dir / "gateway.log",
        )

    async def start(self) -> None:
        await self.process.start()
        await self.process.listening(self.node_port)

    async def stop(self) -> int | None:
        return await self.process.stop()

    async def kill(self) -> None:
        await self.process.kill()

    async def import_nodes(self, lines: str) -> None:
        """Registers nodes, one JSON object per line; keys go through a pipe."""
        process = await asyncio.create_subprocess_exec(
            *tied(str(self._program), "nodes", "import", "--config", str(self.config), "-"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(DEADLINE_S):
            out, _ = await process.communicate(lines.encode())
        if process.returncode:
            raise ServiceFailed(f"lyhord-gateway nodes import: {out.decode(errors='replace').strip()}")
