"""A concentrator's packet forwarder on `pamoja-gateway`, an implementation of the protocol that is not ours:
every byte that it sends was written there, every byte that it gets is read there."""

import asyncio
import time

from pamoja.gateway import Crc, Packet, PacketKind, Rxpk, Stat, Txpk, TxStatus, acknowledgment, encode, parse
from pamoja.lora import link

from lyhord_rig.deadline import DEADLINE_S
from tests.fakes.forwarder_sockets import ForwarderSockets


class ForeignForwarder(ForwarderSockets):
    """eui: sixteen hexadecimal digits. downlinks: every packet that it was told to transmit; acknowledged:
    tokens. status: what it makes of the next downlinks."""

    def __init__(self, eui: str, server: tuple[str, int]) -> None:
        super().__init__(server, self._take, self._take)
        self.eui = eui
        self.status = TxStatus.NONE
        self.downlinks: asyncio.Queue[Txpk] = asyncio.Queue()
        self.acknowledged: asyncio.Queue[tuple[str, int]] = asyncio.Queue()
        self.received = 0
        self._token = 0

    @property
    def now_us(self) -> int:
        return time.monotonic_ns() // 1000 % 2**32

    def rxpk(self, frame: bytes, rssi_dbm: float = -97, crc: Crc = Crc.OK, **fields: object) -> Rxpk:
        fields = {"frequency_hz": 868_100_000, "link": link(7, 125_000), "snr_db": 5.5} | fields
        return Rxpk(payload=frame, rssi_dbm=rssi_dbm, crc=crc, timestamp_us=self.now_us, **fields)

    async def push(self, *packets: Rxpk) -> None:
        """PUSH_DATA with its counts, and waits until it is acknowledged."""
        self.received += len(packets)
        counts = Stat(received=self.received, received_ok=self.received, forwarded=self.received)
        await self._acknowledged(self._up, PacketKind.PUSH_DATA, packets=list(packets), status=counts)

    async def pull(self) -> None:
        """PULL_DATA, and waits until it is acknowledged."""
        await self._acknowledged(self._down, PacketKind.PULL_DATA)

    async def downlink(self) -> Txpk:
        async with asyncio.timeout(DEADLINE_S):
            return await self.downlinks.get()

    async def _acknowledged(self, way: asyncio.DatagramTransport, kind: PacketKind, **fields: object) -> None:
        self._token = (self._token + 1) & 0xFFFF
        packet = Packet(kind, self._token, gateway=self.eui, **fields)
        wanted = acknowledgment(packet)
        way.sendto(encode(packet))
        async with asyncio.timeout(DEADLINE_S):
            assert await self.acknowledged.get() == (wanted.kind, wanted.token)

    def _take(self, data: bytes) -> None:
        packet = parse(data)
        if packet.kind == PacketKind.PULL_RESP:
            self.downlinks.put_nowait(packet.transmit)
            ack = Packet(PacketKind.TX_ACK, packet.token, gateway=self.eui, tx_status=self.status)
            self._down.sendto(encode(ack))
        else:
            self.acknowledged.put_nowait((packet.kind, packet.token))
