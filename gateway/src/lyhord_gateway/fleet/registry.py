"""The nodes that are known, as the event loop sees them: facts, keys as ready ciphers.

Rows are read when a node is first met and again after anything changed them; what does not exist is
looked up every time, so a node that is imported while the gateway runs is known at its next frame.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from lyhord_gateway.model.cipher import Cipher
from lyhord_gateway.model.reading import NodeFacts
from lyhord_gateway.store.reader import NodeRow


@dataclass(frozen=True, slots=True)
class Node:
    """ciphers: by key generation (0, 1); None where there is no key. A key that did not change keeps its
    Cipher object, so that `is` tells whether a key is still the same."""

    facts: NodeFacts
    enabled: bool
    ciphers: tuple[Cipher | None, Cipher | None]


class Registry:
    """load: reads one node's row from the store."""

    def __init__(self, load: Callable[[int], NodeRow | None]) -> None:
        self._load = load
        self._nodes: dict[int, Node] = {}
        self._stale: dict[int, Node] = {}
        self._followers: list[asyncio.Event] = []

    def lookup(self, node: int) -> Node | None:
        """The node if it is known, enabled or not."""
        return self._nodes.get(node) or self._read(node)

    def facts(self, node: int) -> NodeFacts:
        """The facts known of a node: of one that is not in the registry only its id."""
        known = self.lookup(node)
        return known.facts if known else NodeFacts(node, enabled=False)

    def follow(self) -> asyncio.Event:
        """An event that is set at every change; the follower clears it before it looks."""
        event = asyncio.Event()
        self._followers.append(event)
        return event

    def changed(self, nodes: set[int] | None) -> None:
        """Rows of these nodes changed (None: of any): they are read again when they are next needed."""
        for node in set(self._nodes) if nodes is None else nodes:
            known = self._nodes.pop(node, None)
            if known is not None:
                self._stale[node] = known
        for follower in self._followers:
            follower.set()

    def _read(self, node: int) -> Node | None:
        before = self._stale.pop(node, None)
        row = self._load(node)
        if row is None:
            return None
        ciphers = tuple(self._cipher(row.keys.get(generation), before, generation) for generation in (0, 1))
        known = self._nodes[node] = Node(row.facts, row.enabled, (ciphers[0], ciphers[1]))
        return known

    def _cipher(self, key: bytes | None, before: Node | None, generation: int) -> Cipher | None:
        if key is None:
            return None
        old = before.ciphers[generation] if before else None
        return old if old is not None and old.has_key(key) else Cipher(key)
