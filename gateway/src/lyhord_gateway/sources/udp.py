"""LoRa nodes through concentrators that run Semtech's packet forwarder (docs/protocol.md section 7).

The protocol knows no authentication: whoever can send us datagrams can pretend to be a concentrator. So
only listed EUIs are answered, and of what they say nothing is believed but a frame's tag.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import get_args

from lyhord_gateway.model.uplink import Uplink
from lyhord_gateway.sources import gwmp
from lyhord_gateway.sources.concentrator import Concentrator
from lyhord_gateway.sources.datagrams import Address, Datagrams
from lyhord_gateway.sources.receptions import DEDUP_US, Copy
from lyhord_gateway.sources.rxpk import Packet, PassedOver, read_push
from lyhord_gateway.sources.schedule import Heard
from lyhord_gateway.sources.transmissions import counters
from lyhord_gateway.support.backoff import Backoff
from lyhord_gateway.support.log_rate_limit import LogRateLimit, more
from lyhord_gateway.support.metrics import Metrics

_log = logging.getLogger(__name__)

NAME = "udp"
_SILENT_S = 75.0  # a packet forwarder sends PULL_DATA every 5 or 10 s
_LOOK_S = 5.0


_REFUSALS = ("no_tmst", "no_pull")  # of answers, beside the schedule's
_COUNTERS = ("not_listening", "pull_moved", "send_dropped", "refused.unknown_eui")
_COUNTERS_OF = (  # of one concentrator, and of all of them
    "push_data",
    "pull_data",
    "tx_warned",
    *(f"refused.{reason}" for reason in get_args(gwmp.Reason)),
    *(f"passed_over.{reason}" for reason in (*get_args(PassedOver), "copy")),
    *counters(gwmp.OUTCOMES, _REFUSALS),
)


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
        dedup_us: int = DEDUP_US,
        now_us: Callable[[], int] | None = None,
    ) -> None:
        self._listen = listen
        self._port = port
        self._concentrators = concentrators
        self._transmissions = {
            eui: concentrator.transmissions(partial(self._count_of, eui), metrics)
            for eui, concentrator in concentrators.items()
        }
        self._hear = hear
        self._room = room
        self._metrics = metrics
        self._dedup_us = dedup_us
        self._now_us = now_us or _monotonic_us
        self._datagrams: Datagrams | None = None  # None while the address is not there
        self._lines = LogRateLimit()
        self.address: Address = ()
        metrics.hears(*concentrators)
        metrics.declare(*_COUNTERS, *_COUNTERS_OF, under=[NAME])
        metrics.declare(*_COUNTERS_OF, under=[f"{NAME}.concentrator.{eui}" for eui in concentrators])

    @property
    def name(self) -> str:
        return NAME

    @property
    def parts(self) -> Sequence[str]:
        return [NAME, *self._concentrators]

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
        with await Datagrams.bind(self._listen, self._port, self._received, self._room) as datagrams:
            self._datagrams, self.address = datagrams, datagrams.address
            self._metrics.state(NAME, "up")
            _log.info("udp: listening on %s:%d", self.address[0], self.address[1])
            for concentrator in self._concentrators.values():
                concentrator.heard_s = concentrator.pulled_s = time.monotonic()
            try:
                while True:
                    self._look_for_silence()
                    await datagrams.receive(_LOOK_S)
            finally:
                self._datagrams = None

    def _look_for_silence(self) -> None:
        now_s = time.monotonic()
        for eui, concentrator in self._concentrators.items():
            if now_s - concentrator.pulled_s <= _SILENT_S:
                continue
            concentrator.pull = None
            silent = now_s - concentrator.heard_s > _SILENT_S
            why = "" if silent else "its PUSH_DATA come, its PULL_DATA do not: serv_port_down, or a firewall"
            if self._metrics.state(eui, "down", why):
                _log.warning("udp: nothing is heard of concentrator %s%s", eui, f" ({why})" if why else "")

    def _received(self, raw: bytes, source: Address) -> None:
        arrived_us = self._now_us()
        try:
            datagram = gwmp.parse(raw)
        except gwmp.Malformed as malformed:
            self._refuse(malformed.reason, source)
            return
        concentrator = self._concentrators.get(datagram.eui)
        if concentrator is None:
            self._refuse("unknown_eui", source)
            return
        concentrator.heard_s = time.monotonic()
        try:
            match datagram.kind:
                case gwmp.PUSH_DATA:
                    self._count_of(datagram.eui, "push_data")
                    # At once, whatever it holds: a forwarder counts this as the quality of its network.
                    self._send(gwmp.push_ack(datagram.token), source)
                    self._push(concentrator, datagram.body, source, arrived_us)
                case gwmp.PULL_DATA:
                    self._count_of(datagram.eui, "pull_data")
                    self._pulled_from(concentrator, source)
                    self._send(gwmp.pull_ack(datagram.token), source)
                    if self._metrics.state(concentrator.eui, "up"):
                        _log.info("udp: concentrator %s is up", concentrator.eui)
                case _:
                    self._tx_ack(datagram)
        except gwmp.Malformed as malformed:
            self._refuse(malformed.reason, source, datagram.eui)

    def _pulled_from(self, concentrator: Concentrator, source: Address) -> None:
        before, concentrator.pull = concentrator.pull, source
        concentrator.pulled_s = concentrator.heard_s
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

    def _push(self, concentrator: Concentrator, body: bytes, source: Address, arrived_us: int) -> None:
        packets, passed_over = read_push(body)
        for reason, number in passed_over.items():
            self._count_of(concentrator.eui, f"passed_over.{reason}", number)
        heard_s = int(time.time())
        heard: dict[bytes, tuple[Packet, Copy]] = {}
        for packet in packets:
            copy = concentrator.receptions.take(packet.data, packet.tmst_us, arrived_us, packet.rssi_dbm)
            before = heard.get(packet.data)
            if copy is Copy.WORSE or before is not None:
                self._count_of(concentrator.eui, "passed_over.copy")
            if copy is not Copy.WORSE:  # of copies in one datagram the best is handed on, and it alone
                heard[packet.data] = packet, copy if before is None else before[1]
        for packet, copy in heard.values():
            self._hand_on(concentrator, packet, copy, source, arrived_us, heard_s)

    def _hand_on(
        self,
        concentrator: Concentrator,
        packet: Packet,
        copy: Copy,
        source: Address,
        arrived_us: int,
        heard_s: int,
    ) -> None:
        tmst_us = packet.tmst_us
        witness = (source, arrived_us) if copy is not Copy.REPEATED else None
        heard_us = arrived_us if tmst_us is None else concentrator.heard_us(source, tmst_us, arrived_us)
        self._hear(
            Uplink(
                raw=packet.data,
                source=concentrator.eui,
                heard_s=heard_s,
                heard_us=heard_us,
                rssi_dbm=packet.rssi_dbm,
                snr_q4=packet.snr_q4,
                reply=partial(self._reply, concentrator, packet, heard_us, witness),
                dedup_us=self._dedup_us,
                sf=packet.sf,
                gps_s=None if copy is Copy.REPEATED else packet.gps_s,
                copy=copy is Copy.BETTER,
            )
        )

    def _reply(
        self,
        concentrator: Concentrator,
        packet: Packet,
        heard_us: int,
        witness: tuple[Address, int] | None,
        frame: bytes,
        aborted: Callable[[], None],
    ) -> None:
        """Only an authentic frame is answered, so here the clock can be learnt: from the first who knows it,
        as anybody can repeat a frame."""
        transmissions = self._transmissions[concentrator.eui]
        if packet.tmst_us is None:
            transmissions.refused("no_tmst", aborted)
            return
        if witness is not None:
            source, arrived_us = witness
            concentrator.learn(source, packet.tmst_us, arrived_us)
        if concentrator.pull is None:
            transmissions.refused("no_pull", aborted)
            return
        heard = Heard(packet.tmst_us, heard_us, packet.freq_hz, packet.sf)
        planned = transmissions.plan(self._now_us(), heard, len(frame), aborted)
        if planned is None:
            return
        token, plan = planned
        if not self._send(gwmp.pull_resp(token.to_bytes(2, "big"), plan, frame), concentrator.pull):
            transmissions.not_reached(token, "send_dropped")

    def _tx_ack(self, datagram: gwmp.Datagram) -> None:
        report = gwmp.read_tx_ack(datagram.body)
        token, sent = int.from_bytes(datagram.token, "big"), report.outcome == gwmp.SENT
        if self._transmissions[datagram.eui].reported(token, report.outcome, sent) and report.warned:
            self._count_of(datagram.eui, "tx_warned")

    def _send(self, datagram: bytes, address: Address) -> bool:
        if self._datagrams is not None and self._datagrams.send(datagram, address):
            return True
        self._count("send_dropped")
        return False

    def _refuse(self, reason: str, source: Address, eui: str = "") -> None:
        """eui: of a concentrator that is listed; an unknown node's is never repeated."""
        if eui:
            self._count_of(eui, f"refused.{reason}")
        else:
            self._count(f"refused.{reason}")
        held_back = self._lines.admit(reason, time.monotonic())
        if held_back is not None:
            whose = f" eui={eui}" if eui else ""
            _log.warning("udp: refused from=%s%s reason=%s%s", source[0], whose, reason, more(held_back))

    def _count_of(self, eui: str, name: str, number: int = 1) -> None:
        """What one concentrator did is counted for it and for all of them."""
        self._count(name, number)
        self._count(f"concentrator.{eui}.{name}", number)

    def _count(self, name: str, number: int = 1) -> None:
        self._metrics.count(f"{NAME}.{name}", number)


def _monotonic_us() -> int:
    return time.monotonic_ns() // 1000
