"""Frames over WiFi and MQTT: joined, connected and subscribed once per wake, then frame after frame.

docs/protocol.md section 5. The MQTT client is umqtt.simple, which sees of the broker only what `mqtt_stream`
lets through. Each step has an end of its own, and all of them together are shorter than the shortest sample
period where the peer does not do its part: who waits longer does not measure.
"""

import socket
from time import sleep_ms, ticks_diff, ticks_ms

import umqtt.simple
from micropython import const

from lyhord_node.link import ANSWERED, NO_ANSWER, LinkDown, Result
from lyhord_node.mqtt_stream import CONNACK, NOTHING, PUBACK, SUBACK, Late, MqttStream
from lyhord_node.scoped_import import ScopedImport
from lyhord_wire.frame import MAX_FRAME

_JOIN_MS = const(20_000)
_GIVE_UP_MS = const(8_000)  # two scans of all channels and more, where the access point is not in the air
_LOOK_MS = const(50)
_CONNECT_MS = const(6_000)  # TCP and CONNACK; a name that nobody resolves takes the chip up to 30 s before
_TLS_CONNECT_MS = const(15_000)  # the chip computes 1 to 3 s for the handshake
_STEP_MS = const(6_000)  # SUBACK, PUBACK, and then the gateway's answer
_LEAVE_MS = const(1_000)
_ENOUGH_MS = const(20_000)  # of a report: the rest of a backlog waits for the next one
_KEEPALIVE_S = const(60)
_ROUNDS = const(100)
_TOPIC = "lyhord/v1/%06x/"


def _typed(nvs, *names):
    """The texts that an installer typed; what knows them is in memory only while they are read."""
    with ScopedImport():
        from lyhord_node import config

        return [config.text(nvs, name) for name in names]


class _Sockets:
    """Stands in for the module `socket` inside umqtt.simple: one address (of getaddrinfo), one socket."""

    def __init__(self, address, stream):
        self.getaddrinfo = lambda *_: address
        self.socket = lambda: stream


class WifiLink:
    """One connection per wake; asks for an answer to every frame, for asking costs next to nothing here."""

    always_ack = True
    fault = 0
    rounds = _ROUNDS
    frame_max = MAX_FRAME

    def __init__(self, node):
        self._node = node
        self._power = node.power
        topic = _TOPIC % node.identity.node
        self._up = (topic + "up").encode()
        self._down = (topic + "down").encode()
        self._wlan = None
        self._client = None
        self._stream = None
        self._accept = None  # of the frame under way
        self._downlink = None  # its answer
        self._began_ms = ticks_ms()

    def has_time(self):
        """False when a report has taken as long as it may."""
        return ticks_diff(ticks_ms(), self._began_ms) < _ENOUGH_MS

    def open(self):
        """Joins, connects and subscribes; raises LinkDown with the step that failed."""
        try:
            self._join()
        except OSError as fault:  # the chip's own driver: no memory left, or a state that it does not like
            raise LinkDown("wifi: %s" % _reason(fault))
        self._connect()

    def _join(self):
        import network

        nvs = self._node.nvs
        self._wlan = network.WLAN(network.STA_IF)
        self._wlan.active(True)
        self._wlan.connect(*_typed(nvs, "wifi_ssid", "wifi_password"))
        began_ms = ticks_ms()
        while not self._wlan.isconnected():
            waited_ms = ticks_diff(ticks_ms(), began_ms)
            hopeless = self._wlan.status() in (network.STAT_NO_AP_FOUND, network.STAT_WRONG_PASSWORD)
            if waited_ms >= (_GIVE_UP_MS if hopeless else _JOIN_MS):
                raise LinkDown("wifi: not joined within %d s" % (waited_ms // 1000))
            self._power.feed()
            sleep_ms(_LOOK_MS)

    def _connect(self):
        nvs = self._node.nvs
        host, port, user, password, pin = _typed(
            nvs, "broker_host", "broker_port", "broker_user", "broker_password", "broker_pin"
        )
        client = umqtt.simple.MQTTClient(
            b"lyhord-%06x" % self._node.identity.node,
            host,
            port=int(port),
            user=user.encode() or None,
            password=password.encode(),
            keepalive=_KEEPALIVE_S,
        )
        client.set_callback(self._hear)
        try:
            # What a name costs is not known before: the stream's time begins when it is resolved.
            self._power.feed()
            address = socket.getaddrinfo(client.server, client.port)
            self._stream = MqttStream(socket.socket(), self._down, MAX_FRAME, pin)
            umqtt.simple.socket = _Sockets(address, self._stream)
            self._client = client
            self._power.feed()
            self._stream.allow(_TLS_CONNECT_MS if pin else _CONNECT_MS, CONNACK)
            client.connect()
            self._stream.allow(_STEP_MS, SUBACK)
            client.subscribe(self._down, 1)
        except (OSError, ValueError, AssertionError, umqtt.simple.MQTTException) as fault:
            raise LinkDown("broker: %s" % _reason(fault))

    def _hear(self, _topic, message):
        # Judged at once and kept only if it is the answer: there may be any number of others.
        if self._accept is not None and self._downlink is None:
            self._downlink = self._accept(message)

    def close(self):
        """Takes leave of broker and access point, as far as they are still there."""
        client, self._client = self._client, None
        if client is not None:
            self._stream.allow(_LEAVE_MS, NOTHING)
            try:
                client.disconnect()
            except (OSError, LinkDown):  # the broker went first, or never came
                pass
        if self._wlan is not None:
            try:
                self._wlan.disconnect()
            except OSError as fault:  # it had not even started
                print("wifi:", fault)
            self._wlan.active(False)

    def send(self, raw, accept=None):
        """ANSWERED or NO_ANSWER; raises LinkDown when the connection breaks."""
        self._accept = accept
        self._downlink = None
        self._power.feed()
        try:
            self._stream.allow(_STEP_MS, PUBACK)
            self._client.publish(self._up, raw, qos=1)
            self._power.feed()
            if accept is not None:
                self._await_answer()
        except (OSError, AssertionError, umqtt.simple.MQTTException) as fault:
            raise LinkDown("broker: %s" % _reason(fault))
        finally:
            self._accept = None
        if self._downlink is None:
            return Result(NO_ANSWER)
        return Result(ANSWERED, self._downlink, rssi_dbm=self._rssi_dbm())

    def _await_answer(self):
        self._stream.allow(_STEP_MS, NOTHING)
        try:
            while self._downlink is None:
                self._client.wait_msg()
        except Late as late:
            if not late.is_between:
                raise

    def _rssi_dbm(self):
        try:
            return self._wlan.status("rssi")
        except OSError:  # the access point has gone since the answer came
            return 0


def _reason(fault):
    return "%s %s" % (type(fault).__name__, fault)
