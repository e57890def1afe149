"""An MQTT client that says what it likes: packets built by hand, no answer awaited, nothing checked."""

import asyncio


def connect(identifier: bytes) -> bytes:
    """CONNECT of MQTT 3.1.1 with a clean session and a keepalive of a minute."""
    return _packet(0x10, _text(b"MQTT") + b"\x04\x02\x00\x3c" + _text(identifier))


def publish(topic: bytes, payload: bytes, retain: bool = False) -> bytes:
    """PUBLISH at QoS 0; the topic's bytes are not looked at."""
    return _packet(0x31 if retain else 0x30, _text(topic) + payload)


class RudeClient:
    def __init__(self, port: int, identifier: bytes = b"rude") -> None:
        self._port = port
        self._identifier = identifier
        self._writer: asyncio.StreamWriter

    async def __aenter__(self) -> "RudeClient":
        reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        await self.send(connect(self._identifier))
        assert (await reader.readexactly(4))[3] == 0, "CONNACK"
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._writer.close()

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()


def _packet(first: int, body: bytes) -> bytes:
    size, head = len(body), bytearray([first])
    while True:
        size, digit = divmod(size, 128)
        head.append(digit | (128 if size else 0))
        if not size:
            return bytes(head) + body


def _text(text: bytes) -> bytes:
    return len(text).to_bytes(2, "big") + text
