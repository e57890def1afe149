"""Frames → what the store is asked to keep. The order of work is docs/protocol.md section 1, no exceptions:

    length, bytes 0–1 → node known → key → replay window → tag → CBOR → schema → store → answer

Nothing is decoded before its tag has passed; nothing is acknowledged before its commit. Whatever a frame
holds costs that frame at most: `hear` raises what is wrong with the store, and nothing else. A frame that its
node has sealed and that is refused all the same goes into the quarantine (store/quarantine.py).
"""

import asyncio
import logging
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b

import msgspec

from lyhord_gateway.fleet.registry import Registry
from lyhord_gateway.ingest.quota import QUOTA, Quota
from lyhord_gateway.model.cipher import Cipher
from lyhord_gateway.model.reading import node_text
from lyhord_gateway.model.uplink import AckRequest, Uplink
from lyhord_gateway.model.work import (
    FAULT,
    BetterReception,
    Committed,
    Outcome,
    Quarantine,
    Rejected,
    Retransmission,
    SampleRow,
    UplinkRecord,
    Work,
    uplink_number,
)
from lyhord_gateway.support.errors import StoreDamaged
from lyhord_gateway.support.log_rate_limit import LogRateLimit, more
from lyhord_gateway.support.metrics import Metrics
from lyhord_gateway.timekeeping.clock import Clock
from lyhord_gateway.timekeeping.dating import Dated, Redated, bounded, date
from lyhord_wire import refusal
from lyhord_wire.about import decode_about
from lyhord_wire.frame import KIND_REPORT, OpenedUplink, SealedUplink, open_uplink, parse_uplink
from lyhord_wire.refusal import Refused
from lyhord_wire.report import Report, decode_report
from lyhord_wire.tables import STATUS_OLDEST
from lyhord_wire.window import LATEST, NEW, ReplayWindow

_log = logging.getLogger(__name__)

DISABLED = "disabled"  # the node is known, but switched off in the registry
OVERLOAD = "overload"  # the store's queue is full; the node keeps its samples
REPEATS_MAX = 8  # a frame is acknowledged again that often; after that it is a replay
_SAME_AIR_US = 1_000_000  # receptions of one transmission by several radios lie within this …
RECENT_MAX = 1000  # … and so long is known who heard them: six concentrators do not hear more in that time
_json = msgspec.json.Encoder().encode
_DAY_S = 86_400
_HOUR_US = 3_600_000_000
_REFUSALS = (*refusal.REASONS, DISABLED, OVERLOAD, QUOTA, FAULT)
_NOT_KEPT = (OVERLOAD, QUOTA)  # refusals that say nothing about the frame
# Bytes 0 and 1 are not those of our frames: what stands behind them is an unknown node's, and no node id.
_FOREIGN = (refusal.NOT_OURS, refusal.VERSION, refusal.LENGTH)
_RSSI_DBM = range(-300, 101)
_SNR_Q4 = range(-400, 401)

_COUNTERS = (
    "ingest.heard",
    "ingest.heard_by_another",
    "ingest.retransmissions",
    "ingest.better_signal_dropped",
    "ingest.quarantine_dropped",
    *(f"ingest.redated.{why.value}" for why in Redated),
    *(f"ingest.refused.{reason}" for reason in _REFUSALS),
)

Submit = Callable[[Work, Callable[[Outcome], None] | None], bool]


@dataclass(slots=True)
class Exchange:
    """A frame: who heard it best, what became of it."""

    best: Uplink
    first_seq: int = 0
    count: int = 0
    stored: bool = False


@dataclass(slots=True)
class Stream:
    """Frames of one node under one key. `cipher` is the registry's: another one means another key.

    latest: the newest frame; None when it is stored and long over. repeats: how often it was answered again.
    """

    cipher: Cipher
    window: ReplayWindow
    latest: Exchange | None
    latest_digest: bytes
    repeats: int = 0


class Ingest:
    """load_stream: window and newest digest from the store. answer: seals and sends an answer.
    unknown_node: takes note of a frame whose node is not in the registry. clock: stamps what is heard; None:
    the sources' stamps are right. per_hour: frames and samples that one node may bring, 0: no bound."""

    def __init__(
        self,
        registry: Registry,
        load_stream: Callable[[int, int], tuple[ReplayWindow, bytes]],
        submit: Submit,
        answer: Callable[[AckRequest, Committed], None],
        metrics: Metrics,
        unknown_node: Callable[[int, Uplink], None] | None = None,
        clock: Clock | None = None,
        per_hour: int = 0,
    ) -> None:
        self._registry = registry
        self._load_stream = load_stream
        self._submit = submit
        self._answer = answer
        self._metrics = metrics
        self._unknown_node = unknown_node
        self._streams: dict[tuple[int, int], Stream] = {}
        self._recent: deque[tuple[Stream, Exchange]] = deque()  # stored ones
        self._lines = LogRateLimit()
        self._clock = clock
        self._quota = Quota(per_hour)
        self._aged: dict[int, tuple[int, int]] = {}  # node → last sample dated by age: number, time
        self._told_days: dict[int, int] = {}  # node → day of the last line about its dates
        self._held_us: dict[tuple[int, str], int] = {}  # node, reason → when one went into the quarantine
        metrics.declare(*_COUNTERS)

    def hear(self, uplink: Uplink) -> None:
        """Handles one reception, whatever its bytes are. Raises only what is wrong with the store."""
        self._metrics.count("ingest.heard")
        self._metrics.heard[uplink.source] += 1
        try:
            self._hear(self._sound(uplink))
        except Refused as refused:
            self._refuse(uplink, refused)
        except (sqlite3.Error, StoreDamaged):
            raise  # the store's, not this frame's
        except Exception as error:  # noqa: BLE001 — a bug of ours costs one frame, never the process
            held_back = self._lines.admit("bug", uplink.heard_us / 1e6)
            if held_back is not None:
                _log.exception("a bug of ours, one frame is refused%s", more(held_back))
            self._refuse(uplink, Refused(FAULT, f"{type(error).__name__}: {error}"))
            self._hold(uplink, FAULT, f"{type(error).__name__}: {error}")

    def _sound(self, uplink: Uplink) -> Uplink:
        """The reception with every number of the source in its bounds; nearly always as it came."""
        heard_s = bounded(uplink.heard_s) if self._clock is None else self._clock.stamp(uplink.heard_s)
        rssi_dbm = uplink.rssi_dbm if uplink.rssi_dbm is None or uplink.rssi_dbm in _RSSI_DBM else None
        snr_q4 = uplink.snr_q4 if uplink.snr_q4 is None or uplink.snr_q4 in _SNR_Q4 else None
        if (heard_s, rssi_dbm, snr_q4) == (uplink.heard_s, uplink.rssi_dbm, uplink.snr_q4):
            return uplink
        return msgspec.structs.replace(uplink, heard_s=heard_s, rssi_dbm=rssi_dbm, snr_q4=snr_q4)

    def _hear(self, uplink: Uplink) -> None:
        sealed = parse_uplink(uplink.raw)
        stream = self._stream(sealed, uplink)
        verdict = stream.window.check(sealed.counter)
        digest = blake2b(uplink.raw, digest_size=16).digest()
        if verdict == LATEST and digest == stream.latest_digest:
            self._hear_retransmission(uplink, sealed, stream)
            return
        if verdict != NEW:
            raise Refused(refusal.REPLAY, f"counter {sealed.counter}")
        opened = open_uplink(sealed, stream.cipher)
        accepted = ReplayWindow(stream.window.top, stream.window.mask)
        accepted.accept(sealed.counter)
        newest = accepted.top == sealed.counter
        if self._clock is not None and uplink.gps_s is not None:
            self._clock.heard_gps(uplink.source, uplink.gps_s)
        try:
            report = decode_report(opened.payload) if opened.kind == KIND_REPORT else None
            about = decode_about(opened.payload) if report is None else None
        except Refused as refused:
            self._hold(uplink, refused.reason, refused.detail)
            raise
        self._quota.take(sealed.node, report.count() if report else 0, uplink.heard_us)
        dated = self._date(sealed.node, report, uplink.heard_s) if report and report.columns else None
        latest = digest if newest else stream.latest_digest
        key = stream.cipher.fingerprint
        arrival = _arrival(opened, uplink, accepted, latest, key, report, about, dated)
        exchange = Exchange(uplink, arrival.next_seq - len(arrival.samples), len(arrival.samples))
        if not self._submit(arrival, partial(self._committed, sealed, stream, exchange)):
            raise Refused(OVERLOAD, "")
        stream.window = accepted
        if newest:
            stream.latest, stream.latest_digest, stream.repeats = exchange, digest, 0

    def _stream(self, sealed: SealedUplink, uplink: Uplink) -> Stream:
        """The stream that a frame claims to belong to; raises Refused."""
        node = self._registry.lookup(sealed.node)
        if node is None:
            if self._unknown_node is not None:
                self._unknown_node(sealed.node, uplink)
            raise Refused(refusal.UNKNOWN_NODE, "")
        if not node.enabled:
            raise Refused(DISABLED, "")
        cipher = node.ciphers[sealed.generation]
        if cipher is None:
            raise Refused(refusal.NO_KEY, f"generation {sealed.generation}")
        key = (sealed.node, sealed.generation)
        stream = self._streams.get(key)
        if stream is None:
            window, digest = self._load_stream(*key)
            stream = self._streams[key] = Stream(cipher, window, None, digest)
        elif stream.cipher is not cipher:  # another key: its counters begin anew
            stream = self._streams[key] = Stream(cipher, ReplayWindow(), None, b"")
        return stream

    def _hear_retransmission(self, uplink: Uplink, sealed: SealedUplink, stream: Stream) -> None:
        """The newest frame once more: another radio heard it too, or the node missed our answer."""
        exchange = stream.latest
        if uplink.copy or (exchange is not None and _same_air(uplink, exchange.best)):
            self._metrics.count("ingest.heard_by_another")
            if exchange is not None and uplink.better_than(exchange.best):
                self._heard_better(uplink, sealed, stream, exchange)
            return
        if exchange is None:
            exchange = stream.latest = Exchange(uplink, stored=True)
            self._remember(stream, exchange)
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

    def _committed(self, sealed: SealedUplink, stream: Stream, exchange: Exchange, answer: Outcome) -> None:
        key = (sealed.node, sealed.generation)
        if not isinstance(answer, Committed):
            # Not stored, so the window in memory is ahead of the one on disk: start again from that.
            if self._streams.get(key) is stream:
                del self._streams[key]
            if isinstance(answer, Rejected):
                self._refuse(exchange.best, Refused(answer.reason, answer.detail))
                if answer.reason != FAULT:  # then the store has kept it itself
                    self._hold(exchange.best, answer.reason, answer.detail)
            return
        exchange.stored = True
        self._remember(stream, exchange)
        if not sealed.ack_requested:
            return
        dedup_us = exchange.best.dedup_us
        wait_us = exchange.best.heard_us + dedup_us - time.monotonic_ns() // 1000 if dedup_us else 0
        send = partial(self._send_answer, sealed, stream, exchange, answer)
        if wait_us > 0:
            asyncio.get_running_loop().call_later(wait_us / 1e6, send)
        else:
            send()

    def _remember(self, stream: Stream, exchange: Exchange) -> None:
        """Until so many others have come that nobody else can have heard the same transmission."""
        self._recent.append((stream, exchange))
        if len(self._recent) > RECENT_MAX:
            stream, exchange = self._recent.popleft()
            if stream.latest is exchange:
                stream.latest = None

    def _send_answer(
        self, sealed: SealedUplink, stream: Stream, exchange: Exchange, answer: Committed
    ) -> None:
        """Through the radio that has heard the frame best until now."""
        question = AckRequest(
            sealed.node, sealed.generation, sealed.counter, stream.cipher, exchange.best.reply
        )
        self._answer(question, answer)

    def _date(self, node: int, report: Report, heard_s: int) -> Dated:
        doubtful = self._clock is not None and self._clock.doubtful
        last_seq, last_s = self._aged.get(node, (-1, 0))
        after_s = last_s if report.seq > last_seq else 0
        dated = date(report.time, report.period, report.count(), heard_s, doubtful, after_s)
        if report.time < 0:
            span = report.count() - 1
            self._aged[node] = report.seq + span, dated.first_s + span * report.period
        elif last_s:
            del self._aged[node]
        if dated.redated is not None:
            self._metrics.count(f"ingest.redated.{dated.redated.value}", report.count())
            day = heard_s // _DAY_S
            if self._told_days.get(node) != day:
                self._told_days[node] = day
                _log.warning(
                    "node %s: samples are dated by their arrival, its clock says %d (%s); said once a day",
                    node_text(node),
                    report.time,
                    dated.redated.value,
                )
        return dated

    def _hold(self, uplink: Uplink, reason: str, detail: str) -> None:
        """Into the quarantine, one frame per node, reason and hour."""
        node = int.from_bytes(uplink.raw[2:5], "big")
        held_us = self._held_us.get((node, reason))
        if held_us is not None and 0 <= uplink.heard_us - held_us < _HOUR_US:
            return
        self._held_us[node, reason] = uplink.heard_us
        kept = Quarantine(node, bounded(uplink.heard_s), uplink.source, reason, detail, uplink.raw)
        if not self._submit(kept, None):
            self._metrics.count("ingest.quarantine_dropped")

    def _refuse(self, uplink: Uplink, refused: Refused) -> None:
        self._metrics.count(f"ingest.refused.{refused.reason}")
        if refused.reason in _FOREIGN:
            return  # a neighbour's LoRaWAN sends all day: counted, and that is all
        held_back = self._lines.admit(refused.reason, uplink.heard_us / 1e6)
        if held_back is None:
            return
        node = uplink.raw[2:5].hex() if len(uplink.raw) >= 5 else "-"
        detail = f" ({refused.detail})" if refused.detail else ""
        _log.warning(
            "refused node=%s reason=%s source=%s%s%s",
            node,
            refused.reason,
            uplink.source,
            detail,
            more(held_back),
        )


def _same_air(uplink: Uplink, other: Uplink) -> bool:
    """Two radios have heard one transmission."""
    return uplink.source != other.source and uplink.heard_us - other.heard_us < _SAME_AIR_US


def _arrival(
    opened: OpenedUplink,
    uplink: Uplink,
    window: ReplayWindow,
    digest: bytes,
    key: bytes,
    report: Report | None,
    about: dict[int, int | str] | None,
    dated: Dated | None,
) -> UplinkRecord:
    """What one opened and decoded frame leaves behind."""
    return UplinkRecord(
        node=opened.node,
        generation=opened.generation,
        window_top=window.top,
        window_mask=window.mask,
        digest=digest,
        heard_s=uplink.heard_s,
        source=uplink.source,
        rssi_dbm=uplink.rssi_dbm,
        snr_q4=uplink.snr_q4,
        key=key,
        samples=_rows(report, dated.first_s) if report and dated else (),
        next_seq=report.seq + report.count() if report else 0,
        status=report.status if report else None,
        alarms=tuple(report.alarms) if report and report.alarms is not None else None,
        oldest=report.status.get(STATUS_OLDEST) if report and report.status else None,
        about=about,
        answer=opened.ack_requested,
        counter=opened.counter,
        sf=uplink.sf,
        raw=uplink.raw,
    )


def _rows(report: Report, first_s: int) -> tuple[SampleRow, ...]:
    newest = report.count() - 1
    rows = []
    # strict=False: the columns are equally long, `decode_report` has seen to that.
    for at, values in enumerate(zip(*report.columns.values(), strict=False)):
        row = _json(dict(zip(report.columns, values, strict=False))).decode()
        alarms = None
        if at == newest and report.alarms is not None:
            alarms = _json(report.alarms).decode()
        rows.append(SampleRow(report.seq + at, first_s + at * report.period, row, alarms))
    return tuple(rows)
