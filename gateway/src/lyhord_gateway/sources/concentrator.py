"""One concentrator: what it hears, how far its clock is known, and the answers that go out through it."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Protocol, get_args

from lyhord_gateway.model.uplink import Uplink
from lyhord_gateway.sources import gwmp
from lyhord_gateway.sources.datagrams import Address
from lyhord_gateway.sources.radio_clock import RadioClock
from lyhord_gateway.sources.receptions import BETTER, DEDUP_US, NEW, REPEATED, WORSE, Copy, Receptions
from lyhord_gateway.sources.rxpk import Packet, PassedOver, read_push
from lyhord_gateway.sources.schedule import Heard
from lyhord_gateway.sources.source import SourceContext
from lyhord_gateway.sources.transmissions import Transmissions, counters
from lyhord_gateway.support.log_rate_limit import LogRateLimit, more

_log = logging.getLogger(__name__)

TOKENS = 1 << 16
_CLOCKS = 4  # addresses from which authentic frames came lately; a forwarder uses one
_SILENT_S = 75.0  # a packet forwarder sends PULL_DATA every 5 or 10 s
COUNTERS = (
    "push_data",
    "pull_data",
    "tx_warned",
    *(f"refused.{reason}" for reason in get_args(gwmp.Reason)),
    *(f"passed_over.{reason}" for reason in (*get_args(PassedOver), "copy")),
    *counters(gwmp.OUTCOMES, ("no_tmst", "no_pull")),
)


class Count(Protocol):
    """Counts by one of the names in COUNTERS."""

    def __call__(self, name: str, number: int = 1) -> None: ...


class Concentrator:
    """An allow-listed packet forwarder. eui: sixteen hexadecimal digits in lower case. send: a datagram to an
    address, False if it cannot be.

    pull: where its latest PULL_DATA came from, None if that is long ago."""

    def __init__(
        self,
        eui: str,
        power_dbm: int,
        around: SourceContext,
        send: Callable[[bytes, Address], bool],
        count: Count,
    ) -> None:
        self.eui = eui
        self.pull: Address | None = None
        self.scheduler, keep = around.duty(eui, power_dbm)
        self._hear, self._metrics, self._times = around.hear, around.metrics, around.times
        self._send = send
        self.count = count
        self._heard_mono_s = self._pulled_mono_s = float("-inf")
        self._receptions = Receptions()
        self._clocks: OrderedDict[Address, RadioClock] = OrderedDict()
        self._transmissions = Transmissions(eui, self.scheduler, keep, count, self._metrics, TOKENS)
        self._lines = LogRateLimit()

    def begin(self) -> None:
        """From now on it can be heard: its silence begins to count."""
        self._heard_mono_s = self._pulled_mono_s = self._times.mono_s()

    def take(self, datagram: gwmp.Datagram, source: Address, arrived_us: int) -> None:
        """Handles one of its datagrams. Raises gwmp.Malformed."""
        self._heard_mono_s = arrived_us / 1_000_000
        match datagram.kind:
            case gwmp.PUSH_DATA:
                self.count("push_data")
                # At once, whatever it holds: a forwarder counts this as the quality of its network.
                self._send(gwmp.push_ack(datagram.token), source)
                self._push(datagram.body, source, arrived_us)
            case gwmp.PULL_DATA:
                self.count("pull_data")
                self._pulled_from(source)
                self._send(gwmp.pull_ack(datagram.token), source)
                if self._metrics.state(self.eui, "up"):
                    _log.info("udp: concentrator %s is up", self.eui)
            case _:
                self._tx_ack(datagram)

    def look_for_silence(self) -> None:
        """Notes that it is down when it has not pulled for a while."""
        now_mono_s = self._times.mono_s()
        if now_mono_s - self._pulled_mono_s <= _SILENT_S:
            return
        self.pull = None
        silent = now_mono_s - self._heard_mono_s > _SILENT_S
        why = "" if silent else "its PUSH_DATA come, its PULL_DATA do not: serv_port_down, or a firewall"
        if self._metrics.state(self.eui, "down", why):
            _log.warning("udp: nothing is heard of concentrator %s%s", self.eui, f" ({why})" if why else "")

    def _pulled_from(self, source: Address) -> None:
        before, self.pull = self.pull, source
        self._pulled_mono_s = self._heard_mono_s
        if before is None or before[0] == source[0]:
            return
        # It has got another address, or somebody else wants to have its downlinks.
        self._metrics.count("udp.pull_moved")
        held_back = self._lines.admit("moved", self._heard_mono_s)
        if held_back is not None:
            _log.warning(
                "udp: concentrator %s pulls from %s, before from %s%s",
                self.eui,
                source[0],
                before[0],
                more(held_back),
            )

    def _push(self, body: bytes, source: Address, arrived_us: int) -> None:
        packets, passed_over = read_push(body)
        for reason, number in passed_over.items():
            self.count(f"passed_over.{reason}", number)
        heard_s = self._times.wall_s()
        clock = self._clocks.get(source)
        for packet, copy in self._distinct(packets, arrived_us):
            heard_us = arrived_us  # as far as authentic frames of the same address do not tell better
            if clock is not None and packet.tmst_us is not None:
                heard_us = clock.heard_us(packet.tmst_us, arrived_us)
            self._hand_on(packet, copy, source, arrived_us, heard_s, heard_us)

    def _distinct(self, packets: Sequence[Packet], arrived_us: int) -> Iterable[tuple[Packet, Copy]]:
        """Of copies in one datagram the best, and it alone."""
        copies, plain = [], True
        for one in packets:
            copy = self._receptions.take(one.data, one.tmst_us, arrived_us, one.rssi_dbm)
            plain = plain and copy is NEW
            copies.append((one, copy))
        if plain:  # as nearly always
            return copies
        heard: dict[bytes, tuple[Packet, Copy]] = {}
        for packet, copy in copies:
            before = heard.get(packet.data)
            if copy is WORSE or before is not None:
                self.count("passed_over.copy")
            if copy is not WORSE:
                heard[packet.data] = packet, copy if before is None else before[1]
        return heard.values()

    def _hand_on(
        self, packet: Packet, copy: Copy, source: Address, arrived_us: int, heard_s: int, heard_us: int
    ) -> None:
        witness = (source, arrived_us) if copy is not REPEATED else None
        self._hear(
            Uplink(
                raw=packet.data,
                source=self.eui,
                heard_s=heard_s,
                heard_us=heard_us,
                rssi_dbm=packet.rssi_dbm,
                snr_q4=packet.snr_q4,
                reply=partial(self._reply, packet, heard_us, witness),
                dedup_us=DEDUP_US,
                sf=packet.sf,
                gps_s=None if copy is REPEATED else packet.gps_s,
                copy=copy is BETTER,
            )
        )

    def _reply(
        self,
        packet: Packet,
        heard_us: int,
        witness: tuple[Address, int] | None,
        frame: bytes,
        aborted: Callable[[], None],
    ) -> None:
        """Only an authentic frame is answered, so here the clock can be learnt: from the first who knows it,
        as anybody can repeat a frame."""
        if packet.tmst_us is None:
            self._transmissions.refused("no_tmst", aborted)
            return
        if witness is not None:
            self._learn(*witness, packet.tmst_us)
        if self.pull is None:
            self._transmissions.refused("no_pull", aborted)
            return
        heard = Heard(packet.tmst_us, heard_us, packet.freq_hz, packet.sf)
        planned = self._transmissions.plan(self._times.now_us(), heard, len(frame), aborted)
        if planned is None:
            return
        token, plan = planned
        if not self._send(gwmp.pull_resp(token.to_bytes(2, "big"), plan, frame), self.pull):
            self._transmissions.not_reached(token, "send_dropped")

    def _tx_ack(self, datagram: gwmp.Datagram) -> None:
        report = gwmp.read_tx_ack(datagram.body)
        token, sent = int.from_bytes(datagram.token, "big"), report.outcome == gwmp.SENT
        if self._transmissions.reported(token, report.outcome, sent) and report.warned:
            self.count("tx_warned")

    def _learn(self, source: Address, arrived_us: int, tmst_us: int) -> None:
        """An authentic frame vouches for the clock, for datagrams of the address from which it came."""
        clock = self._clocks.setdefault(source, RadioClock())
        self._clocks.move_to_end(source)
        if len(self._clocks) > _CLOCKS:
            self._clocks.popitem(last=False)
        clock.learn(tmst_us, arrived_us)
