"""The MQTT client towards a platform: what it refuses is no acknowledgement, and its limits are kept.

MQTT 5 says in the PUBACK whether a message was taken, and in the CONNACK how many messages may be under way
and how long one may be. MQTT 3.1.1 says nothing of that: there a PUBACK is all there is.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Any

import aiomqtt
from paho.mqtt.client import MQTT_ERR_SUCCESS, ConnectFlags
from paho.mqtt.client import Client as PahoClient
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from lyhord_gateway.mqtt.client import WINDOW, Client, address, settings
from lyhord_gateway.options.endpoint import Endpoint
from lyhord_gateway.publish.terms import Terms

# How long a platform that speaks MQTT 5 keeps quiet about a gateway that is gone: a new connection within
# that time is no news. Nothing else is in the session; the store knows what is to go out again.
_SESSION_S = 30
_TOO_LARGE = 0x95  # "Packet too large"
_FIXED_MAX = 5  # bytes of a packet before its topic
_WAITING_MAX = 100  # messages of the platform that may wait until they are read; more are dropped


class PublishRefused(aiomqtt.MqttError):
    """A PUBACK with a reason of 0x80 or above, or a packet that is longer than the platform takes, which is
    not even sent. code: the reason; name: its words in the standard (MQTT 5, section 2.4)."""

    def __init__(self, reason: ReasonCode) -> None:
        super().__init__(f"the platform refuses a message: {reason} (0x{reason.value:02x})")
        self.code = reason.value
        self.name = str(reason)


class NothingAcknowledged(aiomqtt.MqttError):
    """The CONNACK allows no QoS above 0 (MQTT 5, section 3.2.2.3.4): nothing could count as delivered."""

    def __init__(self) -> None:
        super().__init__("the platform takes QoS 0 only: it would acknowledge nothing, so nothing is sent")


class PlatformClient(Client):
    """slots: one for each message that may wait for its PUBACK, from the CONNACK on. packet_max: bytes of
    the longest packet that the platform takes, None if it did not say. version: of MQTT. keeps: it takes
    retained messages. acknowledges: it takes QoS 1. told: is called with the PUBACK's reason for what is
    told beside the readings; `telling` of that has none yet."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        five = options.get("protocol") is aiomqtt.ProtocolVersion.V5
        self.version = "5" if five else "3.1.1"
        self.keeps = self.acknowledges = True
        self.told: Callable[[ReasonCode], None] = lambda reason: None
        self.telling = 0
        self.window = WINDOW
        self.slots = asyncio.Semaphore(WINDOW)
        self.packet_max: int | None = None
        self._unconfirmed: dict[int, asyncio.Future[ReasonCode]] = {}
        self._waiting = 0  # messages that were sent, and have no PUBACK
        self._last_mono_s = 0.0  # when there was a PUBACK, or nothing waited for one

    @property
    def silent_s(self) -> float:
        """The time that some message has waited while there was no PUBACK at all."""
        return self._loop.time() - self._last_mono_s if self._waiting else 0.0

    def narrow(self, window: int) -> None:
        """At most so many messages may wait for their PUBACK; before the first one is sent."""
        self.window = min(self.window, window)
        self.slots = asyncio.Semaphore(self.window)

    async def publish(self, topic: str, payload: Any = None, *arguments: Any, **options: Any) -> None:
        """Like `aiomqtt.Client.publish`, in a slot of its own, and however long it takes: a slow platform has
        a window of messages before this one. A refusal is no matter."""
        async with self.slots:
            self._sent()
            self.telling += 1
            options["retain"] = bool(options.get("retain")) and self.keeps
            await super().publish(topic, payload, *arguments, timeout=math.inf, **options)
            self.telling -= 1
            self._answered()

    async def deliver(
        self, topic: str, payload: bytes, retain: bool = False, properties: Properties | None = None
    ) -> None:
        """Publishes with QoS 1 and returns after the PUBACK, however long that takes; the caller has a slot.
        Raises PublishRefused if it says no."""
        if self.version != "5":
            properties = None
        if self.packet_max is not None and _packet_size(topic, payload, properties) > self.packet_max:
            raise PublishRefused(ReasonCode(PacketTypes.DISCONNECT, identifier=_TOO_LARGE))
        info = self._client.publish(topic, payload, 1, retain and self.keeps, properties)
        if info.rc != MQTT_ERR_SUCCESS:
            raise aiomqtt.MqttCodeError(info.rc, "Could not publish message")
        confirmed: asyncio.Future[ReasonCode] = self._loop.create_future()
        self._unconfirmed[info.mid] = confirmed
        self._sent()
        try:
            reason = await confirmed
        finally:
            self._unconfirmed.pop(info.mid, None)
            self._answered()
        if reason.is_failure:
            raise PublishRefused(reason)

    def _sent(self) -> None:
        if not self._waiting:
            self._last_mono_s = self._loop.time()
        self._waiting += 1

    def _answered(self) -> None:
        self._waiting -= 1
        self._last_mono_s = self._loop.time()

    def _on_connect(
        self,
        client: PahoClient,
        userdata: Any,
        flags: ConnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        told: dict[str, Any] = {} if properties is None else properties.json()  # type: ignore[no-untyped-call]
        self.window = min(WINDOW, told.get("ReceiveMaximum", WINDOW))
        self.slots = asyncio.Semaphore(self.window)
        self.packet_max = told.get("MaximumPacketSize")
        self.keeps = bool(told.get("RetainAvailable", 1)) and self.keeps
        self.acknowledges = told.get("MaximumQoS", 1) > 0
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_publish(
        self, client: PahoClient, userdata: Any, mid: int, reason_code: ReasonCode, properties: Properties
    ) -> None:
        confirmed = self._unconfirmed.get(mid)
        if confirmed is None:
            self.told(reason_code)
            super()._on_publish(client, userdata, mid, reason_code, properties)
        elif not confirmed.done():
            confirmed.set_result(reason_code)


def _packet_size(topic: str, payload: bytes, properties: Properties | None) -> int:
    """At most so many bytes has a PUBLISH (MQTT 5, section 3.3)."""
    described = properties.pack() if properties is not None else b"\0"  # type: ignore[no-untyped-call]
    return _FIXED_MAX + 2 + len(topic.encode()) + 2 + len(described) + len(payload)


def make_properties(packet: int) -> Properties:
    """None yet, for this type of packet."""
    return Properties(packet)  # type: ignore[no-untyped-call]


def make_platform_client(
    endpoint: Endpoint, identifier: str, protocol: str, will: aiomqtt.Will | None
) -> PlatformClient:
    """A client that is not connected yet; see `make_client`. protocol: "3.1.1" or "5". identifier: the same
    after a lost connection, so that the platform ends the old one before it takes the new one."""
    options: dict[str, Any] = {
        "identifier": identifier,
        "will": will,
        "max_queued_incoming_messages": _WAITING_MAX,
        **settings(endpoint),
    }
    if protocol != "5":
        return PlatformClient(*address(endpoint), clean_session=True, **options)
    properties = make_properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = _SESSION_S
    if will is not None:
        delay = make_properties(PacketTypes.WILLMESSAGE)
        delay.WillDelayInterval = _SESSION_S
        options["will"] = aiomqtt.Will(will.topic, will.payload, will.qos, will.retain, delay)
    return PlatformClient(
        *address(endpoint),
        protocol=aiomqtt.ProtocolVersion.V5,
        clean_start=False,  # a clean one would end the session, and with it publish the last will
        properties=properties,
        **options,
    )


def make_client_on(terms: Terms, endpoint: Endpoint, identifier: str) -> PlatformClient:
    """As `make_platform_client`, with what is asked of the platform at this moment."""
    return make_platform_client(endpoint, identifier, terms.protocol, terms.will)
