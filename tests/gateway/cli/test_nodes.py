"""The registry's files and lists: JSON Lines in, JSON Lines and tables out, keys never."""

import json
from pathlib import Path

import pytest

from lyhord_gateway.fleet.nodes import parse_lines
from lyhord_gateway.model.work import Delivered
from lyhord_gateway.support.errors import UserError
from tests.gateway.bench import Bench, running
from tests.gateway.parts import KEY, Node, cli

LINE = {
    "id": "000a01",
    "key": KEY.hex(),
    "generation": 2,
    "name": "Åkergränd 3",
    "profile": "bin",
    "board": "devkit_rfm95",
    "latitude": 59.1954,
    "longitude": 17.6253,
    "empty_distance_mm": 900,
    "created": "2026-01-02T03:04:05Z",
}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.toml"
    path.write_text(
        '[gateway]\nnumber = 1\ndata_dir = "data"\n'
        '[[platform]]\nname = "city"\nurl = "mqtt://platform.example.net"\n'
        'insecure = true\nprofile = "senml"\n'
    )
    return path


async def done(*arguments: str, config: Path, stdin: str = "") -> str:
    code, out, err = await cli(*arguments, "--config", str(config), stdin=stdin)
    assert code == 0, err
    return out


async def test_what_goes_in_comes_out_without_the_key(config: Path) -> None:
    lines = (
        json.dumps(LINE) + "\n\n" + json.dumps({"id": "00000B", "key": KEY[::-1].hex(), "board": ""}) + "\n"
    )
    assert await done("nodes", "import", "-", config=config, stdin=lines) == "2 nodes imported\n"
    out = await done("nodes", "export", config=config)
    exported = [json.loads(line) for line in out.splitlines()]
    assert exported[0] == {"id": "00000b", "enabled": True}
    assert exported[1] == {k: v for k, v in LINE.items() if k not in ("key", "generation")} | {
        "enabled": True
    }
    # Exported lines can be changed and imported again; what they leave out stays.
    await done("nodes", "import", "-", config=config, stdin='{"id":"000a01","name":"B","enabled":false}\n')
    nodes = json.loads(await done("nodes", "--json", config=config))
    assert [(n["id"], n["name"], n["board"], n["enabled"], n["generations"]) for n in nodes] == [
        ("00000b", None, None, True, [0]),
        ("000a01", "B", "devkit_rfm95", False, [2]),
    ]
    assert KEY.hex() not in out + json.dumps(nodes)


@pytest.mark.parametrize(
    "line",
    [
        "{",
        '{"name": "no id"}',
        '{"id": "a01"}',
        '{"id": "000000"}',
        '{"id": "000a01", "key": "00"}',
        '{"id": "000a01", "colour": 1}',
        '{"id": "000a01", "profile": "boat"}',
        '{"id": "000a01", "latitude": 91}',
    ],
)
def test_a_bad_line_is_named_and_nothing_is_imported(line: str) -> None:
    with pytest.raises(UserError, match=r"^nodes.jsonl:2: ") as caught:
        parse_lines("nodes.jsonl", [b'{"id": "000001"}', line.encode()])
    assert KEY.hex() not in str(caught.value)


async def test_lists_for_people_and_machines(config: Path) -> None:
    path = config.parent / "data" / "lyhord.db"
    await done("nodes", "import", "-", config=config, stdin=json.dumps(LINE) + "\n")
    async with running(Bench(path)) as bench:
        node = Node()
        await bench.heard(node.samples(0, 5), source="roof", rssi=-101)
        await bench.heard(node.samples(7, 3), source="roof", rssi=-99)
        bench.store.submit(Delivered("city", 0, 7))
        await bench.settled()
    (listed,) = json.loads(await done("nodes", "--json", config=config))
    assert listed == {
        "id": "000a01",
        "name": "Åkergränd 3",
        "profile": "bin",
        "board": "devkit_rfm95",
        "firmware": None,
        "enabled": True,
        "generations": [2],
        "last_heard": listed["last_heard"],
        "source": "roof",
        "rssi_dbm": -99,
        "snr_db": 5.0,
        "stored": 5,
        "received": 8,
        "missing": 2,
        "given_up": 0,
        "completeness_day": None,
        "completeness_week": None,
        "alarms": [],
        "battery_v": None,
        "faults": [],
        "latitude": 59.1954,
        "longitude": 17.6253,
        "status": {},
    }
    (waiting,) = json.loads(await done("backlog", "--json", config=config))
    assert waiting["oldest_age_s"] > 0
    assert waiting == {
        "platform": "city",
        "url": "mqtt://platform.example.net:1883",
        "waiting": 2,
        "oldest_age_s": waiting["oldest_age_s"],
        "cursor": 6,
        "dropped": 0,
        "skipped": 0,
    }
    for command in ("nodes", "backlog"):
        table = await done(command, config=config)
        assert all(len(line) <= 80 for line in table.splitlines())
        assert "000a01" in table or "city" in table
