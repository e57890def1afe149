"""One node's stream of frames as the store knows it: progress, windows, counters.

The writer keeps these in memory, changes them while it applies a batch, and writes back the changed
ones in the batch's transaction.
"""

import json
import sqlite3
from dataclasses import dataclass, field
from typing import Any

import msgspec

from lyhord_gateway.model import intervals
from lyhord_gateway.model.intervals import Interval
from lyhord_gateway.model.work import UplinkRecord
from lyhord_gateway.store.recovery.promises import GIVEN_MAX, downlink_floor
from lyhord_gateway.support.errors import StoreDamaged
from lyhord_wire.frame import COUNTER_MAX
from lyhord_wire.replay import NEW, ReplayWindow

COLUMNS = (
    "node, received, given_up, expected, downlink, top0, mask0, latest0, top1, mask1, latest1, "
    "heard_s, source, rssi_dbm, snr_q4, status, alarms, base"
)
WIDTH = 18
_json = msgspec.json.Encoder().encode
_decode_intervals = msgspec.json.Decoder(list[Interval]).decode
RESEND_MAX = 1000  # samples asked for at once: more than a node can send in an hour of duty cycle
GAPS_MAX = 256  # beyond that the oldest gap is given up, so that a row stays small
# How far a node's numbers may run ahead of what is known. A log that was lost skips a few hundred (a node
# keeps 2048); a gateway that was away for years has missed one sample in FASTEST_S at most.
JUMP_MAX = 1 << 16
FASTEST_S = 5
FIRST_MAX = 1 << 28  # of a node that was never heard: a sample every ten seconds for 85 years


class Window(ReplayWindow):
    """A replay window as it is stored: newest counter (−1: none), 64 bits, digest of the newest frame."""

    __slots__ = ("latest",)

    def __init__(self, top: int = -1, mask: int = 0, latest: bytes = b"") -> None:
        super().__init__(top, mask)
        self.latest = latest


@dataclass(slots=True)
class Session:
    """received: sample numbers stored or given up; given_up: those of them that never came;
    expected: number after the newest sample known to have been taken; downlink: how many downlink
    counters were given under all keys;
    base: the number here of the sample that the node itself numbers 0 (`keyring.begin_life`)."""

    node: int
    received: list[Interval] = field(default_factory=list)
    given_up: list[Interval] = field(default_factory=list)
    expected: int = 0
    downlink: int = 0
    windows: tuple[Window, Window] = field(default_factory=lambda: (Window(), Window()))
    heard_s: int = 0
    source: str = ""
    rssi_dbm: int | None = None
    snr_q4: int | None = None
    status: str | None = None
    alarms: str | None = None
    base: int = 0

    def begin_at(self, base: int) -> None:
        """Another device: its samples begin at this number, and nobody has what is missing below it."""
        self.expected = self.base = base
        self.give_up_below(base)
        self.windows = Window(), Window()
        self.status = self.alarms = None

    def note(self, record: UplinkRecord) -> None:
        """Takes over what a frame says about the node, its samples' numbers apart."""
        frame, heard, content = record.frame, record.reception, record.content
        window = self.windows[frame.generation]
        # Not the record's own window: that has frames in it whose commit may have been refused, and they
        # would be taken for replays when the node sends them again.
        if window.check(frame.counter) == NEW:
            window.accept(frame.counter)
        if window.top == frame.counter:
            window.latest = frame.digest
        self.heard_s, self.source = heard.heard_s, heard.source
        self.rssi_dbm, self.snr_q4 = heard.rssi_dbm, heard.snr_q4
        if content.next_seq > self.expected:
            self.expected = content.next_seq
        if content.status is not None:
            # A status has only the parts that were due; what is told once stays true until it is told again.
            told = {str(key): value for key, value in content.status.items()}
            self.status = _json(json.loads(self.status or "{}") | told).decode()
        if content.alarms is not None:
            self.alarms = _json(content.alarms).decode()

    def reaches(self, number: int, heard_s: int) -> bool:
        """True if the number after its newest sample can be this by then."""
        if number - self.expected <= JUMP_MAX and number <= FIRST_MAX:
            return True  # as nearly always
        return number <= self.reach(heard_s)

    def reach(self, heard_s: int) -> int:
        """The highest number after its newest sample that the node can have got to by then."""
        if self.expected == self.base:
            return self.base + FIRST_MAX
        away = max(0, heard_s - self.heard_s) // FASTEST_S
        return min(self.expected + JUMP_MAX + away, self.base + FIRST_MAX + JUMP_MAX)

    def give_up_below(self, oldest: int) -> int:
        """Gives up what is missing below `oldest`, which the node no longer has; how many samples."""
        lost = 0
        for first, end in intervals.gaps(self.received, min(oldest, self.expected)):
            self._give_up(first, end)
            lost += end - first
        return lost

    def bound_gaps(self) -> int:
        """Gives up the oldest gaps beyond GAPS_MAX; how many samples."""
        lost = 0
        while len(self.received) > GAPS_MAX:
            first, end = intervals.gaps(self.received, self.expected)[0]
            self._give_up(first, end)
            lost += end - first
        return lost

    def _give_up(self, first: int, end: int) -> None:
        intervals.add(self.received, first, end)
        intervals.add(self.given_up, first, end)
        del self.given_up[:-GAPS_MAX]

    @property
    def stored(self) -> int:
        """Every sample numbered below this is stored for good or given up."""
        return self.received[0][1] if self.received and self.received[0][0] == 0 else 0

    @property
    def stored_by_node(self) -> int:
        """`stored` as the node numbers its samples."""
        received = self.received
        stored = received[0][1] if received and received[0][0] == 0 else 0
        return stored - self.base if stored > self.base else 0

    @property
    def resend(self) -> tuple[int, int] | None:
        """The first missing range as (first, count), at most RESEND_MAX samples of it."""
        first = self.stored
        following = next((start for start, _ in self.received if start > first), self.expected)
        return (first, min(following - first, RESEND_MAX)) if following > first else None

    def take_downlink(self, begins: int) -> int | None:
        """A counter that is used for the first time under its key; None when all 2²⁴ are used up. begins: of
        the key, see `keyring.enter_key`."""
        counter = self.downlink - begins
        if not 0 <= counter <= COUNTER_MAX or self.downlink >= GIVEN_MAX:
            return None
        self.downlink += 1
        return counter

    def row(self) -> tuple[object, ...]:
        even, odd = self.windows
        return (
            self.node,
            _json(self.received).decode(),
            _json(self.given_up).decode(),
            self.expected,
            self.downlink,
            even.top,
            even.mask.to_bytes(8, "big"),
            even.latest,
            odd.top,
            odd.mask.to_bytes(8, "big"),
            odd.latest,
            self.heard_s,
            self.source,
            self.rssi_dbm,
            self.snr_q4,
            self.status,
            self.alarms,
            self.base,
        )


def load_session(connection: sqlite3.Connection, node: int) -> Session:
    """The stored session; a fresh one for a node that was never heard."""
    row = connection.execute(f"SELECT {COLUMNS} FROM session WHERE node = ?", (node,)).fetchone()  # noqa: S608
    if row is None:
        return Session(node, downlink=downlink_floor(connection))
    try:
        return from_row(row)
    except (ValueError, TypeError) as error:
        raise StoreDamaged(f"the session of node {node:06x} is not what was stored") from error


def save_session(connection: sqlite3.Connection, session: Session) -> None:
    """Writes one session within the caller's transaction."""
    marks = ", ".join("?" * WIDTH)
    connection.execute(f"INSERT OR REPLACE INTO session ({COLUMNS}) VALUES ({marks})", session.row())  # noqa: S608


def from_row(row: tuple[Any, ...]) -> Session:
    """A session from a row with COLUMNS, or the first of them: a migration adds to rows in name only."""
    return Session(
        node=row[0],
        received=_intervals(row[1]),
        given_up=_intervals(row[2]),
        expected=row[3],
        downlink=row[4],
        windows=(_window(row[5:8]), _window(row[8:11])),
        heard_s=row[11],
        source=row[12],
        rssi_dbm=row[13],
        snr_q4=row[14],
        status=row[15],
        alarms=row[16],
        base=row[17] if len(row) > 17 else 0,
    )


def _intervals(text: str) -> list[Interval]:
    try:
        return _decode_intervals(text)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error


def _window(columns: tuple[Any, ...]) -> Window:
    top, mask, latest = columns
    return Window(top, int.from_bytes(mask, "big"), latest)
