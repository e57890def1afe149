"""Frames of one node under one key: its replay window, and the newest frame with what became of it."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from msgspec import Struct

from lyhord_gateway.model.cipher import Cipher
from lyhord_gateway.model.uplink import Uplink
from lyhord_wire.replay import ReplayWindow

RECENT_MAX = 1000  # six concentrators do not hear more in the second in which copies of a frame come


class Exchange(Struct):
    """A frame: who heard it best, which samples it brought, whether they are stored."""

    best: Uplink
    first_seq: int = 0
    count: int = 0
    stored: bool = False


@dataclass(slots=True)
class Stream:
    """`cipher` is the registry's: another one means another key.

    latest: the newest frame; None when it is stored and long over. repeats: how often it was answered again.
    """

    cipher: Cipher
    window: ReplayWindow
    latest: Exchange | None
    latest_digest: bytes
    repeats: int = 0


class Streams:
    """load(node, generation): window and newest digest from the store. The number of streams is bounded by
    the registry, two per node."""

    def __init__(self, load: Callable[[int, int], tuple[ReplayWindow, bytes]]) -> None:
        self._load = load
        self._streams: dict[int, Stream] = {}  # by node « 1 | generation: a tuple each would be 56 bytes more
        self._recent: deque[tuple[Stream, Exchange]] = deque()  # stored ones

    def of(self, node: int, generation: int, cipher: Cipher) -> Stream:
        """The stream of a node's key."""
        key = node << 1 | generation
        stream = self._streams.get(key)
        if stream is None:
            window, digest = self._load(node, generation)
            stream = self._streams[key] = Stream(cipher, window, None, digest)
        elif stream.cipher is not cipher:  # another key: its counters begin anew
            stream = self._streams[key] = Stream(cipher, ReplayWindow(), None, b"")
        return stream

    def forget(self, node: int, generation: int, stream: Stream) -> None:
        """A frame of it was not stored, so its window in memory is ahead of the one on disk: the next frame
        begins again from that."""
        key = node << 1 | generation
        if self._streams.get(key) is stream:
            del self._streams[key]

    def stored(self, stream: Stream, exchange: Exchange) -> None:
        """Remembers a stored frame until so many others have come that nobody else can have heard the same
        transmission."""
        exchange.stored = True
        self._recent.append((stream, exchange))
        if len(self._recent) > RECENT_MAX:
            stream, exchange = self._recent.popleft()
            if stream.latest is exchange:
                stream.latest = None
