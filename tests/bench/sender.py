"""The nodes' side, a process of its own: `python -m tests.bench.sender udp PORT NODES`, told by JSON lines.

    {"do": "seal", "frames": 1000, "samples": 4}      → {}
    {"do": "burst"}                                   → {"sent_s": first send, "answers": downlinks}
    {"do": "pace", "rate": 20, "file": "sent.json"}   → the same, and when each frame was sent

Nothing is lost on the way: at most `_WINDOW` datagrams wait for their PUSH_ACK (UDP), at most `_ASKED`
frames for their *stored* (MQTT). Times are those of the monotonic clock, which all processes share.
"""

import base64
import json
import random
import select
import socket
import sys
import time
from pathlib import Path
from typing import Protocol

from lyhord_rig.deadline import DEADLINE_S
from tests.bench.fleet import Fleet, asks
from tests.bench.packets import PUBLISH, Connection, publish_packet

EUI = "b1c0000000000001"
PER_DATAGRAM = 8  # an SX1301 demodulates eight frames at a time
_WINDOW = 32
_ASKED = 500
_CHUNK = 40  # MQTT packets in one write

Sealed = tuple[int, int, bytes]


class Carrier(Protocol):
    answers: int

    def load(self, sealed: list[Sealed]) -> None:
        """Makes ready what `burst` sends."""

    def burst(self) -> None:
        """Sends as fast as the window allows; returns when all is acknowledged."""

    def send(self, sealed: Sealed) -> None:
        """One frame, now."""

    def idle(self, until_s: float) -> None:
        """Takes what comes, until then."""


class Udp:
    """One concentrator of eight frames per datagram, with a pushing and a pulling socket."""

    def __init__(self, port: int) -> None:
        self._push = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._pull = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for one in (self._push, self._pull):
            one.connect(("127.0.0.1", port))
        self._pull.setblocking(False)
        self._start_ns = time.monotonic_ns()
        self._datagrams: list[list[bytes]] = []
        self.answers = 0
        self._pull.send(b"\x02\0\0\x02" + bytes.fromhex(EUI))

    def load(self, sealed: list[Sealed]) -> None:
        self._datagrams = [
            self._parts(sealed[at : at + PER_DATAGRAM]) for at in range(0, len(sealed), PER_DATAGRAM)
        ]

    def burst(self) -> None:
        self._push.settimeout(DEADLINE_S)
        waiting = 0
        for number, parts in enumerate(self._datagrams):
            while waiting >= _WINDOW:
                self._push.recv(16)
                waiting -= 1
            self._push.send(self._now().join(parts))
            waiting += 1
            if number % _WINDOW == 0:
                self._answer()
        while waiting:
            self._push.recv(16)
            waiting -= 1
        self._answer()

    def send(self, sealed: Sealed) -> None:
        self._push.send(self._now().join(self._parts([sealed])))

    def idle(self, until_s: float) -> None:
        while (left := until_s - time.monotonic()) > 0:
            ready, _, _ = select.select([self._push, self._pull], [], [], left)
            if self._push in ready:
                self._push.recv(16)
            self._answer()

    def _now(self) -> bytes:
        """The concentrator's clock as text; always ten digits."""
        return b"%d" % (1_000_000_000 + (time.monotonic_ns() - self._start_ns) // 1000)

    def _parts(self, sealed: list[Sealed]) -> list[bytes]:
        """A datagram cut where its `tmst` goes."""
        parts = [b"\x02\x12\x34\0" + bytes.fromhex(EUI) + b'{"rxpk":[{"tmst":']
        for at, (_, _, frame) in enumerate(sealed):
            rxpk = (
                b',"time":"2026-01-01T00:00:00.000000Z","chan":%d,"rfch":0,"freq":868.100000,"stat":1,'
                b'"modu":"LORA","datr":"SF7BW125","codr":"4/5","lsnr":7.5,"rssi":-87,"size":%d,"data":"%s"}'
            ) % (at, len(frame), base64.b64encode(frame))
            parts[-1] += b"" if not at else b',{"tmst":'
            parts.append(rxpk)
        parts[-1] += b"]}"
        return parts

    def _answer(self) -> None:
        """Every downlink that has come is acknowledged as sent."""
        try:
            while True:
                datagram = self._pull.recv(4096)
                if datagram[3] == 3:
                    self._pull.send(b"\x02" + datagram[1:3] + b"\x05" + bytes.fromhex(EUI))
                    self.answers += 1
        except BlockingIOError:
            pass


class Mqtt:
    """All nodes over one connection to their broker."""

    def __init__(self, port: int) -> None:
        self._connection = Connection(port, "bench-nodes", "lyhord/v1/+/down")
        self._chunks: list[tuple[bytes, int]] = []  # packets, and how many of them want an answer
        self._number = 0
        self.answers = 0

    def load(self, sealed: list[Sealed]) -> None:
        self._chunks = []
        for at in range(0, len(sealed), _CHUNK):
            chunk = sealed[at : at + _CHUNK]
            self._chunks.append(
                (b"".join(map(self._packet, chunk)), sum(asks(frame) for _, _, frame in chunk))
            )

    def burst(self) -> None:
        asked = 0
        for packets, gap_requests in self._chunks:
            self._connection.socket.sendall(packets)
            asked += gap_requests
            while asked - self.answers > _ASKED:
                self._receive()

    def send(self, sealed: Sealed) -> None:
        self._connection.socket.sendall(self._packet(sealed))

    def idle(self, until_s: float) -> None:
        while (left := until_s - time.monotonic()) > 0:
            if select.select([self._connection.socket], [], [], left)[0]:
                self._receive()

    def _packet(self, sealed: Sealed) -> bytes:
        node, _, frame = sealed
        self._number = self._number % 65_535 + 1
        return publish_packet(f"lyhord/v1/{node:06x}/up", frame, self._number)

    def _receive(self) -> None:
        self.answers += sum(kind == PUBLISH for kind, _ in self._connection.receive())


def _pace(carrier: Carrier, sealed: list[Sealed], rate: float) -> list[tuple[int, int, float]]:
    """Sends at random moments, `rate` a second on average; (node, sample number, when)."""
    rng = random.Random(rate)
    sent = []
    due_s = time.monotonic()
    for one in sealed:
        due_s += rng.expovariate(rate)
        carrier.idle(due_s)
        sent.append((one[0], one[1], time.monotonic()))
        carrier.send(one)
    carrier.idle(time.monotonic() + 0.2)
    return sent


def main() -> None:
    kind, port, nodes = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    carrier: Carrier = Udp(port) if kind == "udp" else Mqtt(port)
    fleet = Fleet(nodes)
    sealed: list[Sealed] = []
    for line in sys.stdin:
        asked = json.loads(line)
        reply: dict[str, object] = {}
        carrier.answers = 0
        start_s = time.monotonic()
        match asked["do"]:
            case "seal":
                sealed = fleet.seal(asked["frames"], asked["samples"])
                carrier.load(sealed)
            case "burst":
                carrier.burst()
                reply = {"sent_s": start_s, "answers": carrier.answers}
            case "pace":
                sent = _pace(carrier, sealed, asked["rate"])
                Path(asked["file"]).write_text(json.dumps(sent))
                reply = {"sent_s": start_s, "answers": carrier.answers}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
