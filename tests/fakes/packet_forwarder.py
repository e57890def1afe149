"""A concentrator's packet forwarder, written from the published protocol text (PROTOCOL.TXT, version 2).

It shares no code with the gateway. Downlinks pass its just-in-time queue: too late with less than 32.5 ms to
go, too early beyond 512 s.
"""

import asyncio
import base64
import json
import struct
import time
from collections.abc import Callable

from lyhord_rig.deadline import DEADLINE_S
from tests.fakes.forwarder_sockets import ForwarderSockets

JIT_US = 32_500
TOO_EARLY_US = 512_000_000


class PacketForwarder(ForwarderSockets):
    """eui: 64-bit number. clock_us: what its 32-bit clock shows now. downlinks: every txpk it accepted."""

    def __init__(
        self,
        eui: int,
        server: tuple[str, int],
        clock_us: int = 0,
        now_us: Callable[[], int] = lambda: time.monotonic_ns() // 1000,
    ) -> None:
        super().__init__(server, self._from_up, self._from_down)
        self.eui = eui
        self._now_us = now_us
        self.clock_offset = clock_us - now_us()
        self.pushed: set[int] = set()
        self.acknowledged: asyncio.Queue[int] = asyncio.Queue()
        self.pull_acks: asyncio.Queue[int] = asyncio.Queue()
        self.downlinks: asyncio.Queue[dict] = asyncio.Queue()
        self.strays: list[bytes] = []
        self.error: str | None = None  # what the next TX_ACKs say
        self.warn: tuple[str, int] | None = None
        self.ack: bytes | None = None  # body of the next TX_ACKs, byte for byte
        self.silent = False  # True: no TX_ACK, as the oldest forwarders
        self.refused: asyncio.Queue[str] = asyncio.Queue()
        self._token = 0x1200

    @property
    def now_us(self) -> int:
        return (self._now_us() + self.clock_offset) % 2**32

    def send_raw(self, data: bytes) -> None:
        self._up.sendto(data)

    def push(self, document: object) -> int:
        """PUSH_DATA with any JSON document; its token."""
        self._token = (self._token + 1) & 0xFFFF
        self.pushed.add(self._token)
        self._up.sendto(self._header(self._token, 0) + json.dumps(document).encode())
        return self._token

    def hear(self, frame: bytes, **fields: object) -> dict:
        """A frame from the air, just now; the rxpk as it was sent."""
        rxpk = self.rxpk(frame, **fields)
        self.push({"rxpk": [rxpk]})
        return rxpk

    def rxpk(self, frame: bytes, **fields: object) -> dict:
        return {
            "tmst": self.now_us,
            "chan": 2,
            "rfch": 0,
            "freq": 868.1,
            "stat": 1,
            "modu": "LORA",
            "datr": "SF9BW125",
            "codr": "4/5",
            "rssi": -95,
            "lsnr": 5.1,
            "size": len(frame),
            "data": base64.b64encode(frame).decode(),
        } | fields

    async def pull(self) -> None:
        """PULL_DATA, and waits for its acknowledgement."""
        self._token = (self._token + 1) & 0xFFFF
        self._down.sendto(self._header(self._token, 2))
        async with asyncio.timeout(DEADLINE_S):
            assert await self.pull_acks.get() == self._token

    async def push_acknowledged(self, token: int) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while await self.acknowledged.get() != token:
                pass

    async def downlink(self) -> dict:
        async with asyncio.timeout(DEADLINE_S):
            return await self.downlinks.get()

    def _header(self, token: int, kind: int) -> bytes:
        return struct.pack(">BHBQ", 2, token, kind, self.eui)

    def _from_up(self, data: bytes) -> None:
        if len(data) == 4 and data[0] == 2 and data[3] == 1:
            self.acknowledged.put_nowait(int.from_bytes(data[1:3], "big"))
        else:
            self.strays.append(data)

    def _from_down(self, data: bytes) -> None:
        if len(data) == 4 and data[0] == 2 and data[3] == 4:
            self.pull_acks.put_nowait(int.from_bytes(data[1:3], "big"))
        elif data[:1] == b"\x02" and data[3:4] == b"\x03":
            self._transmit(int.from_bytes(data[1:3], "big"), json.loads(data[4:])["txpk"])
        else:
            self.strays.append(data)

    def _transmit(self, token: int, txpk: dict) -> None:
        ahead_us = (txpk["tmst"] - self.now_us) % 2**32
        ahead_us = ahead_us if ahead_us < 2**31 else ahead_us - 2**32
        error = self.error
        if ahead_us <= JIT_US:
            error = "TOO_LATE"
        elif ahead_us > TOO_EARLY_US:
            error = "TOO_EARLY"
        ack: dict | None = None
        if error is not None:
            ack = {"txpk_ack": {"error": error}}
        elif self.warn is not None:
            ack = {"txpk_ack": {"warn": self.warn[0], "value": self.warn[1]}}
        if error is None:
            self.downlinks.put_nowait(txpk)
        else:
            self.refused.put_nowait(error)
        body = json.dumps(ack).encode() if ack else b""
        if not self.silent:
            self._down.sendto(self._header(token, 5) + (body if self.ack is None else self.ack))
