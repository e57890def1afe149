"""The embedded broker for WiFi nodes, in a child process that ends when we end, however we end.

    on loopback only        rumqttd (`iotcore`): nothing to install, no accounts, bounded memory
    anywhere else, or TLS   Mosquitto: an account and two topics per node, made from the registry

rumqttd knows no access lists, so it never listens where others can reach it.
"""

import asyncio
import contextlib
import getpass
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Protocol

from lyhord_gateway.node_broker.accounts import Accounts
from lyhord_gateway.options.address import bindable, from_here, with_port
from lyhord_gateway.support.backoff import Backoff
from lyhord_gateway.support.errors import UserError
from lyhord_gateway.support.metrics import Metrics

_log = logging.getLogger(__name__)

_PORT_FREE_S = 3.0  # a predecessor that was killed takes a moment to let go of its port
_READY_S = 60.0
_STOP_S = 5.0
_RETRY_S = 0.1
_WATCH_S = 0.5
_ACCOUNTS_S = 2.0  # how often the registry is asked for nodes that are new or gone
_PAYLOAD_MAX = 4096  # bytes; our frames have up to 222
_WAITING = 1000  # messages for one client
_PATHS = "/usr/sbin:/usr/local/sbin:/usr/local/bin:/usr/bin:/opt/homebrew/sbin"

# What is kept per subscription: four segments, oldest dropped. Their nodes send again what is lost so.
_RUMQTTD = """id = 0
[router]
id = 0
max_connections = 10010
max_outgoing_packet_count = 200
max_segment_size = 1048576
max_segment_count = 4
[v4.1]
name = "nodes"
listen = "{where}"
next_connection_delay_ms = 1
[v4.1.connections]
connection_timeout_ms = 10000
max_payload_size = {payload}
max_inflight_count = 100
dynamic_filters = true
"""
_CHILD = "from iotcore._serve import main; main()"  # ends when its standard input does


class Engine(Protocol):
    """command: to start it, its files written. refresh: takes over what has changed; True if it has."""

    def command(self) -> list[str]: ...

    def refresh(self) -> bool: ...


class Rumqttd:
    """folder: for its configuration; where: host and port."""

    def __init__(self, folder: Path, where: str) -> None:
        self._config = folder / "rumqttd.toml"
        self._where = where

    def command(self) -> list[str]:
        self._config.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._config.write_text(_RUMQTTD.format(where=self._where, payload=_PAYLOAD_MAX))
        return [sys.executable, "-P", "-c", _CHILD, json.dumps({"config_path": str(self._config)})]

    def refresh(self) -> bool:
        return False


class Mosquitto:
    """nodes: those that may have an account now. password: the gateway's own. certificate: PEM files of
    certificate and key, for TLS. inner_port: a listener on loopback without TLS, for the gateway itself."""

    def __init__(
        self,
        folder: Path,
        listen: str,
        port: int,
        nodes: Callable[[], Collection[int]],
        password: str,
        certificate: tuple[Path, Path] | None = None,
        inner_port: int | None = None,
    ) -> None:
        self._folder = folder
        self._accounts = Accounts(folder)
        self._listen, self._port = listen, port
        self._nodes = nodes
        self._password = password
        self._certificate = certificate
        self._inner_port = inner_port
        self._known: frozenset[int] = frozenset()

    def command(self) -> list[str]:
        """Raises UserError if it is not installed."""
        program = find_mosquitto()
        self._known = frozenset(self._nodes())
        self._accounts.write(self._known, self._password)
        config = self._folder / "mosquitto.conf"
        config.write_text(self._text())
        return ["setpriv", "--pdeathsig", "TERM", program, "-c", str(config)]

    def refresh(self) -> bool:
        now = frozenset(self._nodes())
        if now == self._known:
            return False
        self._known = now
        self._accounts.write(now, self._password)
        return True

    def _text(self) -> str:
        lines = [
            "allow_anonymous false",
            f"password_file {self._accounts.passwords}",
            f"acl_file {self._accounts.access}",
            # Nobody can take another's session over by its client identifier.
            "use_username_as_clientid true",
            f"message_size_limit {_PAYLOAD_MAX}",
            f"max_queued_messages {_WAITING}",
            f"user {getpass.getuser()}",
            "log_type error",
            "log_type warning",
            f"listener {self._port} {self._listen}",
        ]
        if self._certificate is not None:
            certificate, key = self._certificate
            lines += [f"certfile {certificate}", f"keyfile {key}"]
        if self._inner_port is not None:
            lines += [f"listener {self._inner_port} 127.0.0.1"]
        return "".join(f"{line}\n" for line in lines)


def find_mosquitto() -> str:
    """Its program; raises UserError with what to do."""
    program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:{_PATHS}")
    if program is None or shutil.which("setpriv") is None:
        raise UserError(
            "mqtt.listen: expected the Debian package mosquitto (and util-linux), because the embedded "
            'broker is for others too and needs accounts; or listen = "127.0.0.1"'
        )
    return program


class EmbeddedBroker:
    """start() before use; watch() starts it again if it dies; stop() in any case."""

    part = "broker"  # its name in states and counters

    def __init__(self, listen: str, port: int, engine: Engine, metrics: Metrics) -> None:
        self._listen, self._port = listen, port
        self._engine = engine
        self._metrics = metrics
        self._process: subprocess.Popen[bytes] | None = None
        metrics.declare("broker.restarts")

    async def start(self) -> None:
        """Raises UserError if something else has the port, or the address is none of this machine's."""
        where = with_port(self._listen, self._port)
        deadline = time.monotonic() + _PORT_FREE_S
        while True:
            try:
                bindable(self._listen, self._port)
                break
            except OSError as error:
                if time.monotonic() > deadline:
                    raise UserError(
                        f"mqtt.port: expected a free port, {where} cannot be used ({error})"
                    ) from error
                await asyncio.sleep(_RETRY_S)
        command = await asyncio.to_thread(self._engine.command)
        # In this thread, with which the child is to end; out of the reach of a Ctrl-C that is for us.
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, process_group=0)  # noqa: ASYNC220
        await self._listening()
        self._metrics.state(self.part, "up")
        _log.info("broker: listening on %s", where)

    async def _listening(self) -> None:
        deadline = time.monotonic() + _READY_S
        while self._running:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(from_here(self._listen), self._port)
                writer.close()
                return
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(_WATCH_S / 10)
        code = None if self._process is None else self._process.poll()
        await self.stop()
        raise UserError(
            f"mqtt: the broker's process does not listen (exit code {code}); what it says stands above"
        )

    @property
    def _running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def watch(self) -> None:
        """Starts the broker again whenever its process has gone, until cancelled."""
        backoff = Backoff(cap_s=5.0)
        while True:
            backoff.opened()
            await self._attend()
            self._metrics.count("broker.restarts")
            self._metrics.state(self.part, "down")
            _log.error("broker: process has gone, starting another")
            while True:
                await asyncio.sleep(backoff.next_s())
                try:
                    await self.start()
                    break
                except (UserError, OSError) as error:
                    _log.error("broker: %s", error)

    async def _attend(self) -> None:
        """As long as the process is there: accounts follow the registry."""
        looked_mono_s = time.monotonic()
        while self._running:
            await asyncio.sleep(_WATCH_S)
            if time.monotonic() - looked_mono_s < _ACCOUNTS_S:
                continue
            looked_mono_s = time.monotonic()
            if await asyncio.to_thread(self._engine.refresh) and self._process is not None:
                self._process.send_signal(signal.SIGHUP)

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await asyncio.to_thread(_end, process)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(_STOP_S)
    if process.stdin is not None:
        process.stdin.close()
