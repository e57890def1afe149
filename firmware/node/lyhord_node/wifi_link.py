"""Frames over WiFi and MQTT: joined, connected and subscribed once per wake, then frame after frame.

docs/protocol.md section 5. The MQTT client is umqtt.simple. It reads without deadlines and writes
a packet in pieces; the socket that it is given here does better on both.
"""

import socket
from time import sleep_ms, ticks_add, ticks_diff, ticks_ms

import umqtt.simple
from micropython import const

from lyhord_node import config
from lyhord_node.link import ANSWERED, NO_ANSWER, LinkDown, Result
from lyhord_wire.frame import MAX_FRAME

_JOIN_MS = const(20_000)
_GIVE_UP_MS = const(8_000)  # two scans of all channels and more, where the access point is not in the air
_LOOK_MS = const(50)
_SOCKET_S = const(10)
_ANSWER_MS = const(6_000)
_KEEPALIVE_S = const(60)
_READ_MAX = const(1024)  # nothing that is for us is longer
_ROUNDS = const(100)
_ENOTCONN = const(128)
_TOPIC = "lyhord/v1/%06x/"


class PacketSocket:
    """A TCP socket as umqtt.simple uses it: what is written goes out in one piece before the next read.

    Every read ends after `timeout_s` at the latest with an OSError, and gives all bytes or raises one.
    """

    def __init__(self, timeout_s=_SOCKET_S):
        self._socket = socket.socket()
        self._socket.settimeout(timeout_s)
        self._packet = bytearray()

    def connect(self, address):
        self._socket.connect(address)

    def settimeout(self, seconds):
        self._socket.settimeout(seconds)

    def setblocking(self, _flag):
        """umqtt.simple takes the deadline away after each first byte; it stays."""

    def write(self, data, size=None):
        self._packet.extend(data if size is None else memoryview(data)[:size])

    def read(self, size):
        self._flush()
        if size > _READ_MAX:
            raise OSError(_ENOTCONN)
        data = self._socket.read(size)
        if data is None or len(data) < size:
            raise OSError(_ENOTCONN)
        return data

    def close(self):
        self._flush()
        self._socket.close()

    def abandon(self):
        """Closes without sending what waits."""
        self._socket.close()

    def readable(self, timeout_ms):
        """Sends what waits, then True as soon as there is something to read, False after `timeout_ms`."""
        from select import POLLIN, poll

        self._flush()
        waiting = poll()
        waiting.register(self._socket, POLLIN)
        return bool(waiting.poll(timeout_ms))

    def _flush(self):
        packet = self._packet
        if packet:
            self._packet = bytearray()
            self._socket.write(packet)


class _Sockets:
    """Stands in for the module `socket` inside umqtt.simple."""

    getaddrinfo = staticmethod(socket.getaddrinfo)
    socket = PacketSocket  # from here on the name hides the module in this class


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
        self._heard = []

    def open(self):
        """Joins, connects and subscribes; raises LinkDown with the step that failed."""
        try:
            self._join()
        except OSError as fault:  # the chip's own driver: no memory left, or a state that it does not like
            raise LinkDown("wifi: %s" % _reason(fault))
        self._connect()

    def _join(self):
        import network

        store = self._node.store
        self._wlan = network.WLAN(network.STA_IF)
        self._wlan.active(True)
        self._wlan.connect(config.text(store, "wifi_ssid"), config.text(store, "wifi_password"))
        began_ms = ticks_ms()
        while not self._wlan.isconnected():
            waited_ms = ticks_diff(ticks_ms(), began_ms)
            hopeless = self._wlan.status() in (network.STAT_NO_AP_FOUND, network.STAT_WRONG_PASSWORD)
            if waited_ms >= (_GIVE_UP_MS if hopeless else _JOIN_MS):
                raise LinkDown("wifi: not joined within %d s" % (waited_ms // 1000))
            self._power.feed()
            sleep_ms(_LOOK_MS)

    def _connect(self):
        store = self._node.store
        user = config.text(store, "broker_user").encode()
        umqtt.simple.socket = _Sockets
        client = umqtt.simple.MQTTClient(
            b"lyhord-%06x" % self._node.identity.node,
            config.text(store, "broker_host"),
            port=int(config.text(store, "broker_port")),
            user=user or None,
            password=config.text(store, "broker_password").encode(),
            keepalive=_KEEPALIVE_S,
        )
        client.set_callback(self._hear)
        self._client = client
        self._power.feed()
        try:
            client.connect()
            client.subscribe(self._down, 1)
        except (OSError, AssertionError, umqtt.simple.MQTTException) as fault:
            raise LinkDown("broker: %s" % _reason(fault))

    def _hear(self, _topic, message):
        self._heard.append(bytes(message))

    def close(self):
        """Takes leave of broker and access point, as far as they are still there."""
        client, self._client = self._client, None
        if client is not None and client.sock is not None:
            try:
                client.disconnect()
            except OSError:
                client.sock.abandon()  # the broker went first
        if self._wlan is not None:
            try:
                self._wlan.disconnect()
            except OSError as fault:  # it had not even started
                print("wifi:", fault)
            self._wlan.active(False)

    def send(self, raw, accept=None):
        """ANSWERED or NO_ANSWER; raises LinkDown when the connection breaks."""
        self._heard = []
        self._power.feed()
        try:
            self._client.sock.settimeout(_SOCKET_S)
            self._client.publish(self._up, raw, qos=1)
            downlink = self._wait(accept)
        except (OSError, AssertionError, umqtt.simple.MQTTException) as fault:
            raise LinkDown("broker: %s" % _reason(fault))
        if downlink is None:
            return Result(NO_ANSWER)
        return Result(ANSWERED, downlink, rssi_dbm=self._rssi_dbm())

    def _rssi_dbm(self):
        try:
            return self._wlan.status("rssi")
        except OSError:  # the access point has gone since the answer came
            return 0

    def _wait(self, accept):
        until_ms = ticks_add(ticks_ms(), _ANSWER_MS)
        while accept is not None:
            while self._heard:
                downlink = accept(self._heard.pop(0))
                if downlink is not None:
                    return downlink
            left_ms = ticks_diff(until_ms, ticks_ms())
            if left_ms <= 0 or not self._client.sock.readable(left_ms):
                return None
            self._client.wait_msg()
        return None


def _reason(fault):
    return "%s %s" % (type(fault).__name__, fault)
