"""Frames → what the store is asked to keep. The order of work is docs/protocol.md section 1, no exceptions:

    length, bytes 0–1 → node known → key → replay window → tag → CBOR → schema → store → answer

Nothing is decoded before its tag has passed; nothing is acknowledged before its commit.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b

import msgspec

from lyhord_gateway.cipher import Cipher
from lyhord_gateway.line_limit import LineLimit, more
from lyhord_gateway.metrics import Metrics
from lyhord_gateway.registry import Registry
from lyhord_gateway.uplink import Question, Uplink
from lyhord_gateway.work import Arrival, Better, Committed, Repeat, SampleRow, Work, uplink_number
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
_SENML_ABSOLUTE_S = 1 << 28  # RFC 8428 section 4.5.3: times below are relative, and no clock is set to 1978

Submit = Callable[[Work, Callable[[Committed | None], None] | None], bool]


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
    stranger: takes note of a frame whose node is not in the registry."""

    def __init__(
        self,
        registry: Registry,
        load_stream: Callable[[int, int], tuple[ReplayWindow, bytes]],
        submit: Submit,
        answer: Callable[[Question, Committed], None],
        metrics: Metrics,
        stranger: Callable[[int, Uplink], None] | None = None,
    ) -> None:
        self._registry = registry
        self._load_stream = load_stream
        self._submit = submit
        self._answer = answer
        self._metrics = metrics
        self._stranger = stranger
        self._streams: dict[tuple[int, int], Stream] = {}
        self._recent: deque[tuple[Stream, Exchange]] = deque()  # stored ones
        self._lines = LineLimit()

    def hear(self, uplink: Uplink) -> None:
        """Handles one reception, whatever its bytes are."""
        self._metrics.count("ingest.heard")
        self._metrics.heard[uplink.source] += 1
        try:
            self._hear(uplink)
        except Refused as refused:
            self._refuse(uplink, refused)

    def _hear(self, uplink: Uplink) -> None:
        sealed = parse_uplink(uplink.raw)
        stream = self._stream(sealed, uplink)
        verdict = stream.window.check(sealed.counter)
        digest = blake2b(uplink.raw, digest_size=16).digest()
        if verdict == LATEST and digest == stream.latest_digest:
            self._hear_again(uplink, sealed, stream)
            return
        if verdict != NEW:
            raise Refused(refusal.REPLAY, f"counter {sealed.counter}")
        opened = open_uplink(sealed, stream.cipher)
        accepted = ReplayWindow(stream.window.top, stream.window.mask)
        accepted.accept(sealed.counter)
        newest = accepted.top == sealed.counter
        arrival = _arrival(
            opened, uplink, accepted, digest if newest else stream.latest_digest, stream.cipher.fingerprint
        )
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
            if self._stranger is not None:
                self._stranger(sealed.node, uplink)
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

    def _hear_again(self, uplink: Uplink, sealed: SealedUplink, stream: Stream) -> None:
        """The newest frame once more: another radio heard it too, or the node missed our answer."""
        exchange = stream.latest
        if exchange is None:
            exchange = stream.latest = Exchange(uplink, stored=True)
            self._remember(stream, exchange)
        elif uplink.source != exchange.best.source and (
            uplink.heard_us - exchange.best.heard_us < _SAME_AIR_US
        ):
            self._metrics.count("ingest.heard_by_another")
            if uplink.better_than(exchange.best):
                self._heard_better(uplink, sealed, stream, exchange)
            return
        self._metrics.count("ingest.retransmissions")
        exchange.best = uplink
        if not exchange.stored or not sealed.ack_requested:
            return  # the commit is on its way and brings the answer, or none is wanted
        if stream.repeats >= REPEATS_MAX:
            raise Refused(refusal.REPLAY, f"counter {sealed.counter} repeated {REPEATS_MAX} times")
        number = uplink_number(sealed.generation, sealed.counter)
        repeat = Repeat(sealed.node, number, uplink.heard_s, stream.cipher.fingerprint, uplink.sf)
        if not self._submit(repeat, partial(self._committed, sealed, stream, exchange)):
            raise Refused(OVERLOAD, "")
        stream.repeats += 1

    def _heard_better(self, uplink: Uplink, sealed: SealedUplink, stream: Stream, exchange: Exchange) -> None:
        exchange.best = uplink
        if exchange.count:
            better = Better(
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

    def _committed(
        self, sealed: SealedUplink, stream: Stream, exchange: Exchange, answer: Committed | None
    ) -> None:
        key = (sealed.node, sealed.generation)
        if answer is None:
            # Not stored, so the window in memory is ahead of the one on disk: start again from that.
            if self._streams.get(key) is stream:
                del self._streams[key]
            return
        exchange.stored = True
        self._remember(stream, exchange)
        if not sealed.ack_requested:
            return
        gather_us = exchange.best.gather_us
        wait_us = exchange.best.heard_us + gather_us - time.monotonic_ns() // 1000 if gather_us else 0
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
        question = Question(
            sealed.node, sealed.generation, sealed.counter, stream.cipher, exchange.best.reply
        )
        self._answer(question, answer)

    def _refuse(self, uplink: Uplink, refused: Refused) -> None:
        self._metrics.count(f"ingest.refused.{refused.reason}")
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


def _arrival(
    opened: OpenedUplink, uplink: Uplink, window: ReplayWindow, digest: bytes, key: bytes
) -> Arrival:
    """What one opened frame leaves behind; raises Refused("cbor") or Refused("schema")."""
    report = decode_report(opened.payload) if opened.kind == KIND_REPORT else None
    about = decode_about(opened.payload) if report is None else None
    return Arrival(
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
        samples=_rows(report, uplink.heard_s) if report else (),
        next_seq=report.seq + report.count() if report else 0,
        status=report.status if report else None,
        alarms=tuple(report.alarms) if report and report.alarms is not None else None,
        oldest=report.status.get(STATUS_OLDEST) if report and report.status else None,
        about=about,
        answer=opened.ack_requested,
        counter=opened.counter,
        sf=uplink.sf,
    )


def _rows(report: Report, heard_s: int) -> tuple[SampleRow, ...]:
    newest = report.count() - 1
    first_s = _first_s(report, newest * report.period, heard_s)
    rows = []
    # strict=False: the columns are equally long, `decode_report` has seen to that.
    for at, values in enumerate(zip(*report.columns.values(), strict=False)):
        row = _json(dict(zip(report.columns, values, strict=False))).decode()
        alarms = None
        if at == newest and report.alarms is not None:
            alarms = _json(report.alarms).decode()
        rows.append(SampleRow(report.seq + at, first_s + at * report.period, row, alarms))
    return tuple(rows)


def _first_s(report: Report, span_s: int, heard_s: int) -> int:
    """Unix seconds of the first sample; span_s: from it to the newest."""
    if report.time < 0:  # the clock was not set: the first sample's age, by −1 − age
        return heard_s + 1 + report.time
    if report.time < _SENML_ABSOLUTE_S:
        # A node that believes in the seventies: its samples' distances are right, their dates are not.
        return heard_s - span_s
    return report.time
