"""Entries for the registry are checked whole before any of them is entered, and cut off no node."""

import json
import os
from pathlib import Path

import pytest

from tests.gateway.bench import Bench, running
from tests.gateway.parts import KEY, NODE, Node, cli

NEW = bytes(range(100, 116))
Line = dict[str, object]


class OrderEntry:
    """A gateway's commands; `keys` is what is in force, read from the export."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "gateway.toml"
        self.config.write_text('[gateway]\nnumber = 1\ndata_dir = "data"\n')
        self.exports = 0

    async def done(self, *words: str, stdin: str = "") -> str:
        code, out, err = await cli("nodes", *words, "--config", str(self.config), stdin=stdin)
        assert code == 0, err
        return out

    async def refused(self, *words: str, stdin: str = "") -> str:
        code, out, err = await cli("nodes", *words, "--config", str(self.config), stdin=stdin)
        assert code == 2, out
        assert err.count("\n") == 1 and "Traceback" not in err
        return err

    async def keys(self) -> dict[tuple[str, int], str]:
        self.exports += 1
        file = self.folder / f"export-{self.exports}.jsonl"
        await self.done("export", "--with-keys", str(file))
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        return {(line["id"], line.get("generation", 0)): line["key"] for line in lines if "key" in line}


def jsonl(*lines: Line) -> str:
    return "".join(json.dumps(line) + "\n" for line in lines)


def line(node: int = NODE, key: bytes = KEY, generation: int = 0, **more: object) -> Line:
    return {"id": f"{node:06x}", "key": key.hex(), "generation": generation, **more}


@pytest.fixture
async def order_entry(tmp_path: Path) -> OrderEntry:
    order_entry = OrderEntry(tmp_path)
    await order_entry.done("import", "-", stdin=jsonl(line(name="Storgatan 12")))
    return order_entry


async def test_a_key_in_force_is_not_replaced(order_entry: OrderEntry) -> None:
    before = await order_entry.keys()
    said = await order_entry.refused("import", "-", stdin=jsonl(line(key=NEW, name="Torget 1")))
    assert "000a01: has another key of generation 0" in said and "--replace 000a01" in said
    assert await order_entry.keys() == before
    assert "Storgatan 12" in await order_entry.done("--json")
    assert KEY.hex() not in said and NEW.hex() not in said


async def test_the_same_line_again_and_a_line_without_a_key_change_no_key(order_entry: OrderEntry) -> None:
    before = await order_entry.keys()
    await order_entry.done("import", "-", stdin=jsonl(line(), {"id": "000b02", "name": "no key yet"}))
    await order_entry.done("import", "-", stdin=jsonl({"id": "000a01", "name": "Torget 1"}))
    assert await order_entry.keys() == before
    assert "Torget 1" in await order_entry.done("--json")


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([line(0xB, NEW), line(0xB, KEY[::-1])], "one line of each node"),
        ([line(0xB, NEW), {"id": "00000b", "name": "twice"}], "one line of each node"),
        ([{"id": "00000b"}, {"id": "00000B"}], "one line of each node"),
        ([line(0xB, NEW, 0), line(0xB, KEY[::-1], 2)], "neighbouring generations"),
        ([line(0xB, NEW, 1), line(0xB, KEY[::-1], 0)], "neighbouring generations"),
        ([line(0xB, NEW), line(0xC, NEW)], "one per node, 00000b has the same"),
        ([line(0xB, NEW, 0), line(0xB, NEW, 1)], "one per node"),
        ([line(0xB, KEY)], "one per node, 000a01 has the same"),
        ([line(0xB, bytes(16))], "blank"),
        ([line(0xB, b"\xff" * 16)], "blank"),
        ([line(generation=1)], "a key that it did not have before"),
        ([line(key=NEW, generation=2)], "expected generation 1 after 0, not 2"),
        ([line(key=NEW, generation=255)], "expected generation 1 after 0, not 255"),
    ],
)
async def test_one_line_that_cannot_be_keeps_the_whole_file_out(
    lines: list[Line], says: str, order_entry: OrderEntry
) -> None:
    good = [line(1, os.urandom(16)), {"id": "000a01", "name": "other"}]
    for file in ([*good[:1], *lines], [*lines, *good[:1]]):
        assert says in await order_entry.refused("import", "-", stdin=jsonl(*file))
        assert list(await order_entry.keys()) == [("000a01", 0)]
        (only,) = json.loads(await order_entry.done("--json"))
        assert only["name"] == "Storgatan 12"


async def test_an_old_file_brings_no_retired_key_back(order_entry: OrderEntry) -> None:
    old = order_entry.folder / "nodes.jsonl"
    old.write_text(jsonl(line(name="old")))
    await order_entry.done("import", "-", stdin=jsonl(line(key=NEW, generation=1)))
    assert "expected a frame under generation 1 first" in await order_entry.refused("retire", "000a01")
    store = order_entry.folder / "data" / "lyhord.db"
    async with running(Bench(store)) as bench:
        node = Node(NODE, KEY)
        recorded = node.report(ack=True)
        bench.connection.execute("UPDATE rotation SET heard_s = 1")
        await order_entry.done("retire", "000a01")
        assert "this one was retired" in await order_entry.refused("import", str(old))
        await bench.heard(recorded)
        assert bench.refused == {"no_key": 1} and not bench.answers
    assert list(await order_entry.keys()) == [("000a01", 1)]
    assert await order_entry.done("import", "--only-new", str(old)) == "0 nodes imported\n"
    assert "Storgatan 12" in await order_entry.done("--json")


async def test_a_change_that_is_under_way_takes_no_third_key(order_entry: OrderEntry) -> None:
    await order_entry.done("import", "-", stdin=jsonl(line(key=NEW, generation=1)))
    third = jsonl(line(key=os.urandom(16), generation=2))
    assert "older key to be retired" in await order_entry.refused("import", "-", stdin=third)
    other = jsonl(line(key=os.urandom(16), generation=1))
    assert "another key of generation 1" in await order_entry.refused("import", "-", stdin=other)
    assert await order_entry.keys() == {("000a01", 0): KEY.hex(), ("000a01", 1): NEW.hex()}


async def test_both_keys_of_a_change_go_into_a_fresh_gateway(tmp_path: Path) -> None:
    order_entry = OrderEntry(tmp_path)
    await order_entry.done("import", "-", stdin=jsonl(line(generation=255), line(key=NEW, generation=0)))
    assert await order_entry.keys() == {("000a01", 255): KEY.hex(), ("000a01", 0): NEW.hex()}


async def test_a_check_enters_nothing(order_entry: OrderEntry) -> None:
    lines = jsonl(line(0xB, NEW, name="new"))
    assert await order_entry.done("import", "--check", "-", stdin=lines) == "1 nodes can be imported\n"
    assert list(await order_entry.keys()) == [("000a01", 0)]
    await order_entry.refused("import", "--check", "-", stdin=jsonl(line(key=NEW)))


async def test_another_device_gets_an_id_by_name_only(order_entry: OrderEntry) -> None:
    await order_entry.done("import", "-", stdin=jsonl(line(key=KEY[::-1], generation=1)))
    new = jsonl(line(key=NEW, generation=0))
    for words in (("--new-device", "000b02"), ()):
        await order_entry.refused("import", *words, "-", stdin=new)
    said = await order_entry.refused("import", "--new-device", "000a01", "-", stdin=jsonl(line()))
    assert "expected a new key, this one is in force" in said
    await order_entry.done("import", "--new-device", "000a01", "-", stdin=new)
    assert await order_entry.keys() == {("000a01", 0): NEW.hex()}, (
        "no key of the device before is good any more"
    )


async def test_what_was_removed_stays_away_and_its_id_is_not_given_again(order_entry: OrderEntry) -> None:
    keys = order_entry.folder / "keys.jsonl"
    await order_entry.done("import", "-", stdin=jsonl(line(0x30, NEW)))
    await order_entry.done("remove", "000a01")
    assert "expected a node of the registry" in await order_entry.refused("remove", "000a01")
    assert await order_entry.done("next-id") == "000a02\n"
    assert "was retired" in await order_entry.refused("import", "-", stdin=jsonl(line()))
    assert "was removed" in await order_entry.refused("import", "-", stdin=jsonl(line(key=KEY[::-1])))
    assert "was removed" in await order_entry.refused("add", "--id", "000a01", "--with-keys", str(keys))
    await order_entry.done("import", "--only-new", "-", stdin=jsonl(line(), line(0x31, KEY[::-1])))
    assert (await order_entry.done("add", "--with-keys", str(keys))).startswith("node 000a02 added")
    assert [node for node, _ in await order_entry.keys()] == ["000030", "000031", "000a02"]
    await order_entry.done("import", "--new-device", "000a01", "-", stdin=jsonl(line(key=os.urandom(16))))
    assert "000a01" in await order_entry.done("--json")


async def test_an_id_whose_readings_are_left_counts_as_given(tmp_path: Path) -> None:
    order_entry = OrderEntry(tmp_path)
    assert await order_entry.done("next-id") == "000001\n"
    async with running(Bench(tmp_path / "data" / "lyhord.db")) as bench:
        bench.add()
        await bench.heard(Node().report())
        bench.connection.execute("DELETE FROM node")  # as a store that was damaged and saved may look
        assert await order_entry.done("next-id") == "000a02\n"


async def test_a_frame_of_the_old_device_is_refused_after_the_new_one_has_its_id(
    order_entry: OrderEntry,
) -> None:
    async with running(Bench(order_entry.folder / "data" / "lyhord.db")) as bench:
        old, new = Node(NODE, KEY), Node(NODE, NEW)
        await bench.heard(old.report())
        await order_entry.done("import", "--new-device", "000a01", "-", stdin=jsonl(line(key=NEW)))
        await bench.settled()
        await bench.heard(old.report())
        assert bench.refused == {"tag": 1}
        await bench.heard(new.report())
        assert bench.refused == {"tag": 1}
