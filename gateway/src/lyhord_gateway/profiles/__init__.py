"""Shapes that platforms expect, all made from the same canonical reading."""

from collections.abc import Collection, Sequence
from typing import Protocol

from lyhord_gateway.reading import Message, NodeFacts, Presence, Reading, Sharing


class Profile(Protocol):
    """A shape. Payloads depend on the readings and what the registry knows of their nodes, so that
    sending again sends the same."""

    def introduce(self, facts: NodeFacts, quantities: Collection[int] = ()) -> list[Message]:
        """What the platform must know about a node before its first reading in a connection, and again
        when it changes. quantities: those that the node's readings have had so far."""
        return []

    def topic(self, reading: Reading) -> str:
        """Readings with different topics never share a message."""
        ...

    def payload(self, readings: Sequence[Reading]) -> bytes:
        """One message's payload; all readings have the same topic and may share a message."""
        ...

    def sharing(self) -> Sharing:
        """Which readings with the same topic may share a message."""
        return Sharing.ANY

    def presence(self) -> Presence | None:
        """How the platform learns that the gateway is there, None if the shape has nothing for it."""
        return None
