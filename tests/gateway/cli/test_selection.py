"""Thousands of nodes are listed at once, found by what is known of them, and told things together."""

import csv
import io
import json
import os
import resource
import sqlite3
from pathlib import Path

import pytest

from lyhord_gateway.store.reader import Reader
from lyhord_gateway.store.schema import connect_reading
from tests.gateway.bench import Bench, running
from tests.gateway.parts import PROGRAM, Node, cli

LINES = [
    {"id": "000001", "name": "Storgatan 12", "profile": "bin", "board": "devkit_rfm95", "latitude": 59.1954},
    {"id": "000002", "name": "=Torget 1", "profile": "bin", "board": "lilygo_t3s3"},
    {"id": "000003", "name": "Skolan", "profile": "building", "enabled": False},
    {"id": "000004", "name": "storgatan 20", "profile": "building"},
]
KEYS = {line["id"]: os.urandom(16) for line in LINES}


@pytest.fixture
async def config(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.toml"
    path.write_text(
        '[gateway]\nnumber = 1\ndata_dir = "data"\n[mqtt]\n'
        '[[bridge]]\nurl = "/dev/x"\nname = "roof"\nsf = 9\n'
    )
    lines = "".join(json.dumps(line | {"key": KEYS[str(line["id"])].hex()}) + "\n" for line in LINES)
    await done("nodes", "import", "-", config=path, stdin=lines)
    async with running(Bench(tmp_path / "data" / "lyhord.db")) as bench:
        # status: 3 is the battery in millivolts, 9 are the faults.
        await bench.heard(Node(1, KEYS["000001"]).report(status={3: 3712, 9: 1}), source="mqtt")
        await bench.heard(Node(2, KEYS["000002"]).report(), source="roof", rssi=-97)
    return path


async def done(*words: str, config: Path, stdin: str = "") -> str:
    code, out, err = await cli(*words, "--config", str(config), stdin=stdin)
    assert code == 0, err
    return out


async def refused(*words: str, config: Path) -> str:
    code, out, err = await cli(*words, "--config", str(config))
    assert code == 2, out
    assert err.count("\n") == 1 and "Traceback" not in err
    return err


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ("", "1 2 3 4"),
        ("--name storgatan*", "1 4"),
        ("--name *1?", "1"),
        ("--profile building", "3 4"),
        ("--board lilygo_t3s3", "2"),
        ("--node 000004 --node 000001", "1 4"),
        ("--profile bin --name *torget*", "2"),
        ("--silent 30s", "1 2 3 4"),  # the bench's clock stands in the past
        ("--sort -id", "4 3 2 1"),
        ("--sort name", "2 3 1 4"),
        ("--sort battery_v", "1 2 3 4"),
        ("--sort -rssi_dbm --profile bin", "2 1"),
    ],
)
async def test_nodes_are_found_and_sorted(words: str, ids: str, config: Path) -> None:
    wanted = [f"00000{number}" for number in ids.split()]
    rows = json.loads(await done("nodes", "--json", *words.split(), config=config))
    assert [row["id"] for row in rows] == wanted
    listed = list(csv.DictReader(io.StringIO(await done("nodes", "--csv", *words.split(), config=config))))
    assert [row["id"] for row in listed] == wanted
    table = (await done("nodes", *words.split(), config=config)).splitlines()
    assert [line[:6] for line in table[1:]] == wanted
    assert all(len(line) <= 80 for line in table)


async def test_machines_get_battery_status_and_place(config: Path) -> None:
    first, second, *_ = json.loads(await done("nodes", "--json", config=config))
    assert (first["battery_v"], first["latitude"], first["status"]["battery"]) == (3.712, 59.1954, 3712)
    assert first["faults"] == ["ultrasonic"] and second["battery_v"] is None
    listed = list(csv.DictReader(io.StringIO(await done("nodes", "--csv", config=config))))
    assert (listed[0]["battery_v"], listed[0]["latitude"], listed[0]["faults"]) == (
        "3.712",
        "59.1954",
        "ultrasonic",
    )
    assert listed[1]["name"] == "'=Torget 1", "no formula"
    assert [row["enabled"] for row in listed] == ["yes", "yes", "no", "yes"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("nodes --profile boat", "--profile"),
        ("nodes --silent soon", "--silent"),
        ("nodes --sort colour", "--sort"),
        ("nodes --json --csv", "expected one of"),
        ("nodes --node 00beef", "expected a node of the registry"),
        ("nodes --node x", "expected a node id"),
        ("send --command blink", "or else --all"),
        ("send --all --node 000001 --command blink", "or else --all"),
        ("send --name nobody* --command blink", "none is such"),
    ],
)
async def test_what_cannot_be_asked_is_one_line(words: str, says: str, config: Path) -> None:
    assert says in await refused(*words.split(), config=config)


async def orders(config: Path) -> list[tuple[str, str]]:
    return [(row["node"], row["order"]) for row in json.loads(await done("queue", "--json", config=config))]


async def test_a_group_gets_its_settings_together(config: Path) -> None:
    said = await done("send", "--name", "storgatan*", "--set", "full_alarm=80", config=config)
    assert said == "2 orders wait, for 000001, 000004: full_alarm=80\n"
    assert await orders(config) == [("000001", "full_alarm=80"), ("000004", "full_alarm=80")]
    await done("send", "--all", "--command", "send_about", config=config)
    assert [node for node, order in await orders(config) if order == "send_about"] == [
        "000001",
        "000002",
        "000004",
    ], "a disabled node is not told anything"


async def test_one_node_that_cannot_keeps_the_order_from_all(config: Path) -> None:
    said = await refused("send", "--all", "--set", "spreading_factor=12", config=config)
    assert "spreading_factor: expected 9, bridge roof hears no other" in said
    assert await orders(config) == []


@pytest.mark.parametrize(
    ("node", "setting", "says"),
    [
        ("000001", "link=1", "never heard over LoRa"),
        ("000002", "link=2", "never heard over WiFi"),
        ("000004", "link=2", "never heard over WiFi"),
        ("000002", "spreading_factor=12", "bridge roof hears no other"),
        ("000002", "fastest_sf=7", "bridge roof hears no faster one"),
        ("000002", "channels=2", "channels: expected 1, bridge roof hears no other"),
        ("000002", "channels=255", "channels: expected 1"),
        ("000004", "channels=2", "channels: expected 1"),
        ("000001", "link=2", ""),
        ("000001", "spreading_factor=12", ""),
        ("000002", "link=1", ""),
        ("000002", "link=0", ""),
        ("000002", "spreading_factor=9", ""),
        ("000002", "fastest_sf=12", ""),
        ("000002", "channels=1", ""),
        ("000002", "full_alarm=80", ""),
    ],
)
async def test_what_would_silence_a_node_is_refused(node: str, setting: str, says: str, config: Path) -> None:
    words = ("send", "--node", node, "--set", setting)
    if says:
        assert says in await refused(*words, config=config)
        assert await orders(config) == []
    else:
        await done(*words, config=config)


@pytest.fixture
def with_concentrator(config: Path) -> Path:
    config.write_text(config.read_text() + '[udp]\neuis = ["AA555A0000000101"]\n')
    return config


async def test_a_concentrator_hears_everything(with_concentrator: Path) -> None:
    config = with_concentrator
    async with running(Bench(config.parent / "data" / "lyhord.db")) as bench:
        node = Node(4, KEYS["000004"])
        await bench.heard(node.report(), source="aa555a0000000101", rssi=-99)
    await done(
        "send", "--node", "000004", "--set", "spreading_factor=12", "--set", "channels=2", config=config
    )
    assert "roof hears no other" in await refused(
        "send", "--node", "000002", "--set", "spreading_factor=12", config=config
    )


def test_five_thousand_nodes_are_listed_within_a_second(tmp_path: Path) -> None:
    import subprocess

    config = tmp_path / "gateway.toml"
    config.write_text('[gateway]\nnumber = 1\ndata_dir = "data"\n')
    lines = "".join(
        json.dumps({"id": f"{number:06x}", "key": os.urandom(16).hex(), "name": f"Storgatan {number}"}) + "\n"
        for number in range(1, 5001)
    )
    run = [*PROGRAM, "nodes"]
    subprocess.run([*run, "import", "-", "--config", config], input=lines, text=True, check=True, timeout=90)
    store = sqlite3.connect(tmp_path / "data" / "lyhord.db")
    store.execute(
        "INSERT INTO session (node, received, given_up, expected, downlink, top0, mask0, latest0, top1, "
        "mask1, latest1, heard_s, source, rssi_dbm, snr_q4, status, alarms) "
        "SELECT id, '[[0,500],[510,900]]', '[]', 900, "
        "5, 9, zeroblob(8), zeroblob(8), -1, zeroblob(8), x'', 1767300000, 'roof', -90, 4, "
        "'{\"3\":3800}', '[1]' FROM node"
    )
    store.commit()
    store.close()
    for words in ([], ["--json"], ["--csv"], ["--name", "*7", "--sort", "-last_heard"]):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([*run, *words, "--config", config], capture_output=True, check=True, timeout=90)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        # Of the processor, not of the wall: the machine has other things to do while it is tested.
        spent_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        assert spent_s < 2.0 and len(done.stdout) > 10_000, (words, spent_s)


async def test_a_list_takes_as_many_statements_whatever_the_number_of_nodes(
    config: Path, tmp_path: Path
) -> None:
    counts = []
    for number in (10, 60):
        lines = "".join(
            json.dumps({"id": f"{node:06x}", "key": os.urandom(16).hex()}) + "\n"
            for node in range(0x1000 * number, 0x1000 * number + number)
        )
        await done("nodes", "import", "-", config=config, stdin=lines)
        connection = connect_reading(tmp_path / "data" / "lyhord.db")
        said: list[str] = []
        connection.set_trace_callback(said.append)
        reader = Reader(connection)
        known = len(reader.nodes())
        reader.close()
        counts.append((known, len(said)))
    assert counts[1][0] == counts[0][0] + 60
    assert counts[0][1] == counts[1][1] <= 6, counts
