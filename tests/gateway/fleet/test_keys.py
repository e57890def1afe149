"""Keys are made, handed over in files of mode 0600, and changed without a lost frame."""

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lyhord_gateway.fleet.keys import add, retire_older, rotate
from lyhord_gateway.fleet.nodes import NodeLine, import_nodes, parse_lines
from lyhord_gateway.fleet.unknown_nodes import UnknownNodes
from lyhord_gateway.operation.maintenance import Maintenance
from lyhord_gateway.store.rotation import GRACE_S, next_generation
from lyhord_gateway.store.schema import connect
from lyhord_gateway.support.errors import UserError
from lyhord_wire.frame import seal_uplink
from lyhord_wire.report import Report, encode_report
from tests.gateway.bench import NOW_S, Bench
from tests.gateway.parts import KEY, NODE, Node, cli


class Street(Node):
    """A node whose key changes under it, as an installer changes it."""

    generation = 0

    def take(self, line: dict) -> None:
        self.__init__(self.id, bytes.fromhex(line["key"]))  # type: ignore[misc]
        self.generation = line["generation"]

    def frame(self, payload: bytes, ack: bool = False, kind: int = 0) -> bytes:
        self.counter += 1
        return seal_uplink(self.cipher, self.id, self.counter, kind, payload, ack, self.generation & 1)

    def number(self, seq: int) -> bytes:
        return self.frame(encode_report(Report(seq, 1767225600 + 900 * seq, 0, {1: [seq % 100]})), ack=True)


class OrderEntry:
    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.connection = connect(bench.path)
        self.file = bench.path.parent / "new.jsonl"

    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self.file.read_text().splitlines()]

    def rotate(self, again: bool = False) -> int:
        return rotate(self.connection, NODE, self.file, again)

    async def maintenance(self, later_s: int) -> None:
        unknown_nodes = UnknownNodes(None, lambda kept: None, self.bench.metrics.count)
        Maintenance(
            self.bench.store.submit, unknown_nodes, self.bench.metrics, lambda: NOW_S + later_s
        ).retire_keys()
        await self.bench.settled()

    def generations(self) -> list[int]:
        return [generation for generation, _ in self.bench.reader.keys(NODE)]


@pytest.fixture
async def order_entry(bench: Bench) -> AsyncIterator[OrderEntry]:
    order_entry = OrderEntry(bench)
    yield order_entry
    order_entry.connection.close()


async def test_a_key_changes_and_no_frame_is_lost(bench: Bench, order_entry: OrderEntry) -> None:
    node = Street()
    await bench.heard(node.number(0))
    assert order_entry.rotate() == 1
    assert order_entry.file.stat().st_mode & 0o777 == 0o600
    await bench.heard(node.number(1))  # the node knows nothing of it yet
    await order_entry.maintenance(later_s=10 * GRACE_S)
    assert order_entry.generations() == [0, 1], "the node was not heard with the new key"
    with pytest.raises(UserError, match="expected a frame under generation 1 first"):
        retire_older(order_entry.connection, NODE)
    with pytest.raises(UserError, match="change to generation 1 waits for the node; --again"):
        order_entry.rotate()
    last_words = node.number(2)
    (line,) = order_entry.lines()
    node.take(line)
    await bench.heard(node.number(3))
    await bench.heard(last_words)  # overtaken on its way
    with pytest.raises(UserError, match="older key to be retired before the next change"):
        order_entry.rotate()
    await order_entry.maintenance(later_s=GRACE_S - 60)
    assert order_entry.generations() == [0, 1]
    await order_entry.maintenance(later_s=GRACE_S + 60)
    assert order_entry.generations() == [1]
    assert bench.metrics.counters["keys.retired"] == 1
    await bench.heard(node.number(4))
    assert bench.stored() == [0, 1, 3, 2, 4]
    assert bench.refused == {}
    await bench.heard(Street().number(9))
    assert bench.refused == {"no_key": 1}


async def test_five_changes_in_a_row_by_command(bench: Bench, order_entry: OrderEntry) -> None:
    node = Street()
    for seq in range(5):
        assert order_entry.rotate() == seq + 1
        node.take(order_entry.lines()[-1])
        await bench.heard(node.number(seq))
        assert retire_older(order_entry.connection, NODE) == seq + 1
    assert bench.stored() == [0, 1, 2, 3, 4]
    assert len({line["key"] for line in order_entry.lines()} | {KEY.hex()}) == 6
    assert len(set(node.downlinks)) == len(node.downlinks)


async def test_a_new_key_whose_file_was_lost_is_made_again(bench: Bench, order_entry: OrderEntry) -> None:
    node = Street()
    order_entry.rotate()
    assert order_entry.rotate(again=True) == 1
    first, second = order_entry.lines()
    assert first["key"] != second["key"]
    assert first["generation"] == second["generation"] == 1
    node.take(first)
    await bench.heard(node.number(0))
    assert bench.refused == {"tag": 1}
    node.take(second)
    await bench.heard(node.number(0))
    assert bench.stored() == [0]
    with pytest.raises(UserError, match="older key to be retired"):
        order_entry.rotate(again=True)


async def test_a_key_of_the_next_generation_that_is_imported_is_a_change_too(
    bench: Bench, order_entry: OrderEntry
) -> None:
    line = {"id": "000a01", "key": os.urandom(16).hex(), "generation": 1}
    import_nodes(order_entry.connection, parse_lines("test", [json.dumps(line).encode()]))
    change = bench.reader.rotation(NODE)
    assert change is not None
    assert (change.generation, change.heard_s) == (1, None)
    node = Street()
    node.take(line)
    await bench.heard(node.number(0))
    change = bench.reader.rotation(NODE)
    assert change is not None
    assert change.heard_s == NOW_S


def test_generations_begin_anew_after_255() -> None:
    assert [next_generation(number) for number in (0, 254, 255)] == [1, 255, 0]


async def test_nothing_is_entered_when_the_file_cannot_be_written(
    bench: Bench, order_entry: OrderEntry
) -> None:
    before = bench.reader.keys(NODE)
    order_entry.file.write_text("")
    order_entry.file.chmod(0o640)
    for broken in (
        order_entry.file,
        order_entry.file.parent,
        Path("/dev/stdout"),
        Path("/dev/null"),
        order_entry.file / "x",
    ):
        with pytest.raises(UserError):
            rotate(order_entry.connection, NODE, broken, False)
        with pytest.raises(UserError):
            add(order_entry.connection, None, NodeLine(id=""), broken)
    assert bench.reader.keys(NODE) == before
    assert len(bench.reader.nodes()) == 1
    assert order_entry.file.read_text() == ""


async def test_the_commands(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text('[gateway]\nnumber = 1\ndata_dir = "data"\n')
    keys, everything = tmp_path / "keys.jsonl", tmp_path / "everything.jsonl"
    outs = []

    async def done(*arguments: str) -> str:
        code, out, err = await cli("nodes", *arguments, "--config", str(config))
        assert code == 0, err
        outs.append(out)
        return out

    async def fails(*arguments: str) -> str:
        code, out, err = await cli("nodes", *arguments, "--config", str(config))
        assert code == 2, out
        assert err.count("\n") == 1
        outs.append(err)
        return err

    assert (await done("add", "--with-keys", str(keys), "--name", "Torget 1")).startswith("node 000001 added")
    await done("add", "--id", "000b02", "--profile", "building", "--with-keys", str(keys))
    assert "not in the registry yet" in await fails("add", "--id", "000b02", "--with-keys", str(keys))
    await done("rotate", "000001", "--with-keys", str(keys))
    lines = [json.loads(line) for line in keys.read_text().splitlines()]
    assert [(line["id"], line.get("generation", 0)) for line in lines] == [
        ("000001", 0),
        ("000b02", 0),
        ("000001", 1),
    ]
    await done("disable", "000b02")
    (one, two) = json.loads(await done("--json"))
    assert (one["name"], one["generations"], one["enabled"]) == ("Torget 1", [0, 1], True)
    assert (two["profile"], two["enabled"]) == ("building", False)
    await done("enable", "000b02")
    assert "expected a node of the registry" in await fails("disable", "00beef")
    assert "expected a file that is not there yet" in await fails("export", "--with-keys", str(keys))
    for nowhere in ("/dev/stdout", "/dev/fd/1"):
        assert nowhere in await fails("export", "--with-keys", nowhere)
    await done("export", "--with-keys", str(everything))
    assert everything.stat().st_mode & 0o777 == 0o600
    # What comes out with its keys goes into a fresh gateway as it was.
    config.write_text('[gateway]\nnumber = 2\ndata_dir = "other"\n')
    await done("import", str(everything))
    again = tmp_path / "again.jsonl"
    await done("export", "--with-keys", str(again))
    assert again.read_text() == everything.read_text()
    shown = json.loads(await done("show", "000001", "--json"))
    assert shown["key_change"]["generation"] == 1
    assert all(len(line) <= 80 for line in (await done("show", "000001")).splitlines())
    said = "".join(outs)
    assert not [line for line in lines if line["key"] in said], "keys are printed nowhere"
