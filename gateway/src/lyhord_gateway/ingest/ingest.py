"""Frames → what the store is asked to keep. The order of work is docs/protocol.md section 1, no exceptions:

    length, bytes 0–1 → node known → key → replay window → tag → CBOR → schema → store → answer

Nothing is decoded before its tag has passed; nothing is acknowledged before its commit. Whatever a frame
holds costs that frame at most: `hear` raises what is wrong with the store, and nothing else. A frame that its
node has sealed and that is refused all the same goes into the quarantine (store/quarantine.py).
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b

import msgspec

from lyhord_gateway.fleet.registry import Registry
from lyhord_gateway.ingest.dates import Dates
from lyhord_gateway.ingest.quota import Quota
from lyhord_gateway.ingest.records import content_of_report
from lyhord_gateway.ingest.refusals import DISABLED, OVERLOAD, Refusals
from lyhord_gateway.ingest.replies import Replies
from lyhord_gateway.ingest.streams import Exchange, Stream, Streams
from lyhord_gateway.model.uplink import AckRequest, Uplink
from lyhord_gateway.model.work import (
    FAULT,
    BetterReception,
    Committed,
    Content,
    Fate,
    FrameId,
    Outcome,
    Reception,
    Retransmission,
    UplinkRecord,
    Work,
    uplink_number,
)
from lyhord_gateway.support.errors import StoreDamaged
from lyhord_gateway.support.metrics import Metrics
from lyhord_gateway.timekeeping.clock import Clock
from lyhord_gateway.timekeeping.dating import bounded
from lyhord_gateway.timekeeping.times import TIMES, Times
from lyhord_wire import refusal
from lyhord_wire.about import decode_about
from lyhord_wire.frame import KIND_REPORT, OpenedUplink, SealedUplink, open_uplink, parse_uplink
from lyhord_wire.refusal import Refused
from lyhord_wire.replay import LATEST, NEW, ReplayWindow
from lyhord_wire.report import decode_report

REPEATS_MAX = 8  # a frame is acknowledged again that often; after that it is a replay
_SAME_AIR_US = 1_000_000  # receptions of one transmission by several radios lie within this
_RSSI_DBM = range(-300, 101)
_SNR_Q4 = range(-400, 401)
_COUNTERS = (
    "ingest.heard",
    "ingest.heard_by_another",
    "ingest.retransmissions",
    "ingest.better_signal_dropped",
)

Submit = Callable[[Work, Callable[[Outcome], None] | None], bool]


@dataclass(frozen=True, slots=True)
class IngestContext:
    """The context of a frame. unknown_node: takes note of a frame whose node is not in the
    registry. clock: stamps what is heard; None: the sources' stamps are right. per_hour: frames and samples
    that one node may bring, 0: no bound."""

    unknown_node: Callable[[int, Uplink], None] = lambda _node, _uplink: None
    clock: Clock | None = None
    per_hour: int = 0
    times: Times = TIMES


class Ingest:
    """load_stream(node, generation): window and newest digest from the store. submit: work for the store,
    False if it has no room just now. answer: seals and sends an answer."""

    def __init__(
        self,
        registry: Registry,
        load_stream: Callable[[int, int], tuple[ReplayWindow, bytes]],
        submit: Submit,
        answer: Callable[[AckRequest, Committed], None],
        metrics: Metrics,
        around: IngestContext | None = None,
    ) -> None:
        around = around or IngestContext()
        self._registry = registry
        self._submit = submit
        self._metrics = metrics
        self._unknown_node = around.unknown_node
        self._clock = around.clock
        self._streams = Streams(load_stream)
        self._replies = Replies(answer, around.times)
        self._refusals = Refusals(metrics, lambda frame: submit(frame, None))
        self._dates = Dates(metrics, around.clock)
        self._quota = Quota(around.per_hour)
        metrics.declare(*_COUNTERS)

    def hear(self, uplink: Uplink) -> None:
        """Handles one reception, whatever its bytes are. Raises only what is wrong with the store."""
        metrics = self._metrics
        metrics.counters["ingest.heard"] += 1
        metrics.heard[uplink.source] += 1
        try:
            self._hear(self._sound(uplink))
        except Refused as refused:
            self._refusals.refuse(uplink, refused)
        except (sqlite3.Error, StoreDamaged):
            raise  # the store's, not this frame's
        except Exception as error:  # noqa: BLE001 — a bug of ours costs one frame, never the process
            self._refusals.fault(uplink, error)

    @property
    def answers_waiting(self) -> int:
        """Answers that wait for a better copy of their frames."""
        return self._replies.waiting

    def _sound(self, uplink: Uplink) -> Uplink:
        """The reception with every number of the source in its bounds; nearly always as it came."""
        rssi_dbm, snr_q4 = uplink.rssi_dbm, uplink.snr_q4
        heard_s = bounded(uplink.heard_s) if self._clock is None else self._clock.stamp(uplink.heard_s)
        rssi_sound = rssi_dbm is None or rssi_dbm in _RSSI_DBM
        snr_sound = snr_q4 is None or snr_q4 in _SNR_Q4
        if rssi_sound and snr_sound and heard_s == uplink.heard_s:
            return uplink
        return msgspec.structs.replace(
            uplink,
            heard_s=heard_s,
            rssi_dbm=rssi_dbm if rssi_sound else None,
            snr_q4=snr_q4 if snr_sound else None,
        )

    def _hear(self, uplink: Uplink) -> None:
        sealed = parse_uplink(uplink.raw)
        stream = self._stream(sealed, uplink)
        window, counter = stream.window, sealed.counter
        verdict = window.check(counter)
        digest = blake2b(uplink.raw, digest_size=16).digest()
        if verdict == LATEST and digest == stream.latest_digest:
            self._hear_retransmission(uplink, sealed, stream)
            return
        if verdict != NEW:
            raise Refused(refusal.REPLAY, f"counter {counter}")
        opened = open_uplink(sealed, stream.cipher)
        if uplink.gps_s is not None and self._clock is not None:
            self._clock.heard_gps(uplink.source, uplink.gps_s)
        content = self._content(opened, uplink)
        newest = counter > window.top
        record = UplinkRecord(
            sealed.node,
            FrameId(sealed.generation, counter, stream.cipher.fingerprint, digest, newest),
            Reception(uplink.source, uplink.heard_s, uplink.rssi_dbm, uplink.snr_q4, uplink.sf, uplink.raw),
            content,
            opened.ack_requested,
        )
        count = len(content.samples)
        exchange = Exchange(uplink, content.next_seq - count, count)
        if not self._submit(record, partial(self._committed, sealed, stream, exchange)):
            raise Refused(OVERLOAD, "")
        window.accept(counter)
        if newest:
            stream.latest, stream.latest_digest, stream.repeats = exchange, digest, 0

    def _content(self, opened: OpenedUplink, uplink: Uplink) -> Content:
        """The content of an authentic frame; raises Refused."""
        try:
            report = decode_report(opened.payload) if opened.kind == KIND_REPORT else None
            about = decode_about(opened.payload) if report is None else None
        except Refused as refused:
            self._refusals.hold(uplink, refused)
            raise
        if report is None:
            self._quota.take(opened.node, 0, uplink.heard_us)
            return Content(about=about)
        count = report.count()
        self._quota.take(opened.node, count, uplink.heard_us)
        first_s = self._dates.first_s(opened.node, report, count, uplink.heard_s) if count else 0
        return content_of_report(report, count, first_s)

    def _stream(self, sealed: SealedUplink, uplink: Uplink) -> Stream:
        """The stream that a frame claims to belong to; raises Refused."""
        node = self._registry.lookup(sealed.node)
        if node is None:
            self._unknown_node(sealed.node, uplink)
            raise Refused(refusal.UNKNOWN_NODE, "")
        if not node.enabled:
            raise Refused(DISABLED, "")
        cipher = node.ciphers[sealed.generation]
        if cipher is None:
            raise Refused(refusal.NO_KEY, f"generation {sealed.generation}")
        return self._streams.of(sealed.node, sealed.generation, cipher)

    def _hear_retransmission(self, uplink: Uplink, sealed: SealedUplink, stream: Stream) -> None:
        """The newest frame once more: another radio heard it too, or the node missed our answer."""
        exchange = stream.latest
        if uplink.copy or (exchange is not None and _same_air(uplink, exchange.best)):
            self._metrics.count("ingest.heard_by_another")
            if exchange is not None and uplink.better_than(exchange.best):
                self._heard_better(uplink, sealed, stream, exchange)
            return
        if exchange is None:
            exchange = stream.latest = Exchange(uplink)
            self._streams.stored(stream, exchange)
        self._metrics.count("ingest.retransmissions")
        exchange.best = uplink
        if not exchange.stored or not sealed.ack_requested:
            return  # the commit is on its way and brings the answer, or none is wanted
        if stream.repeats >= REPEATS_MAX:
            raise Refused(refusal.REPLAY, f"counter {sealed.counter} repeated {REPEATS_MAX} times")
        number = uplink_number(sealed.generation, sealed.counter)
        repeat = Retransmission(sealed.node, number, uplink.heard_s, stream.cipher.fingerprint, uplink.sf)
        if not self._submit(repeat, partial(self._committed, sealed, stream, exchange)):
            raise Refused(OVERLOAD, "")
        stream.repeats += 1

    def _heard_better(self, uplink: Uplink, sealed: SealedUplink, stream: Stream, exchange: Exchange) -> None:
        exchange.best = uplink
        if exchange.count:
            better = BetterReception(
                sealed.node,
                exchange.first_seq,
                exchange.count,
                uplink.source,
                uplink.rssi_dbm,
                uplink.snr_q4,
                sealed.generation,
                stream.cipher.fingerprint,
            )
            if not self._submit(better, None):
                self._metrics.count("ingest.better_signal_dropped")

    def _committed(self, sealed: SealedUplink, stream: Stream, exchange: Exchange, outcome: Outcome) -> None:
        if outcome.committed is None:
            self._streams.forget(sealed.node, sealed.generation, stream)
            if outcome.fate is Fate.REJECTED:
                refused = Refused(outcome.reason, outcome.detail)
                self._refusals.refuse(exchange.best, refused)
                if outcome.reason != FAULT:  # then the store has kept it itself
                    self._refusals.hold(exchange.best, refused)
            return
        self._streams.stored(stream, exchange)
        if sealed.ack_requested:
            self._replies.reply(sealed, stream, exchange, outcome.committed)


def _same_air(uplink: Uplink, other: Uplink) -> bool:
    """Two radios have heard one transmission."""
    return uplink.source != other.source and uplink.heard_us - other.heard_us < _SAME_AIR_US
