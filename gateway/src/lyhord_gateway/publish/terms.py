"""Terms of a CONNECT: asked of a platform, and given up where it refuses just them: readings go first.

    MQTT 5, last will and health retained
        │ unsupported version, or closed before CONNACK ──▶ MQTT 3.1.1, for this connection
        │ retain not supported ──▶ will and health without retain
        │ the will's topic, QoS or size refused ──▶ no last will
        ▼ health refused, or under way at STRIKES losses ──▶ no health either

Each of these is said, in the log and in health, for as long as it is so. A concession that does not help is
taken back: then something else was wrong.
"""

from collections.abc import Callable

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode

from lyhord_gateway.mqtt.client import TAKEN_OVER, ClosedEarly, HungUp
from lyhord_gateway.publish.poison_messages import STRIKES

NEWEST, OLDER = "5", "3.1.1"
# Reasons of a CONNACK and DISCONNECT (MQTT 5, section 2.4).
_VERSION = 0x84
_RETAIN = 0x9A
_QOS = 0x9B
# The last will's topic, size, shape or permission may be meant; then it goes without.
_OF_THE_WILL = (_RETAIN, _QOS, 0x87, 0x90, 0x95)
_FOR_NOW = (0x91, 0x97)  # packet identifier in use, quota exceeded
_SURE = (_VERSION, _RETAIN, _QOS)  # the reason leaves no doubt, so nobody has to wait


class Terms:
    """Of one platform. protocol: the version of MQTT to begin with, "" if whoever connects knows better.
    note: is called with a topic and what is to be said of it, "" for nothing more."""

    def __init__(self, protocol: str = NEWEST, will: aiomqtt.Will | None = None) -> None:
        self._wanted = protocol
        self._will = will
        self.note: Callable[[str, str], None] = lambda topic, text: None
        self._retain = True
        self._with_will = True
        self._strikes = 0
        self.protocol = protocol
        self.telling = True  # how the gateway is

    @property
    def will(self) -> aiomqtt.Will | None:
        will = self._will
        if will is None or not self._with_will or not self.telling:
            return None
        return aiomqtt.Will(will.topic, will.payload, will.qos, will.retain and self._retain)

    def connected(self, version: str) -> None:
        """There is a connection in this version of MQTT: what was given up for it is said."""
        blind = "what its access list forbids may be acknowledged, and thrown away unseen"
        if version == NEWEST or not self._wanted:
            self.note("protocol", "")
        elif self._wanted == NEWEST:
            self.note("protocol", f"knows MQTT 3.1.1 only: {blind}")
        else:
            self.note("protocol", f"is spoken to in MQTT 3.1.1: {blind}")
        if self._will is not None and self.telling:
            self.note(
                "will", "" if self._with_will else "takes no last will: nobody hears that the gateway is gone"
            )

    def refused(self, error: BaseException) -> bool:
        """No connection has come about. True if the next attempt needs no pause: it is another one."""
        if self.protocol != self._wanted:
            self.protocol = self._wanted
            return False
        code = _code(error)
        if self._wanted == NEWEST and (code == _VERSION or isinstance(error, ClosedEarly)):
            self.protocol = OLDER
        elif code == _RETAIN and self._retain and self._will is not None:
            self.without_retain()
        elif code in _OF_THE_WILL and self._will is not None and self.telling:
            self._with_will = not self._with_will
            if self._with_will:
                return False
        else:
            return False
        return code in _SURE

    def lost(self, error: BaseException, telling: bool) -> None:
        """A connection is lost. telling: what is told beside the readings was under way."""
        self.protocol = self._wanted
        if isinstance(error, HungUp) and error.code == TAKEN_OVER:
            self.unsteady()
        if isinstance(error, HungUp) and error.code == _RETAIN and self._retain:
            self.without_retain()
            return
        if not telling or not self.telling:
            return
        self._strikes += 1
        if self._strikes >= STRIKES:
            self.telling = False
            self.note("health", "hangs up on what tells how the gateway is: it is not told any more")

    def told(self, reason: ReasonCode) -> None:
        """A message beside the readings has its PUBACK. Mosquitto 2.0 says that a topic is forbidden, and
        reads nothing of that connection any more: what is refused for good is not tried again."""
        self._strikes = 0
        if self._will is None:  # it is not how the gateway is
            return
        refusal = ""
        if reason.is_failure:
            refusal = f"does not take how the gateway is: {reason} (0x{reason.value:02x})"
            self.telling = reason.value in _FOR_NOW
        self.note("health", refusal)

    def without_retain(self) -> None:
        """It keeps no message for those who come later."""
        self._retain = False
        self.note(
            "retain",
            "keeps no retained messages: who comes later learns nothing of the gateway and its nodes",
        )

    @property
    def retain(self) -> bool:
        return self._retain

    def steady(self) -> None:
        """A connection has lasted."""
        self.note("name", "")

    def unsteady(self) -> None:
        """None of the last connections has."""
        self.note("name", "does not keep its connections; perhaps another client has this gateway's name")


def _code(error: BaseException) -> int | None:
    """The reason in a CONNACK or DISCONNECT."""
    if isinstance(error, HungUp):
        return error.code
    if isinstance(error, aiomqtt.MqttCodeError) and isinstance(error.rc, ReasonCode):
        return int(error.rc.value)
    return None
