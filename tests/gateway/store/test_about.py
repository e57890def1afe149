"""Fields of about reports without a column of their own: kept by key, shown by name, none ever in the way."""

import json
import time

import pytest

from lyhord_gateway.cli.node_rows import in_full
from lyhord_gateway.profiles.thingsboard import ThingsBoardProfile
from lyhord_gateway.store.about import named_fields
from lyhord_gateway.store.keyring import begin_life
from lyhord_gateway.store.schema import connect
from lyhord_gateway.store.transaction import transaction
from lyhord_wire import tables
from lyhord_wire.about import encode_about
from lyhord_wire.fields import Field
from lyhord_wire.frame import KIND_ABOUT
from tests.gateway.bench import NOW_S, Bench
from tests.gateway.parts import NODE, Node

HEIGHT, KEY, PANEL, BOOT, LID = range(200, 205)
FIELDS = (
    Field("ABOUT_", HEIGHT, "mounting_height", "", 0, 20_000, "mm"),
    Field("ABOUT_", KEY, "lid_key", "", shape=Field.TEXT),
    Field("ABOUT_", PANEL, "panel", "", 0, 20_000, "V", 1000),
    Field("ABOUT_", BOOT, "bootloader", "", 0, 0xFFFFFF, shape=Field.VERSION),
    Field("ABOUT_", LID, "lids", "", 0, 9),
)


@pytest.fixture
def fields(monkeypatch: pytest.MonkeyPatch) -> None:
    for row in FIELDS:
        monkeypatch.setitem(tables.ABOUT, row.key, row)


async def tell(bench: Bench, node: Node, about: dict[int, int | str]) -> None:
    await bench.heard(node.frame(encode_about(about), kind=KIND_ABOUT))


def more(bench: Bench) -> dict[str, int | float | str]:
    known = bench.registry.lookup(NODE)
    assert known
    return dict(known.facts.more)


async def test_every_field_of_the_table_reaches_people_and_platform(bench: Bench, fields: None) -> None:
    await tell(
        bench, Node(), {0: "Torget", HEIGHT: 1500, KEY: "K-7\x1b", PANEL: 4500, BOOT: 0x010203, LID: 2}
    )
    told = {
        "mounting_height_mm": 1500,
        "lid_key": "K-7 ",
        "panel_v": 4.5,
        "bootloader": "1.2.3",
        "lids": 2,
    }
    assert more(bench) == told
    listed = bench.reader.listed(NODE)
    assert listed and in_full(listed, None, NOW_S)["about"] == told
    (_, attributes) = ThingsBoardProfile().announce(listed.facts)
    assert json.loads(attributes.payload)["lyhord-000a01"] == told | {"name": "Torget"}


async def test_what_one_report_leaves_out_stays(bench: Bench, fields: None) -> None:
    node = Node()
    await tell(bench, node, {HEIGHT: 1500, LID: 1})
    await tell(bench, node, {KEY: "K-7"})
    await tell(bench, node, {LID: 2, 0: "Torget"})
    assert more(bench) == {"mounting_height_mm": 1500, "lid_key": "K-7", "lids": 2}


async def test_a_field_of_a_newer_version_keeps_its_number(
    bench: Bench, fields: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tell(bench, Node(), {LID: 2})
    monkeypatch.delitem(tables.ABOUT, LID)
    assert named_fields(json.dumps({LID: 2})) == {"about_204": 2}


async def test_another_device_tells_its_own(bench: Bench, fields: None) -> None:
    await tell(bench, Node(), {HEIGHT: 1500})
    connection = connect(bench.path)
    with transaction(connection):
        begin_life(connection, NODE, int(time.time()))
    listed = bench.reader.listed(NODE)
    assert listed and listed.facts.more == {}


@pytest.mark.parametrize("damaged", ['{"200":', "[]", '{"a":1}', ""])
async def test_a_damaged_field_costs_neither_the_node_nor_the_next_report(
    bench: Bench, fields: None, damaged: str
) -> None:
    connect(bench.path).execute("UPDATE node SET about = ? WHERE id = ?", (damaged, NODE))
    assert more(bench) == {}
    node = Node()
    await tell(bench, node, {LID: 2})
    bench.hear(node.report())
    await bench.settled()
    assert bench.stored() == [0]
    assert more(bench) == {"lids": 2}
