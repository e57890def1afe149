"""The nodes that a platform was told of, with the messages that take that back; it outlives restarts.

    announce ──▶ row committed ──▶ words sent        so whatever was ever told can be taken back
    node disabled or removed ──▶ words back ──PUBACK──▶ row goes

The words are kept as they would be sent: by the time they are needed, nobody may know any more what a removed
node was, or what the configuration said when it was announced.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence

import msgspec

from lyhord_gateway.model.reading import Message, node_text
from lyhord_gateway.model.work import Keep, announced_key

_COMMIT_S = 5.0  # a disk that takes nothing holds up no reading; the row is written when it takes something

Submit = Callable[[Keep, Callable[[object], None] | None], bool]


class _Word(msgspec.Struct, array_like=True, frozen=True):
    topic: str
    payload: str
    retain: bool


_words = msgspec.json.Decoder(list[_Word])


class Announced:
    """rows: as they were kept. submit: makes a value durable and calls back after the commit."""

    def __init__(
        self, platform: str = "", rows: Mapping[int, bytes] = {}, submit: Submit | None = None
    ) -> None:
        self._platform = platform
        self._submit = submit
        self._rows = dict(rows)
        self._waiting = 0
        self._durable = asyncio.Event()
        self._durable.set()

    def __contains__(self, node: int) -> bool:
        return node in self._rows

    def outside(self, enabled: Collection[int]) -> list[int]:
        """The nodes that were announced and are not among these."""
        return [node for node in self._rows if node not in enabled]

    def words(self, node: int) -> list[Message]:
        """The messages that take back that this node was announced; nothing if a row is not what was kept."""
        try:
            kept = _words.decode(self._rows.get(node, b"[]"))
        except msgspec.DecodeError:
            return []
        return [Message(word.topic, word.payload.encode(), retain=word.retain, about=node) for word in kept]

    def note(self, node: int, back: Sequence[Message]) -> bool:
        """The node is announced now; these words take it back. False if there is no room to remember it just
        now: then it must not be announced."""
        if not back:
            return True
        row = msgspec.json.encode([_Word(one.topic, one.payload.decode(), one.retain) for one in back])
        if self._rows.get(node) == row:
            return True
        if self._submit is not None:
            if not self._submit(Keep(self._key(node), row), self._committed):
                return False
            self._waiting += 1
            self._durable.clear()
        self._rows[node] = row
        return True

    def forget(self, node: int) -> None:
        """It was taken back, and the platform has acknowledged that. A row that cannot go just now is said
        once more after the next start, which does no harm."""
        self._rows.pop(node, None)
        if self._submit is not None:
            self._submit(Keep(self._key(node), None), None)

    async def durable(self) -> None:
        """Returns when what was noted is committed."""
        if not self._durable.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_COMMIT_S):
                    await self._durable.wait()

    def _committed(self, _: object) -> None:
        self._waiting -= 1
        if not self._waiting:
            self._durable.set()

    def _key(self, node: int) -> str:
        return announced_key(self._platform, node_text(node))
