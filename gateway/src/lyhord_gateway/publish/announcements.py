"""Announcements of nodes to a platform: once per connection, and again when they would be different.

    a node's first reading in a connection, something new about it ──▶ announced, and remembered
    it is disabled or removed ──▶ taken back, once, however long the platform was away meanwhile

What it has never let pass is not told any more.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence

from lyhord_gateway.model.reading import Message, NodeFacts, Reading
from lyhord_gateway.profiles import Profile
from lyhord_gateway.publish.announced import Announced

_Known = tuple[NodeFacts, frozenset[int]]


class Announcements:
    """facts: what the registry knows of a node. enabled: the nodes in service. changed: is set when the
    registry may have changed. Which quantities a node has outlives a connection."""

    def __init__(
        self,
        profile: Profile,
        facts: Callable[[int], NodeFacts],
        announced: Announced | None = None,
        enabled: Callable[[], Awaitable[Collection[int]]] | None = None,
        changed: asyncio.Event | None = None,
    ) -> None:
        self._profile = profile
        # Some shapes have nothing to say about nodes: then nothing is looked up either.
        self._silent = not profile.introduces
        self._facts = facts
        self.announced = announced or Announced()
        self._enabled = enabled
        self._changed = changed or asyncio.Event()
        self._quantities: dict[int, frozenset[int]] = {}
        self._shared: dict[frozenset[int], frozenset[int]] = {}  # thousands of nodes, a few kinds of them
        self._told: dict[int, _Known] = {}
        self._given_up: set[Message] = set()
        self._taking_back: dict[int, set[Message]] = {}

    def forget(self) -> None:
        """A new connection: the platform may have forgotten everything."""
        self._told.clear()
        self._taking_back.clear()
        self._changed.set()

    def give_up(self, word: Message) -> None:
        """This is not told any more, unless it changes."""
        self._given_up.add(word)
        self.acknowledged(word)

    def greeting(self) -> list[Message]:
        """The messages about the gateway itself at the beginning of a connection."""
        return [word for word in self._profile.greeting() if word not in self._given_up]

    def due(self, readings: Sequence[Reading]) -> list[Message]:
        """The announcements that go out before these readings; `announced.durable()` comes first."""
        if self._silent:
            return []
        for reading in readings:
            known = self._quantities.get(reading.node, frozenset())
            if not known >= reading.values.keys():
                both = known.union(reading.values)
                self._quantities[reading.node] = self._shared.setdefault(both, both)
        found: list[Message] = []
        for node in dict.fromkeys(reading.node for reading in readings):
            before = self._told.get(node)
            facts = self._facts(node)
            now = facts, self._quantities.get(node, frozenset())
            if before == now or not facts.enabled:
                continue
            words = self._profile.announce(*now)
            old = self._outdated(facts, words)
            if not self.announced.note(node, self._profile.retract(facts)):
                continue  # with the node's next reading, then
            self._told[node] = now
            if before is None or words != self._profile.announce(*before):
                found += [word for word in (*old, *words) if word not in self._given_up]
        return found

    def _outdated(self, facts: NodeFacts, words: Sequence[Message]) -> list[Message]:
        """The topics of earlier retained messages that are to be emptied, as these have other topics."""
        if facts.node in self.announced:
            before = self.announced.words(facts.node)
        else:
            before = self._profile.outdated(facts)
        topics = {word.topic for word in words}
        return [word for word in before if word.retain and not word.payload and word.topic not in topics]

    async def withdrawals(self) -> list[Message]:
        """Waits until the registry has changed, or a connection has begun; what is to be taken back then."""
        await self._changed.wait()
        self._changed.clear()
        if self._silent or self._enabled is None:
            return []
        found: list[Message] = []
        for node in self.announced.outside(await self._enabled()):
            self._told.pop(node, None)
            words = [word for word in self.announced.words(node) if word not in self._given_up]
            if not words:
                self.announced.forget(node)
            elif node not in self._taking_back:
                self._taking_back[node] = set(words)
                found += words
        return found

    def look_again(self) -> None:
        """Looks again at withdrawals that were handed out: they may not have been sent."""
        self._taking_back.clear()
        self._changed.set()

    def acknowledged(self, word: Message) -> None:
        """The platform has this."""
        if word.about is None or (left := self._taking_back.get(word.about)) is None:
            return
        left.discard(word)
        if not left:
            del self._taking_back[word.about]
            self._told.pop(word.about, None)  # if it is in service again, it is announced again
            if not self._facts(word.about).enabled:
                self.announced.forget(word.about)
