"""Notices to systemd for a service of Type=notify (sd_notify(3)): a line of text in a datagram."""

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Mapping

_log = logging.getLogger(__name__)

_CHECK_S = 3600  # the service manager lets the check of the store take that long
_STATUS_S = 10.0  # how often the status line is looked at when no watchdog asks for more


class Notify:
    """Silent where no service manager listens. environment: NOTIFY_SOCKET and WATCHDOG_USEC are read."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        # An address that begins with @ lies in Linux's abstract namespace (unix(7)).
        self._address = "\0" + address[1:] if address.startswith("@") else address
        watchdog = environment.get("WATCHDOG_USEC", "")
        ours = environment.get("WATCHDOG_PID", "") in ("", str(os.getpid()))
        self.watchdog_s = int(watchdog) / 1e6 if watchdog.isdigit() and ours else None
        self._status = ""

    def send(self, *lines: str) -> None:
        """A service manager that does not listen costs a warning, nothing else."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)
                sender.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            _log.warning("service manager not reached (%s)", error.strerror)

    def checking_store(self) -> None:
        """Half a minute per GiB, more where a store is damaged: a start that is cut off would never end."""
        self.send(f"EXTEND_TIMEOUT_USEC={_CHECK_S * 1_000_000}", "STATUS=checking the store")

    async def watch(self, status: Callable[[], str]) -> None:
        """Says that the event loop is alive, three times per watchdog period, and the status line when it
        changes, until cancelled."""
        if not self._address:
            return
        pause_s = min(_STATUS_S, self.watchdog_s / 3 if self.watchdog_s else _STATUS_S)
        while True:
            lines = ["WATCHDOG=1"] if self.watchdog_s else []
            if (line := status()) != self._status:
                self._status = line
                lines.append(f"STATUS={line}")
            if lines:
                self.send(*lines)
            await asyncio.sleep(pause_s)
