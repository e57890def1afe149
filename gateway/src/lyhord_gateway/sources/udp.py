"""LoRa nodes through concentrators that run Semtech's packet forwarder (docs/protocol.md section 7).

The protocol knows no authentication: whoever can send us datagrams can pretend to be a concentrator. So
only listed EUIs are answered, and of what they say nothing is believed but a frame's tag.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence

from lyhord_gateway.sources import gwmp
from lyhord_gateway.sources.concentrator import COUNTERS, Concentrator
from lyhord_gateway.sources.datagrams import Address, Datagrams
from lyhord_gateway.sources.source import SourceContext
from lyhord_gateway.support.backoff import Backoff
from lyhord_gateway.support.log_rate_limit import LogRateLimit, more
from lyhord_gateway.support.metrics import Metrics

_log = logging.getLogger(__name__)

NAME = "udp"
_LOOK_S = 5.0
_COUNTERS = ("not_listening", "pull_moved", "send_dropped", "refused.unknown_eui")


class _Count:
    """Counts an event of one concentrator, for it and for all of them. The names are made once: a datagram
    takes only some 10 µs."""

    def __init__(self, metrics: Metrics, eui: str) -> None:
        self._count = metrics.count
        self._names = {name: (f"{NAME}.{name}", f"{NAME}.concentrator.{eui}.{name}") for name in COUNTERS}
        metrics.declare(*(own for _, own in self._names.values()))

    def __call__(self, name: str, number: int = 1) -> None:
        every, own = self._names[name]
        self._count(every, number)
        self._count(own, number)


class UdpSource:
    """euis: of the concentrators that are heard, sixteen hexadecimal digits in lower case. power_dbm: with
    which they transmit. While the store has no room, datagrams wait in the kernel."""

    def __init__(
        self, listen: str, port: int, euis: Iterable[str], power_dbm: int, around: SourceContext
    ) -> None:
        self._listen = listen
        self._port = port
        self._times = around.times
        self._room = around.room
        self._metrics = around.metrics
        self.concentrators = {
            eui: Concentrator(eui, power_dbm, around, self._send, _Count(self._metrics, eui)) for eui in euis
        }
        self._datagrams: Datagrams | None = None  # None while the address is not there
        self._lines = LogRateLimit()
        self.address: Address = ()
        self._metrics.hears(*self.concentrators)
        self._metrics.declare(*_COUNTERS, *COUNTERS, under=[NAME])

    @property
    def name(self) -> str:
        return NAME

    @property
    def parts(self) -> Sequence[str]:
        return [NAME, *self.concentrators]

    async def run(self) -> None:
        """Listens until cancelled; an address that is not there yet is tried again."""
        backoff = Backoff(cap_s=5.0)
        while True:
            try:
                await self._session(backoff)
            except OSError as error:
                self._count("not_listening")
                if self._metrics.state(NAME, "down"):
                    _log.warning("udp: cannot listen on %s:%d (%s)", self._listen, self._port, error)
            await asyncio.sleep(backoff.next_s())

    async def _session(self, backoff: Backoff) -> None:
        with await Datagrams.bind(self._listen, self._port, self._received, self._room) as datagrams:
            self._datagrams, self.address = datagrams, datagrams.address
            backoff.opened()
            self._metrics.state(NAME, "up")
            _log.info("udp: listening on %s:%d", self.address[0], self.address[1])
            for concentrator in self.concentrators.values():
                concentrator.begin()
            try:
                while True:
                    for concentrator in self.concentrators.values():
                        concentrator.look_for_silence()
                    await datagrams.receive(_LOOK_S)
            finally:
                self._datagrams = None

    def _received(self, raw: bytes, source: Address) -> None:
        arrived_us = self._times.now_us()
        try:
            datagram = gwmp.parse(raw)
        except gwmp.Malformed as malformed:
            self._refuse(malformed.reason, source)
            return
        concentrator = self.concentrators.get(datagram.eui)
        if concentrator is None:
            self._refuse("unknown_eui", source)
            return
        try:
            concentrator.take(datagram, source, arrived_us)
        except gwmp.Malformed as malformed:
            self._refuse(malformed.reason, source, datagram.eui)

    def _send(self, datagram: bytes, address: Address) -> bool:
        if self._datagrams is not None and self._datagrams.send(datagram, address):
            return True
        self._count("send_dropped")
        return False

    def _refuse(self, reason: str, source: Address, eui: str = "") -> None:
        """eui: of a concentrator that is listed; an unknown one's is never repeated."""
        if eui:
            self.concentrators[eui].count(f"refused.{reason}")
        else:
            self._count(f"refused.{reason}")
        held_back = self._lines.admit(reason, self._times.mono_s())
        if held_back is not None:
            whose = f" eui={eui}" if eui else ""
            _log.warning("udp: refused from=%s%s reason=%s%s", source[0], whose, reason, more(held_back))

    def _count(self, name: str) -> None:
        self._metrics.count(f"{NAME}.{name}")
