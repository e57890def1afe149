"""Peers that mean no good, against the real gateway process: it stays small and counts, and good traffic
goes on.

Every test ends with a polite stop, so that the status file has the last word of every counter.
"""

import asyncio
import base64
import contextlib
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lyhord_wire.frame import seal_uplink
from tests.fakes.packet_forwarder import PacketForwarder
from tests.fakes.rude_mqtt import RudeClient, publish
from tests.fakes.silent_broker import SilentBroker
from tests.gateway import senml_resolver
from tests.gateway.parts import (
    DEADLINE_S,
    GatewayProcess,
    Mosquitto,
    Node,
    connected,
    free_port,
    next_message,
    until,
)
from tests.sweep import beyond

EUI = 0xAA555A0000000101
UNKNOWN_NODES = 10_000
GROWTH_MIB = 24  # a flood may leave that much: full queues and what the allocator keeps
YEAR_S = 31_536_000


class Cabinet(GatewayProcess):
    """A gateway with every kind of source and HTTP, one good node, and a look at its memory."""

    def __init__(self, folder: Path, platform_port: int | None = None) -> None:
        self.http_port, self.udp_port = free_port(), free_port()
        extra = f"[http]\nport = {self.http_port}\n"
        extra += f'[udp]\nlisten = "127.0.0.1"\nport = {self.udp_port}\neuis = ["{EUI:016x}"]\n'
        super().__init__(folder, platform_port, extra)
        self.node = Node()
        self.counters: dict[str, int] = {}

    @property
    def server(self) -> tuple[str, int]:
        return "127.0.0.1", self.udp_port

    def memory_mib(self) -> float:
        assert self.process is not None
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGESIZE") / (1 << 20)

    def files(self) -> int:
        assert self.process is not None
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    async def good(self) -> None:
        """The good node's next report is stored and acknowledged."""
        async with connected(self.port, self.node.down) as client:
            await client.publish(self.node.up, self.node.report(ack=True), qos=1)
            answer = (await next_message(client)).payload
        assert isinstance(answer, bytes)
        assert self.node.open(answer)[1] == self.node.seq

    async def health(self) -> tuple[int, dict]:
        async with asyncio.timeout(DEADLINE_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.http_port)
            writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            writer.close()
        return int(head.split()[1]), json.loads(body)

    def refused(self) -> dict[str, int]:
        prefix = "ingest.refused."
        return {n.removeprefix(prefix): c for n, c in self.counters.items() if n.startswith(prefix)}


@contextlib.asynccontextmanager
async def unharmed(cabinet: Cabinet) -> AsyncIterator[None]:
    """Before, the gateway has served a good frame; after, it still does, has not grown, and stops well."""
    async with cabinet:
        await cabinet.add(cabinet.node)
        await until(lambda: cabinet.status()["states"].get("udp") == "up", "udp listens")
        await cabinet.good()
        before_mib = cabinet.memory_mib()
        yield
        await cabinet.good()
        assert cabinet.memory_mib() - before_mib < GROWTH_MIB
        assert await cabinet.terminate() == 0
    cabinet.counters = cabinet.status()["counters"]
    log = cabinet.log.read_text()
    assert "Traceback" not in log
    assert log.count("\n") < 100, "a flood of frames is no flood of lines"


def unknown_nodes(first: int, count: int) -> list[bytes]:
    """A frame each of nodes that nobody knows, sealed with a key that nobody has."""
    return [
        seal_uplink(Node(0x100000 + number, os.urandom(16)).cipher, 0x100000 + number, 1, 0, bytes(20))
        for number in range(first, first + count)
    ]


async def test_ten_thousand_unknown_nodes_over_mqtt_and_udp(tmp_path: Path) -> None:
    cabinet = Cabinet(tmp_path)
    async with (
        unharmed(cabinet),
        PacketForwarder(EUI, cabinet.server) as roof,
        RudeClient(cabinet.port) as rude,
    ):
        frames = unknown_nodes(0, UNKNOWN_NODES)
        for at in range(0, UNKNOWN_NODES, 1000):
            batch = frames[at : at + 1000]
            topics = (f"lyhord/v1/{frame[2:5].hex()}/up".encode() for frame in batch)
            await rude.send(b"".join(publish(t, f) for t, f in zip(topics, batch, strict=True)))
            for first in range(0, 1000, 8):
                token = roof.push({"rxpk": [roof.rxpk(frame) for frame in batch[first : first + 8]]})
            await roof.push_acknowledged(token)
            await cabinet.good()
    assert (
        cabinet.refused()["unknown_node"] + cabinet.counters.get("mqtt.inbox_dropped", 0) == 2 * UNKNOWN_NODES
    )
    assert cabinet.counters["store.samples"] == cabinet.node.seq


async def test_cbor_bombs_of_a_node_with_a_key(tmp_path: Path) -> None:
    bombs = [
        b"\x81" * 200,  # nested
        b"\xa1\x00" * 100,
        b"\x9b" + b"\xff" * 8,  # an array of 2⁶⁴ − 1
        b"\xbb" + b"\xff" * 8,
        b"\x5b\x7f" + b"\xff" * 7,  # a byte string of 2⁶³ − 1
        b"\x7b\x7f" + b"\xff" * 7,
        b"\x9a\x00\x01\x00\x00" + b"\x80" * 190,
        b"\x9f" * 206,  # indefinite lengths
        b"\x84\x00\x00\x00\xb9\xff\xff" + b"\x01\x00" * 90,
        b"\xc2\x58\xc8" + b"\xff" * 200,  # a big number
    ]
    cabinet = Cabinet(tmp_path)
    async with unharmed(cabinet), connected(cabinet.port) as client:
        for _ in range(20):
            for bomb in bombs:
                await client.publish(cabinet.node.up, cabinet.node.frame(bomb, ack=True), qos=1)
    assert cabinet.refused() == {"cbor": 20 * len(bombs)}


async def test_datagrams_of_unknown_nodes_and_of_any_size(tmp_path: Path) -> None:
    cabinet = Cabinet(tmp_path)
    eui = EUI.to_bytes(8, "big")
    async with (
        unharmed(cabinet),
        PacketForwarder(EUI, cabinet.server) as roof,
        PacketForwarder(0xBAD, cabinet.server) as bad,
    ):
        await roof.pull()
        for number in range(300):
            for data in (
                b"\x02\x00\x01\x00" + eui + b'{"rxpk":[' + b" " * (4096 + 200 * number) + b"]}",
                os.urandom(60_000 if number % 50 == 0 else 40),
                b"\x02\x00\x01\x03" + json.dumps({"txpk": {"imme": True, "data": "AAAA"}}).encode(),
            ):
                bad.send_raw(data)
            bad.hear(cabinet.node.report(ack=True))
            cabinet.node.seq -= 1
            if number % 20 == 0:
                await roof.pull()  # whatever was sent before has been looked at
        roof.hear(cabinet.node.report(ack=True))
        assert cabinet.node.open(base64.b64decode((await roof.downlink())["data"]))[1] == cabinet.node.seq
        assert bad.strays == [] and bad.downlinks.empty()
    # Of a listed concentrator, and long: there is nothing in them. The kernel may drop a few.
    assert cabinet.counters["udp.push_data"] >= 290
    assert cabinet.counters["udp.refused.direction"] >= 290
    assert cabinet.counters["udp.refused.unknown_eui"] >= 290
    assert cabinet.counters["store.samples"] == cabinet.node.seq


async def test_long_payloads_floods_and_impossible_topics_over_mqtt(tmp_path: Path) -> None:
    cabinet = Cabinet(tmp_path)
    topics = [
        b"\xff\xfe/up",
        b"lyhord/v1/+/up",
        b"lyhord/v1/#",
        b"",
        b"lyhord/v1/\x00/up",
        b"$SYS/broker/load",
    ]
    topics += [b"lyhord/v1/00\xed\xa0\x80/up", b"lyhord/v1/" + b"a" * 60_000 + b"/up"]
    async with unharmed(cabinet):
        for number, topic in enumerate(topics):
            async with RudeClient(cabinet.port, b"rude-%d" % number) as rude:
                with contextlib.suppress(ConnectionError):
                    for _ in range(200):
                        await rude.send(publish(topic, bytes(100), retain=True))
        for retain in (False, True):
            async with RudeClient(cabinet.port) as rude:
                with contextlib.suppress(ConnectionError):
                    for _ in range(20):
                        await rude.send(publish(cabinet.node.up.encode(), bytes(1 << 20), retain))
        async with RudeClient(cabinet.port) as rude:
            junk = publish(cabinet.node.up.encode(), b"\xe0" * 200)
            for _ in range(10):
                await rude.send(junk * 1000)
            await cabinet.good()
    assert cabinet.counters["store.samples"] == cabinet.node.seq
    assert cabinet.counters.get("broker.restarts", 0) == 0


async def test_a_megabyte_through_a_broker_that_lets_it_pass(tmp_path: Path) -> None:
    async with Mosquitto(tmp_path) as broker:
        cabinet = Cabinet(tmp_path)
        own = f'[mqtt]\nlisten = "127.0.0.1"\nport = {cabinet.port}\n'
        other = f'[mqtt]\nembedded = false\nurl = "mqtt://127.0.0.1:{broker.port}"\n'
        cabinet.config.write_text(cabinet.config.read_text().replace(own, other))
        cabinet.port = broker.port
        async with unharmed(cabinet), RudeClient(broker.port) as rude:
            for _ in range(2 * GROWTH_MIB):
                await rude.send(publish(cabinet.node.up.encode(), bytes(1 << 20)))
            await cabinet.good()
    assert cabinet.counters["mqtt.refused.size"] == 2 * GROWTH_MIB


async def test_a_platform_that_acknowledges_nothing(tmp_path: Path) -> None:
    async with SilentBroker() as platform:
        cabinet = Cabinet(tmp_path, platform.port)
        async with unharmed(cabinet):
            async with connected(cabinet.port) as client:
                for _ in range(100):
                    await client.publish(cabinet.node.up, cabinet.node.report(count=20), qos=1)
            await cabinet.good()
            # The health message, and what may be under way at once; the rest waits in the store.
            assert sum(topic.endswith("senml") for topic, _ in platform.published) <= 20
    assert cabinet.counters["store.samples"] == cabinet.node.seq == 2003


async def test_a_clock_that_jumps_a_year_ahead_and_back(tmp_path: Path) -> None:
    ahead = tmp_path / "ahead"

    def move(seconds: int) -> None:
        """At once: the gateway reads the file at any moment."""
        (tmp_path / "new").write_text(str(seconds))
        (tmp_path / "new").replace(ahead)

    move(0)
    async with Mosquitto(tmp_path) as platform, connected(platform.port, "lyhord/#") as city:
        cabinet = Cabinet(tmp_path, platform.port)
        cabinet.program = [sys.executable, "-m", "tests.fakes.moved_clock", str(ahead)]
        seen: set[tuple[int, int]] = set()
        async with unharmed(cabinet):
            for jump_s in (YEAR_S, 0, -YEAR_S, 0):
                move(jump_s)
                for _ in range(3):
                    await cabinet.good()
                assert (await cabinet.health())[0] == 200
                while len(seen) < cabinet.node.seq:
                    payload = (await next_message(city)).payload
                    assert isinstance(payload, bytes)
                    readings = set(senml_resolver.readings(json.loads(payload)))
                    assert not readings & seen, "delivered once, whatever the clock says"
                    seen |= readings
        assert seen >= {(cabinet.node.id, seq) for seq in range(cabinet.node.seq - 1)}


async def test_slow_and_senseless_http(tmp_path: Path) -> None:
    cabinet = Cabinet(tmp_path)
    async with unharmed(cabinet):
        files = cabinet.files()
        sockets = []
        try:
            for number in range(200):
                loris = socket.create_connection(("127.0.0.1", cabinet.http_port))
                loris.sendall(
                    b"GET /health HTTP/1.1\r\nX: " if number % 2 else b"\x16\x03\x01 nonsense\r\n\r\n"
                )
                sockets.append(loris)
                if number % 20 == 0:
                    assert (await cabinet.health())[0] == 200
            await until(lambda: cabinet.files() <= files + 35, "the slow ones are cut off")
            code, said = await cabinet.health()
            assert (code, said["state"]) == (200, "healthy")
        finally:
            for loris in sockets:
                loris.close()
        async with asyncio.timeout(DEADLINE_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", cabinet.http_port)
            writer.write(b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                assert b"400" in (await reader.read())[:20]
            writer.close()


@pytest.mark.parametrize(
    "path", ["/metrics/../../etc/passwd", *beyond("/health?x=%ff%00", "/%2e%2e/lyhord.db")]
)
async def test_no_path_leads_anywhere_else(path: str, tmp_path: Path) -> None:
    cabinet = Cabinet(tmp_path)
    async with cabinet, asyncio.timeout(DEADLINE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", cabinet.http_port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        status = (await reader.read()).split()[1]
        writer.close()
    assert status == (b"200" if path.startswith("/health") else b"404")
