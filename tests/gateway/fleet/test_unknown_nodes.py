"""Nodes that nobody has registered: listed, never stored, and never more than there is room for."""

import json
import random

from lyhord_gateway.fleet.unknown_nodes import KEY, UNKNOWN_NODES_MAX, UnknownNodes, unpack
from lyhord_gateway.model.uplink import Uplink
from tests.gateway.bench import NOW_S, Bench
from tests.gateway.parts import GatewayProcess, Node, connected, until


class Book:
    """A list of unknown nodes, with what was kept of it."""

    def __init__(self, kept: bytes | None = None) -> None:
        self.kept: list[bytes] = []
        self.dropped = 0
        self.list = UnknownNodes(kept, self.kept.append, self._count)

    def _count(self, name: str) -> None:
        assert name == "unknown_nodes.not_listed"
        self.dropped += 1

    def hear(self, node: int, heard_s: int = NOW_S, rssi: int | None = -90, source: str = "roof") -> None:
        self.list.heard(node, Uplink(b"", source, heard_s, 0, rssi, None, lambda frame, aborted: None))

    def ids(self) -> set[int]:
        return {one.node for one in self.list.listed()}


def test_who_since_when_and_how_well() -> None:
    book = Book()
    book.hear(7, NOW_S, None, "mqtt")
    book.hear(7, NOW_S + 5, -101, "roof")
    book.hear(7, NOW_S + 9, -80, "tower")
    book.hear(7, NOW_S + 12, -95, "roof")
    (one,) = book.list.listed()
    assert (one.first_s, one.last_s, one.count) == (NOW_S, NOW_S + 12, 4)
    assert (one.rssi_dbm, one.source) == (-80, "tower")


def test_a_flood_of_ids_pushes_nobody_out_who_was_heard_twice() -> None:
    book = Book()
    for node in range(1, 51):
        book.hear(node)
        book.hear(node)
    seed = random.randrange(1 << 32)
    print("seed", seed)
    for node in random.Random(seed).sample(range(1000, 1 << 24), 10_000):
        book.hear(node)
    assert len(book.ids()) == UNKNOWN_NODES_MAX
    assert book.ids() >= set(range(1, 51))
    book.list.save(NOW_S, at_once=True)
    assert len(book.kept[-1]) < 100 * UNKNOWN_NODES_MAX
    for node in range(2000, 2000 + UNKNOWN_NODES_MAX):  # a flood that comes twice
        book.hear(node)
        book.hear(node)
    dropped = book.dropped
    book.hear(9)
    book.hear(0xABCDEF)
    assert book.dropped == dropped + 1
    book.hear(0xABCDEF, NOW_S + 4000)
    assert 0xABCDEF in book.ids(), "those that are silent for an hour make room"


def test_it_is_kept_seldom_and_found_again() -> None:
    book = Book()
    for second in range(3600):
        if second % 10 == 0:
            book.hear(7, NOW_S + second)
        book.list.save(NOW_S + second)
    assert 6 <= len(book.kept) <= 8
    book.list.save(NOW_S + 3600, at_once=True)
    again = Book(book.kept[-1])
    assert again.list.listed() == book.list.listed()
    assert unpack(b"rubbish") == []
    again.hear(8, NOW_S + 40 * 86_400)
    again.list.save(NOW_S + 40 * 86_400)
    assert again.ids() == {8}, "after a month of silence it is forgotten"


async def test_ten_thousand_unknown_ids_leave_no_reading_and_a_bounded_list(bench: Bench) -> None:
    book = Book()
    bench.ingest._unknown_node = book.list.heard
    for number in range(10_000):
        bench.hear(Node(0x100000 + number).report())
    await bench.heard(Node().report())
    assert bench.stored() == [0]
    assert bench.refused == {"unknown_node": 10_000}
    assert len(book.ids()) == UNKNOWN_NODES_MAX
    assert bench.reader._connection.execute("SELECT count(*) FROM session").fetchone() == (1,)


async def test_they_are_listed_after_a_stop_at_the_latest(tmp_path) -> None:
    unknown_node = Node(0xBEEF)
    async with GatewayProcess(tmp_path, None) as gateway:
        async with connected(gateway.port) as client:
            for _ in range(3):
                await client.publish(unknown_node.up, unknown_node.report(), qos=1)
        await until(
            lambda: gateway.status()["counters"].get("ingest.refused.unknown_node") == 3, "they are refused"
        )
        assert await gateway.terminate() == 0
        (row,) = json.loads(await gateway.cli("nodes", "unknown", "--json"))
        assert (row["id"], row["frames"], row["rssi_dbm"], row["source"]) == ("00beef", 3, None, "mqtt")
        table = await gateway.cli("nodes", "unknown")
        assert "00beef" in table
        assert all(len(line) <= 80 for line in table.splitlines())
        assert KEY not in table
