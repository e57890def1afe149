"""Shapes that platforms expect, all made from the same canonical reading."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from lyhord_gateway.model.reading import Message, NodeFacts, Reading, Sharing

DEVICE = "lyhord-{node}"  # a node's name at a platform, if the configuration gives no other


@dataclass(frozen=True, slots=True)
class Request:
    """What a platform wants of a node. node: None if the device is none of ours; ticket: what the profile
    needs for the answer."""

    node: int | None
    method: str
    params: object
    ticket: tuple[str, int]


NoRequest = Literal["shape", "too_long"]


class BadRequest(Exception):
    """A message that is no request, so nobody waits for an answer. reason: a counter's name."""

    def __init__(self, reason: NoRequest) -> None:
        super().__init__(reason)
        self.reason = reason


class Profile(Protocol):
    """A shape. Payloads depend on the readings and what the registry knows of their nodes, so that
    sending again sends the same. content_type: of the payloads."""

    content_type: str = "application/json"

    def announce(self, facts: NodeFacts, quantities: Collection[int] = ()) -> list[Message]:
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

    def inbox(self) -> str | None:
        """The topic on which the platform asks things of nodes, None if the shape has none."""
        return None

    def request(self, payload: bytes) -> Request | None:
        """What a message in the inbox asks for; None if it is an answer of our own. Raises BadRequest."""
        raise BadRequest("shape")

    def reply(self, request: Request, outcome: Mapping[str, object]) -> Message:
        """The answer to a request."""
        raise ValueError("this shape has no inbox, so nothing to answer")
