"""LoRa nodes through concentrators that run Semtech's packet forwarder (docs/protocol.md section 7).

The protocol knows no authentication: whoever can send us datagrams can pretend to be a concentrator. So
only listed EUIs are answered, and of what they say nothing is believed but a frame's tag.
"""

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from lyhord_gateway.backoff import Backoff
from lyhord_gateway.line_limit import LineLimit, more
from lyhord_gateway.metrics import Metrics
from lyhord_gateway.sources import gwmp
from lyhord_gateway.sources.radio_clock import RadioClock
from lyhord_gateway.sources.schedule import Heard, Scheduler
from lyhord_gateway.sources.transmissions import Transmissions
from lyhord_gateway.uplink import Uplink

_log = logging.getLogger(__name__)

NAME = "udp"
GATHER_US = 100_000  # several concentrators' datagrams about one frame come within this
_SILENT_S = 75.0  # a packet forwarder sends PULL_DATA every 5 or 10 s
_LOOK_S = 5.0
_TOKENS = 1 << 16
_BUFFER = 4 << 20  # bytes that the kernel may hold while we are busy, or the store is
_AT_ONCE = 32  # datagrams taken at one wake-up, before others have their turn

Address = tuple[str | int, ...]


@dataclass(slots=True)
class Concentrator:
    """One allow-listed packet forwarder. pull: where its latest PULL_DATA came from."""

    eui: str
    scheduler: Scheduler
    keep: Callable[[bytes], None]
    clock: RadioClock = field(default_factory=RadioClock)
    pull: Address | None = None
    heard_s: float = float("-inf")


class UdpSource:
    """concentrators: by EUI, sixteen hexadecimal digits in lower case. hear: takes each uplink. room: is set
    while the store has room; until then datagrams wait in the kernel. now_us: our monotonic clock."""

    def __init__(
        self,
        listen: str,
        port: int,
        concentrators: Mapping[str, Concentrator],
        hear: Callable[[Uplink], None],
        room: asyncio.Event,
        metrics: Metrics,
        gather_us: int = 0,
        now_us: Callable[[], int] | None = None,
    ) -> None:
        self._listen = listen
        self._port = port
        self._concentrators = concentrators
        self._transmissions = {
            eui: Transmissions(concentrator.scheduler, concentrator.keep, self._count, _TOKENS)
            for eui, concentrator in concentrators.items()
        }
        self._hear = hear
        self._room = room
        self._metrics = metrics
        self._gather_us = gather_us
        self._now_us = now_us or _monotonic_us
        self._socket: socket.socket | None = None
        self._lines = LineLimit()
        self.address: Address = ()

    async def run(self) -> None:
        """Listens until cancelled; an address that is not there yet is tried again."""
        backoff = Backoff(cap_s=5.0)
        while True:
            try:
                await self._session()
            except OSError as error:
                self._count("not_listening")
                if self._metrics.state(NAME, "down"):
                    _log.warning("udp: cannot listen on %s:%d (%s)", self._listen, self._port, error)
            await asyncio.sleep(backoff.next_s())

    async def _session(self) -> None:
        loop = asyncio.get_running_loop()
        family, kind, _, _, where = (
            await loop.getaddrinfo(self._listen, self._port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE)
        )[0]
        with socket.socket(family, kind) as bound:
            bound.setblocking(False)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            bound.bind(where)
            self._socket, self.address = bound, bound.getsockname()
            self._metrics.state(NAME, "up")
            _log.info("udp: listening on %s:%d", self.address[0], self.address[1])
            for concentrator in self._concentrators.values():
                concentrator.heard_s = max(concentrator.heard_s, time.monotonic())
            try:
                while True:
                    self._look_for_silence()
                    await self._receive(bound, _LOOK_S)
            finally:
                self._socket = None

    async def _receive(self, bound: socket.socket, seconds: float) -> None:
        """Takes datagrams for so long, or until the store has no room; then returns when it has."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()
        loop.add_reader(bound, self._take, bound, ended)
        try:
            await asyncio.wait([ended], timeout=seconds)
        finally:
            loop.remove_reader(bound)
        if ended.done():
            ended.result()
        await self._room.wait()

    def _take(self, bound: socket.socket, ended: asyncio.Future[None]) -> None:
        """Several datagrams at a wake-up. Asyncio's own transport takes one, into a buffer of 256 KiB."""
        try:
            for _ in range(_AT_ONCE):
                if not self._room.is_set():
                    break
                self._received(*bound.recvfrom(gwmp.DATAGRAM_MAX + 1))
            else:
                return
        except BlockingIOError:
            return
        except OSError as error:
            if not ended.done():
                ended.set_exception(error)
            return
        if not ended.done():
            ended.set_result(None)

    def _look_for_silence(self) -> None:
        for eui, concentrator in self._concentrators.items():
            if time.monotonic() - concentrator.heard_s > _SILENT_S:
                concentrator.pull = None
                if self._metrics.state(eui, "down"):
                    _log.warning("udp: nothing is heard of concentrator %s", eui)

    def _received(self, datagram: bytes, source: Address) -> None:
        arrived_us = self._now_us()
        try:
            message = gwmp.parse(datagram)
        except gwmp.Malformed as malformed:
            self._refuse(malformed.reason, source)
            return
        concentrator = self._concentrators.get(message.eui)
        if concentrator is None:
            self._refuse("unknown_eui", source)
            return
        concentrator.heard_s = time.monotonic()
        match message:
            case gwmp.PushData():
                self._count("push_data")
                self._send(gwmp.push_ack(message.token), source)
                self._push(concentrator, message, arrived_us)
            case gwmp.PullData():
                self._count("pull_data")
                self._pulled_from(concentrator, source)
                self._send(gwmp.pull_ack(message.token), source)
                if self._metrics.state(concentrator.eui, "up"):
                    _log.info("udp: concentrator %s is up", concentrator.eui)
            case gwmp.TxAck():
                self._tx_ack(message)

    def _pulled_from(self, concentrator: Concentrator, source: Address) -> None:
        before, concentrator.pull = concentrator.pull, source
        if before is None or before[0] == source[0]:
            return
        # It has got another address, or somebody else wants to have its downlinks.
        self._count("pull_moved")
        held_back = self._lines.admit("moved", time.monotonic())
        if held_back is not None:
            _log.warning(
                "udp: concentrator %s pulls from %s, before from %s%s",
                concentrator.eui,
                source[0],
                before[0],
                more(held_back),
            )

    def _push(self, concentrator: Concentrator, push: gwmp.PushData, arrived_us: int) -> None:
        for reason, number in push.passed_over.items():
            self._count(f"passed_over.{reason}", number)
        heard_s = int(time.time())
        for packet in push.packets:
            heard_us = concentrator.clock.heard_us(packet.tmst_us, arrived_us)
            heard = Heard(packet.tmst_us, heard_us, packet.freq_hz, packet.sf)
            self._hear(
                Uplink(
                    raw=packet.data,
                    source=concentrator.eui,
                    heard_s=heard_s,
                    heard_us=heard_us,
                    rssi_dbm=packet.rssi_dbm,
                    snr_q4=packet.snr_q4,
                    reply=partial(self._reply, concentrator, heard),
                    gather_us=self._gather_us,
                    sf=packet.sf,
                )
            )

    def _reply(
        self, concentrator: Concentrator, heard: Heard, frame: bytes, unsent: Callable[[], None]
    ) -> None:
        if concentrator.pull is None:
            self._count("tx_refused.no_pull")
            unsent()
            return
        transmissions = self._transmissions[concentrator.eui]
        planned = transmissions.plan(self._now_us(), heard, len(frame), unsent)
        if planned is None:
            return
        token, plan = planned
        if not self._send(gwmp.pull_resp(token.to_bytes(2, "big"), plan, frame), concentrator.pull):
            transmissions.not_reached(token)

    def _tx_ack(self, ack: gwmp.TxAck) -> None:
        token, sent = int.from_bytes(ack.token, "big"), ack.outcome == gwmp.SENT
        if self._transmissions[ack.eui].reported(token, ack.outcome, sent) and ack.warned:
            self._count("tx_warned")

    def _send(self, datagram: bytes, address: Address) -> bool:
        if self._socket is not None:
            with contextlib.suppress(OSError):  # no buffer, no route: one datagram lost, as any may be
                self._socket.sendto(datagram, address)
                return True
        self._count("send_dropped")
        return False

    def _refuse(self, reason: str, source: Address) -> None:
        self._count(f"refused.{reason}")
        held_back = self._lines.admit(reason, time.monotonic())
        if held_back is not None:
            _log.warning("udp: refused from=%s reason=%s%s", source[0], reason, more(held_back))

    def _count(self, name: str, number: int = 1) -> None:
        self._metrics.count(f"{NAME}.{name}", number)


def _monotonic_us() -> int:
    return time.monotonic_ns() // 1000
