"""Does a platform get what it acknowledges? One message is sent, and read back where that is allowed.

    read back              proven
    refused                by its PUBACK (MQTT 5), or by hanging up: readings would not arrive
    acknowledged only      MQTT 5: the PUBACK says that it was taken; 3.1.1: nobody can know from here

The message has the profile's own topic and holds no reading: an empty list or object.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import aiomqtt

from lyhord_gateway.mqtt.client import SubscriptionRefused, cause_of
from lyhord_gateway.publish.client import PlatformClient, PublishRefused
from lyhord_gateway.publish.terms import NEWEST, Terms

_TRIES = 3  # connections: the newest version, an older one, one without what was refused
_BACK_S = 5.0  # so long a message may take to come back


class Verdict(Enum):
    """The result of the proof. lost: readings would not arrive; unknown: look at the platform."""

    PROVEN = "what is published there can be read back"
    TAKEN = "takes messages, as its PUBACKs say; they cannot be read back with this account"
    UNKNOWN = (
        "acknowledges a message, which cannot be read back: MQTT 3.1.1 does not tell whether it was thrown "
        "away; look for a reading there before you rely on it"
    )
    LOST = "does not take messages"


@dataclass(frozen=True, slots=True)
class Proof:
    """The result in full. why: in the platform's words, for Verdict.LOST."""

    verdict: Verdict
    why: str = ""


async def prove(
    connect: Callable[[], PlatformClient],
    terms: Terms,
    topic: str,
    payload: bytes,
    readable: bool = True,
    back_s: float = _BACK_S,
) -> Proof:
    """readable: False for a platform that is no broker, and may hang up on who subscribes. connect: makes a
    client on `terms`, under a name of its own: one that is connected already would lose its connection."""
    why = ""
    for _ in range(_TRIES):
        client = None
        try:
            async with connect() as client:
                if not client.acknowledges:
                    return Proof(Verdict.LOST, "it takes QoS 0 only, and acknowledges nothing")
                return await _sent(client, topic, payload, readable, back_s)
        except (aiomqtt.MqttError, OSError, TimeoutError) as lost:
            cause = cause_of(lost)
            why = str(cause) or "no answer in time"
            if client is not None:
                return Proof(Verdict.LOST, why)
            terms.refused(cause)
    return Proof(Verdict.LOST, why)


async def _sent(client: PlatformClient, topic: str, payload: bytes, readable: bool, back_s: float) -> Proof:
    try:
        if readable:
            await client.subscribe(topic, qos=1)
    except SubscriptionRefused:
        readable = False
    try:
        async with asyncio.timeout(client.timeout):
            await client.deliver(topic, payload)
    except PublishRefused as refused:
        return Proof(Verdict.LOST, str(refused))
    if readable:
        try:
            async with asyncio.timeout(back_s):
                async for message in client.messages:
                    if str(message.topic) == topic and message.payload == payload:
                        return Proof(Verdict.PROVEN)
        except TimeoutError:
            pass
    return Proof(Verdict.TAKEN if client.version == NEWEST else Verdict.UNKNOWN)
