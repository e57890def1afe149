"""Frames in, samples stored, answers out: golden vectors, bad input, retransmissions, several radios."""

import json
import logging
import random
import sqlite3
from pathlib import Path

import pytest

from lyhord_gateway.ingest.ingest import REPEATS_MAX
from lyhord_gateway.ingest.streams import RECENT_MAX
from lyhord_gateway.store.schema import connect
from lyhord_wire.about import encode_about
from lyhord_wire.frame import KIND_ABOUT, seal_uplink
from lyhord_wire.instructions import AGAIN, STORED, TIME
from lyhord_wire.report import Report, encode_report
from lyhord_wire.tables import STATUS_OLDEST
from tests.gateway.bench import NOW_S, Bench, running
from tests.gateway.parts import KEY, NODE, Node, vectors

UPLINKS = [vector for vector in vectors("frames") if vector["direction"] == "up"]


@pytest.mark.parametrize("vector", UPLINKS, ids=lambda vector: vector["name"])
async def test_golden_frames(vector: dict, bench: Bench) -> None:
    bench.add(vector["node"], bytes.fromhex(vector["key"]), generation=vector["key_generation"])
    await bench.heard(bytes.fromhex(vector["frame"]))
    assert bench.refused == {}
    found = [
        {"seq": r.seq, "time": r.time_s} | {str(key): value for key, value in r.values.items()}
        for r in bench.readings()
    ]
    wanted = []
    for sample in vector.get("samples", []):
        time_s = sample.get("time", NOW_S - sample.get("age", 0))
        wanted.append({key: value for key, value in sample.items() if key != "age"} | {"time": time_s})
    assert found == wanted
    assert len(bench.answers) == int(vector["ack_requested"])
    session = bench.reader.session(vector["node"])
    if "status" in vector.get("report", {}):
        assert json.loads(session.status or "null") == vector["report"]["status"]
    if "alarms" in vector.get("report", {}):
        assert json.loads(session.alarms or "null") == vector["report"]["alarms"]


@pytest.mark.parametrize("name", ["tampered", "bad-payloads"])
async def test_bad_frames_are_refused_and_the_next_good_one_is_handled(
    name: str, bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    for number, vector in enumerate(vectors(name), start=1):
        # Twice: what was refused once must not pass for a retransmission and be acknowledged.
        for _ in range(2):
            await bench.heard(bytes.fromhex(vector["frame"]))
        assert sum(bench.refused.values()) == 2 * number, f"{vector['name']} was taken"
    assert bench.stored() == []
    assert bench.answers == []
    good = next(vector for vector in UPLINKS if vector["name"] == "ack requested")
    await bench.heard(bytes.fromhex(good["frame"]))
    assert bench.stored() == [6]
    assert len(bench.answers) == 1
    lines = [
        record.getMessage() for record in caplog.records if record.name.startswith("lyhord_gateway.ingest.")
    ]
    assert lines
    assert all("\n" not in line and "node=" in line and "reason=" in line for line in lines)
    assert any("node=000a01" in line for line in lines)


async def test_each_step_of_the_order_has_its_reason(bench: Bench) -> None:
    node = Node()
    bench.add(0xB, enabled=False)
    unknown_node = Node(0xC)
    good = node.report()
    await bench.heard(good)
    cases = {
        "length": good[:15],
        "not_ours": b"\x40" + good[1:],
        "version": good[:1] + b"\x80" + good[2:],
        "direction": good[:1] + b"\x60" + good[2:],
        "kind": good[:1] + b"\x47" + good[2:],
        "unknown_node": unknown_node.report(),
        "disabled": Node(0xB).report(),
        "no_key": seal_uplink(node.cipher, NODE, 9, 0, b"", generation=1),
        "replay": good[:-1] + bytes([good[-1] ^ 1]),  # the newest counter, but not the same bytes
        "tag": Node(key=bytes(16)).report()[:5] + b"\0\0\x63" + bytes(20),
        "cbor": node.frame(b"\xff"),
        "schema": node.frame(b"\x80"),
    }
    for reason, frame in cases.items():
        before = dict(bench.refused)
        await bench.heard(frame)
        assert bench.refused == before | {reason: before.get(reason, 0) + 1}, reason
    assert bench.stored() == [0]


async def test_a_retransmission_is_acknowledged_again_and_not_stored_again(bench: Bench) -> None:
    node = Node()
    frame = node.report(ack=True)
    await bench.heard(frame, heard_us=0)
    for repeat in range(1, REPEATS_MAX + 1):
        await bench.heard(frame, heard_us=repeat * 3_000_000)
        assert len(bench.answers) == 1 + repeat
    for _, answer in bench.answers:
        assert node.open(answer) == {TIME: NOW_S, STORED: 1}
    assert len(set(node.downlinks)) == len(node.downlinks), "a downlink counter was used twice"
    await bench.heard(frame, heard_us=99_000_000)
    assert len(bench.answers) == 1 + REPEATS_MAX
    assert bench.refused == {"replay": 1}
    assert bench.stored() == [0]


async def test_a_retransmission_after_many_other_frames_counts_like_any(bench: Bench) -> None:
    node, other = Node(), Node(0xB)
    bench.add(other.id)
    frame = node.report(ack=True)
    await bench.heard(frame)
    for _ in range(2):
        for _ in range(REPEATS_MAX // 2):
            await bench.heard(frame)
        for _ in range(RECENT_MAX // 2):
            bench.hear(other.report())
        await bench.settled()
        for _ in range(RECENT_MAX // 2):
            bench.hear(other.report())
        await bench.settled()
    await bench.heard(frame)
    assert len(bench.answers) == 1 + REPEATS_MAX
    assert bench.refused == {"replay": 1}
    assert bench.stored() == [0]


async def test_a_retransmission_after_a_restart_is_acknowledged(tmp_path: Path) -> None:
    node = Node()
    frame = node.report(ack=True)
    async with running(Bench(tmp_path / "lyhord.db")) as before:
        before.add()
        await before.heard(frame)
        node.open(before.answers[0][1])
    async with running(Bench(tmp_path / "lyhord.db")) as after:
        await after.heard(frame)
        assert node.open(after.answers[0][1]) == {TIME: NOW_S, STORED: 1}
        assert after.stored() == [0]
        await after.heard(Node().report())  # the same counter, but not the same bytes
        assert after.refused == {"replay": 1}
    assert len(set(node.downlinks)) == 2


async def test_replays_are_refused_within_and_below_the_window(bench: Bench) -> None:
    node = Node()
    frames = [node.report() for _ in range(70)]
    kept = frames.pop(60)
    for frame in frames:
        bench.hear(frame)
    await bench.settled()
    for frame in (frames[0], frames[30], frames[-2]):
        await bench.heard(frame)
    assert bench.refused == {"replay": 3}
    await bench.heard(kept)
    assert bench.refused == {"replay": 3}
    assert sorted(bench.stored()) == list(range(70))
    assert [r.backlog for r in bench.readings()] == [False] * 69 + [True]


async def test_several_radios_hear_one_reading(bench: Bench) -> None:
    node = Node()
    frame = node.report(ack=True)
    bench.hear(frame, "roof", 1_000, rssi=-110)
    bench.hear(frame, "tower", 2_000, rssi=-90)  # before the commit: the better one answers
    await bench.settled()
    await bench.heard(frame, source="cellar", heard_us=50_000, rssi=-80)  # after it
    await bench.heard(frame, source="far", heard_us=60_000, rssi=-120)
    (reading,) = bench.readings()
    assert (reading.rssi_dbm, reading.heard_by) == (-80, "cellar")
    assert [source for source, _ in bench.answers] == ["tower"]
    assert bench.metrics.counters["ingest.heard_by_another"] == 3
    # Three seconds later the node sends it again, and another radio hears that.
    await bench.heard(frame, source="roof", heard_us=3_000_000, rssi=-110)
    assert [source for source, _ in bench.answers] == ["tower", "roof"]


async def test_gaps_are_asked_for_and_given_up_when_the_node_says_so(bench: Bench) -> None:
    node = Node()
    await bench.heard(node.samples(0, 2))
    await bench.heard(node.samples(5, 2, ack=True))
    assert node.open(bench.answers[-1][1]) == {TIME: NOW_S, STORED: 2, AGAIN: (2, 3)}
    await bench.heard(node.samples(3, 1, ack=True))
    assert node.open(bench.answers[-1][1]) == {TIME: NOW_S, STORED: 2, AGAIN: (2, 1)}
    # 2 and 4 are missing; the node has nothing older than 4 any more.
    await bench.heard(node.samples(7, 1, ack=True, status={STATUS_OLDEST: 4}))
    assert node.open(bench.answers[-1][1]) == {TIME: NOW_S, STORED: 4, AGAIN: (4, 1)}
    assert bench.metrics.counters["store.given_up"] == 1
    await bench.heard(node.samples(4, 1, ack=True))
    assert node.open(bench.answers[-1][1]) == {TIME: NOW_S, STORED: 8}
    # What was given up may arrive after all; it is kept, once.
    await bench.heard(node.samples(2, 1))
    await bench.heard(node.samples(2, 1))
    assert bench.stored() == [0, 1, 5, 6, 3, 7, 4, 2]
    (listed,) = bench.reader.nodes()
    assert (listed.received, listed.missing, listed.given_up) == (8, 0, 0)


async def test_a_status_without_samples_tells_of_a_gap_at_the_end(bench: Bench) -> None:
    node = Node()
    await bench.heard(node.samples(0, 2))
    await bench.heard(node.samples(4, 0, ack=True))
    assert node.open(bench.answers[-1][1]) == {TIME: NOW_S, STORED: 2, AGAIN: (2, 2)}


async def test_samples_sent_again_in_another_frame_are_stored_once(bench: Bench) -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)
    node = Node()
    for _ in range(200):
        first = rng.randrange(100)
        bench.hear(node.samples(first, rng.randrange(1, 12)))
    await bench.settled()
    stored = bench.stored()
    assert len(stored) == len(set(stored))
    values = {r.seq: r.values for r in bench.readings()}
    assert all(values[seq][3] == 200 + seq for seq in stored)


async def test_a_clock_in_the_seventies_is_moved_to_the_reception(bench: Bench) -> None:
    node = Node()
    await bench.heard(node.frame(encode_report(Report(0, 1000, 60, {3: [200, 201, 202]}))))
    assert [r.time_s for r in bench.readings()] == [NOW_S - 120, NOW_S - 60, NOW_S]


async def test_about_reaches_the_registry(bench: Bench) -> None:
    node = Node()
    about = {0: "Storgatan 5", 1: 59195400, 2: 17625300, 3: 1, 4: "devkit", 5: 900, 6: 100, 7: 0x010002}
    await bench.heard(node.frame(encode_about(about), ack=True, kind=KIND_ABOUT))
    facts = bench.registry.lookup(NODE).facts
    assert (facts.name, facts.latitude_e6, facts.empty_mm, facts.firmware) == (
        "Storgatan 5",
        59195400,
        900,
        0x010002,
    )
    assert node.open(bench.answers[0][1]) == {TIME: NOW_S, STORED: 0}
    await bench.heard(node.frame(encode_about({0: "a\x1b[31m\nb"}), kind=KIND_ABOUT))
    assert bench.registry.lookup(NODE).facts.name == "a [31m b", "a node that was stolen commands no terminal"


async def test_a_flood_is_counted_and_does_not_fill_the_log(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for number in range(1, 2001):
        bench.hear(Node(0x10000 + number).report(), heard_us=number)
    assert bench.refused == {"unknown_node": 2000}
    assert len(caplog.records) == 5
    caplog.clear()
    bench.hear(Node(0x1).report(), heard_us=11_000_000)
    assert "1995 more like this" in caplog.text


async def test_keys_show_nowhere(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    node = Node()
    await bench.heard(node.report(ack=True))
    shown = repr(bench.reader.node(NODE)) + repr(bench.registry.lookup(NODE)) + caplog.text
    assert KEY.hex() not in shown and repr(KEY)[2:-1] not in shown
    with pytest.raises(sqlite3.IntegrityError):  # and no key of another length gets in
        connect(bench.path).execute(
            "INSERT INTO node_key (node, parity, generation, key) VALUES (2561, 1, 1, x'00')"
        )
