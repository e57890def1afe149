"""The work that the store is asked to make durable, and its results after the commit."""

import sqlite3
from collections.abc import Callable, Mapping
from enum import Enum

from msgspec import Struct, field


# gc=False: none of these can be part of a cycle, and there are tens of thousands a second.
class SampleRow(Struct, frozen=True, gc=False):
    """One sample as it is stored. time_s: Unix seconds; values: JSON object quantity → integer or null;
    alarms: JSON array of alarm codes, on the newest sample of a report that speaks of alarms."""

    seq: int
    time_s: int
    values: str
    alarms: str | None = None


class Reception(Struct, frozen=True, gc=False):
    """The reception of a frame. source: by whom; heard_s: Unix seconds; rssi_dbm, snr_q4 (dB × 4), sf: None
    without a radio; raw: the frame as it was heard."""

    source: str
    heard_s: int
    rssi_dbm: int | None
    snr_q4: int | None
    sf: int | None
    raw: bytes


class FrameId(Struct, frozen=True, gc=False):
    """The frame among those of its node. generation: the key's, 0 or 1; counter: 24 bits; key: fingerprint of
    the key that opened it (`store.keyring`): a frame of a key that is no longer in force when its turn comes
    is not stored. digest: of the whole frame, so that a retransmission of it is recognised. newest: no frame
    with a higher counter was heard before it."""

    generation: int
    counter: int
    key: bytes
    digest: bytes
    newest: bool

    @property
    def uplink(self) -> int:
        """This frame among all of its node: key generation and counter in one number."""
        return uplink_number(self.generation, self.counter)


class Content(Struct, frozen=True, gc=False):
    """The content of a frame. next_seq: number after the last sample that the node is known to have taken.
    oldest: number of the oldest sample that the node still keeps, if it said so. about: fields of an about
    report (`lyhord_wire.tables.ABOUT`)."""

    samples: tuple[SampleRow, ...] = ()
    next_seq: int = 0
    status: dict[int, int] | None = None
    alarms: tuple[int, ...] | None = None
    oldest: int | None = None
    about: dict[int, int | str] | None = None


class UplinkRecord(Struct, frozen=True, gc=False):
    """Everything one opened frame leaves behind, in one transaction. ack: its node wants an answer. Sample
    numbers, here and in all work, are the node's own; the store adds the base of the node's life."""

    node: int
    frame: FrameId
    reception: Reception
    content: Content
    ack: bool


class Retransmission(Struct, frozen=True):
    """A retransmission of a node's newest frame, which is stored already: only an answer is due."""

    node: int
    uplink: int
    heard_s: int
    key: bytes
    sf: int | None = None


class BetterReception(Struct, frozen=True):
    """Another reception of the samples first … first + count − 1, heard better than the first one."""

    node: int
    first: int
    count: int
    source: str
    rssi_dbm: int | None
    snr_q4: int | None
    generation: int
    key: bytes


class Delivered(Struct, frozen=True):
    """A platform has acknowledged every reading with an arrival number in first … end − 1."""

    platform: str
    first: int
    end: int


class Keep(Struct, frozen=True):
    """A small value that a stage wants to find again after a restart. value: None to forget it."""

    key: str
    value: bytes | None


def announced_key(platform: str, node: str) -> str:
    """Of the value that remembers what a platform was told of a node."""
    return f"announced.{platform}.{node}"


class DownlinkAborted(Struct, frozen=True):
    """The answer to `uplink` was never sent, and with it these orders of the node's queue."""

    node: int
    uplink: int
    ids: tuple[int, ...]


class Quarantine(Struct, frozen=True):
    """A frame that its node has sealed and that was refused all the same, with its bytes for a look.

    reason: as in the counters; detail: one line for a person."""

    node: int
    heard_s: int
    source: str
    reason: str
    detail: str
    raw: bytes


class Change(Struct, frozen=True):
    """Any other change of the store, made within the writer's transaction: an order of a platform, an old key
    that goes. run: gets the connection; what it returns is the answer, and so is a UserError that it raises,
    which takes back what it had changed. registry: nodes or keys may be others afterwards."""

    run: Callable[[sqlite3.Connection], object]
    registry: bool = False


Work = (
    UplinkRecord | Retransmission | BetterReception | Delivered | Keep | DownlinkAborted | Quarantine | Change
)

# What nobody repeats if a commit is refused. A node sends its frame again; whoever wants a change is told
# that it did not come to pass.
LASTING = BetterReception, Delivered, Keep, DownlinkAborted, Quarantine


class DownlinkDispatch(Struct, frozen=True):
    """Orders of a node's queue that go out with an answer. ids: of the orders; settings with their version
    (empty: none); command: code and arguments (empty: none); more: others wait for the next answer."""

    ids: tuple[int, ...] = ()
    settings: Mapping[int, int] = field(default_factory=dict)
    version: int = 0
    command: tuple[int, ...] = ()
    more: bool = False


NOTHING = DownlinkDispatch()


class Committed(Struct, frozen=True):
    """The answer to an UplinkRecord or a Retransmission, given after the commit.

    stored: every sample that the node numbers below it is stored for good, or given up. resend: first
    missing range (first, count). downlink: a counter that was never used before under this node's keys,
    reserved in the same transaction; None if no answer was asked for or the counter is used up. orders:
    what the node's queue had for this answer, marked as sent in the same transaction.
    """

    stored: int
    resend: tuple[int, int] | None
    downlink: int | None
    orders: DownlinkDispatch = NOTHING


FAULT = "fault"  # one of our own bugs, met by this frame


class Fate(Enum):
    """The outcome of a piece of work."""

    STORED = "stored"  # durable
    NOT_STORED = "not stored"  # nothing of it is, now; sent again, it may be
    REJECTED = "rejected"  # never will be: not believed, or the store cannot take it whatever the disk does


class Outcome(Struct, frozen=True):
    """The store's word on a piece of work, given after the commit; only what is STORED may be acknowledged.

    committed: of an UplinkRecord or a Retransmission that is stored. value: what a Change has returned, a
    UserError that took it back among it. reason, detail: of what is rejected; the reason as in the counters.
    """

    fate: Fate
    committed: Committed | None = None
    value: object = None
    reason: str = ""
    detail: str = ""


STORED = Outcome(Fate.STORED)
NOT_STORED = Outcome(Fate.NOT_STORED)


def generation_of(uplink: int) -> int:
    """Of the key, 0 or 1, out of an uplink's number."""
    return uplink >> 24


def uplink_number(generation: int, counter: int) -> int:
    """generation: the key's, 0 or 1; counter: 24 bits."""
    return generation << 24 | counter
