"""Shapes that platforms expect, all made from the same canonical reading."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from lyhord_gateway.model.reading import Message, NodeFacts, Reading, Sharing

# A reading of nobody: no node has this id. It counts as late, so nothing takes it for the present.
NOTHING = Reading(0, 0, 0, 0, {}, None, None, None, "", True)
GATEWAY = 0  # in place of a node's id, where a message is about the gateway itself
DEVICE = "lyhord-{node}"  # a node's name at a platform, if the configuration gives no other


@dataclass(frozen=True, slots=True)
class Request:
    """A platform's request to a node. node: None if the device is none of ours; ticket: what the profile
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


class Words:
    """The messages to a platform about the gateway itself, where it has a place for them."""

    def health(self, topic: str, report: Mapping[str, object]) -> Message | None:
        """The message when a connection has come about, and again when it changes: how the gateway is.
        topic: where the configuration wants it, "" for nowhere. None: the platform has no place for it."""
        return Message(topic, msgspec.json.encode(report), retain=True) if topic else None

    def gone(self, topic: str, gateway: str) -> Message | None:
        """The message before a connection is ended in order."""
        word = {"gateway": gateway, "state": "gone"}
        return Message(topic, msgspec.json.encode(word), retain=True) if topic else None

    def will(self, topic: str, gateway: str) -> Message | None:
        """The last will: subscribers get it when the platform has lost the gateway."""
        return self.gone(topic, gateway)


class Profile(Words, ABC):
    """A shape. Payloads depend on the readings and what the registry knows of their nodes, so that
    sending again sends the same. content_type: of the payloads."""

    content_type: str = "application/json"

    def announce(self, facts: NodeFacts, quantities: Collection[int] = ()) -> list[Message]:
        """The messages about a node that the platform must have before its first reading in a connection,
        and again when it changes. quantities: those that the node's readings have had so far."""
        return []

    def retract(self, facts: NodeFacts) -> list[Message]:
        """The messages that take back `announce(facts)` when the node goes out of service. They are kept with
        the announcement, and said as they were then."""
        return []

    def outdated(self, facts: NodeFacts) -> list[Message]:
        """The messages that take back the announcement that an earlier version has made."""
        return []

    def greeting(self) -> list[Message]:
        """The messages about the gateway itself at the beginning of a connection, about `GATEWAY`."""
        return []

    @property
    def introduces(self) -> bool:
        """It has something to say about nodes."""
        return type(self).announce is not Profile.announce

    @abstractmethod
    def topic(self, reading: Reading) -> str:
        """Readings with different topics never share a message."""

    @abstractmethod
    def payload(self, readings: Sequence[Reading]) -> bytes:
        """One message's payload; all readings have the same topic and may share a message."""

    def sharing(self) -> Sharing:
        """The rule which readings with the same topic may share a message."""
        return Sharing.ANY

    def probe(self) -> Message:
        """A message without readings on the topic of readings, by which `check --connect` sees whether they
        would be taken. It must change nothing at the platform."""
        return Message(self.topic(NOTHING), b"{}")

    def inbox(self) -> str | None:
        """The topic on which the platform asks things of nodes, None if the shape has none."""
        return None

    def request(self, payload: bytes) -> Request | None:
        """The request in a message of the inbox; None if it is an answer of our own. Raises BadRequest."""
        raise BadRequest("shape")

    def reply(self, request: Request, outcome: Mapping[str, object]) -> Message | None:
        """The answer to a request; None if nobody waits for one."""
        raise ValueError("this shape has no inbox, so nothing to answer")
