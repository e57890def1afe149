"""What a platform is told about nodes: once per connection, and again when it would be different.

What it has never let pass is not told any more.
"""

from collections.abc import Callable, Sequence

from lyhord_gateway.model.reading import Message, NodeFacts, Reading
from lyhord_gateway.profiles import Profile

_Known = tuple[NodeFacts, frozenset[int]]


class Announcements:
    """facts: what the registry knows of a node. Which quantities a node has outlives a connection."""

    def __init__(self, profile: Profile, facts: Callable[[int], NodeFacts]) -> None:
        self._profile = profile
        # Most shapes have nothing to say about nodes: then nothing is looked up either.
        self._silent = type(profile).announce is Profile.announce
        self._facts = facts
        self._quantities: dict[int, frozenset[int]] = {}
        self._shared: dict[frozenset[int], frozenset[int]] = {}  # thousands of nodes, a few kinds of them
        self._told: dict[int, _Known] = {}
        self._given_up: set[Message] = set()

    def forget(self) -> None:
        """A new connection: the platform may have forgotten everything."""
        self._told.clear()

    def give_up(self, word: Message) -> None:
        """This is not told any more, unless it changes."""
        self._given_up.add(word)

    def due(self, readings: Sequence[Reading]) -> list[Message]:
        """What has to go out before these readings."""
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
            now = self._facts(node), self._quantities.get(node, frozenset())
            if before == now:
                continue
            self._told[node] = now
            words = self._profile.announce(*now)
            if before is None or words != self._profile.announce(*before):
                found += [word for word in words if word not in self._given_up]
        return found
