"""Sample numbers that a node cannot have reached, and the way back from them."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lyhord_gateway.fleet.keys import rotate
from lyhord_gateway.store.schema import connect
from lyhord_gateway.store.session import FASTEST_S, FIRST_MAX, JUMP_MAX, Session, load_session, save_session
from lyhord_wire.frame import seal_uplink
from lyhord_wire.instructions import AGAIN, STORED
from lyhord_wire.report import Report, encode_report
from lyhord_wire.tables import STATUS_OLDEST
from tests.gateway.bench import NOW_S, Bench, running
from tests.gateway.parts import NODE, Node, cli

U32 = 0xFFFFFFFF
POISON = [
    Report(1 << 31, NOW_S, 0, {}, {STATUS_OLDEST: (1 << 31) + 1}),
    Report(1 << 31, NOW_S, 0, {1: [5]}),
    Report(U32, NOW_S, 0, {1: [5]}),
    Report(FIRST_MAX + 1, NOW_S, 0, {}),
    Report(0, NOW_S, 0, {1: [5]}, {STATUS_OLDEST: U32}),
    Report(0, NOW_S, 0, {1: [5]}, {STATUS_OLDEST: 2**63 - 1}),
]


def far(node: Node, seq: int, ack: bool = False) -> bytes:
    return node.frame(encode_report(Report(seq, NOW_S, 0, {1: [5]})), ack)


def stored(node: Node, bench: Bench) -> object:
    return node.open(bench.answers[-1][1])[STORED]


@pytest.mark.parametrize("known", [0, 1, 57])
@pytest.mark.parametrize("poison", POISON, ids=lambda report: f"{report.seq}")
async def test_one_frame_moves_no_number_out_of_reach(bench: Bench, known: int, poison: Report) -> None:
    """However a frame lies: the gateway says `stored` for what it knows, and takes the next honest sample."""
    node = Node()
    if known:
        await bench.heard(node.report(count=known, ack=True) if known < 30 else node.samples(0, 30))
        if known > 30:
            await bench.heard(node.samples(30, known - 30))
    await bench.heard(node.frame(encode_report(poison), ack=True))
    first = max(known, 1)
    await bench.heard(node.samples(first, 2, ack=True))
    assert stored(node, bench) == first + 2 or known == 0
    assert int(str(stored(node, bench))) <= first + 2
    assert set(range(known)) | {first, first + 1} <= set(bench.stored())


async def test_what_is_plausible_is_taken(bench: Bench) -> None:
    node = Node()
    await bench.heard(far(node, 5_000_001, ack=True))  # a new gateway, and a node that is years old
    assert bench.refused == {}
    await bench.heard(far(node, 5_000_002 + JUMP_MAX - 1))  # a log that was lost
    assert bench.refused == {}
    expected = bench.reader.session(NODE).expected
    away_s = 365 * 86_400
    frame = far(node, expected + away_s // 10)  # a gateway that was away for a year
    await bench.heard(frame)
    assert bench.refused == {"implausible": 1}
    await bench.heard(frame, heard_s=NOW_S + away_s)
    assert bench.refused == {"implausible": 1}
    assert bench.stored()[-1] == expected + away_s // 10


async def test_what_is_refused_is_kept_for_a_look_and_never_acknowledged(bench: Bench) -> None:
    node = Node()
    await bench.heard(node.report())
    frame = node.frame(encode_report(POISON[0]), ack=True)
    for _ in range(3):
        await bench.heard(frame)
    assert bench.answers == []
    assert bench.refused == {"implausible": 3}
    (held,) = bench.reader.quarantined()
    assert (held.node, held.reason, held.frame) == (NODE, "implausible", frame)
    assert "2147483647" in held.detail


@given(st.integers(0, U32), st.integers(-10, 2 * U32), st.integers(0, U32), st.integers(0, U32))
def test_the_reach_is_never_behind_what_is_known_and_never_beyond_32_bits(
    expected: int, heard_s: int, before_s: int, base: int
) -> None:
    session = Session(1, expected=base + expected, heard_s=before_s, base=base)
    reach = session.reach(heard_s)
    assert reach <= base + FIRST_MAX + JUMP_MAX
    if expected and expected < FIRST_MAX:
        assert base + expected + JUMP_MAX <= reach
    assert Session(1, expected=9, heard_s=NOW_S).reach(NOW_S + 5 * FASTEST_S) == 9 + JUMP_MAX + 5


def poisoned(path: Path) -> None:
    """As a version without bounds left it: a number far ahead, with a sample of its own."""
    connection = connect(path)
    session = load_session(connection, NODE)
    session.received = [(0, (1 << 31) + 2)]
    session.given_up = [(57, 1 << 31)]
    session.expected = (1 << 31) + 2
    save_session(connection, session)
    connection.execute(
        'INSERT INTO sample (id, node, seq, time_s, heard_s, "values", source, backlog) '
        "VALUES (9999, ?, ?, ?, ?, '{}', 'x', 0)",
        (NODE, 1 << 31, NOW_S, NOW_S),
    )
    connection.close()


async def _heard_57(bench: Bench) -> Node:
    node = Node()
    await bench.heard(node.samples(0, 30))
    await bench.heard(node.samples(30, 27))
    poisoned(bench.path)
    return node


def config(folder: Path) -> str:
    path = folder / "gateway.toml"
    path.write_text('[gateway]\nnumber = 1\ndata_dir = "."\n')
    return str(path)


@pytest.mark.parametrize("following", [None, 57])
async def test_reset_session_beside_a_running_gateway(tmp_path: Path, following: int | None) -> None:
    async with running(Bench(tmp_path / "lyhord.db")) as bench:
        bench.add()
        node = await _heard_57(bench)
        await bench.heard(node.samples(57, 1, ack=True))
        assert stored(node, bench) == (1 << 31) + 2, "so it was"
        downlink = bench.reader.session(NODE).downlink
        option = [] if following is None else ["--next", str(following)]
        code, out, err = await cli("nodes", "reset-session", "000a01", *option, "--config", config(tmp_path))
        assert code == 0, err
        assert "forgotten" in out
        end = 58 if following is None else 57  # sample 57 came after all, and --next knows better
        assert bench.reader.session(NODE).expected == end
        await bench.heard(node.samples(end, 2, ack=True))
        assert stored(node, bench) == end + 2
        assert AGAIN not in node.open(bench.answers[-1][1])
        assert sorted(bench.stored()) == list(range(end + 2))
        assert bench.reader.session(NODE).downlink > downlink, "no downlink counter comes twice"
        await bench.heard(node.frame(encode_report(Report(3, NOW_S, 0, {1: [9]}))))
        assert sorted(bench.stored()) == list(range(end + 2)), "what was stored is still known"


async def test_reset_session_of_a_sound_node_changes_nothing(tmp_path: Path) -> None:
    async with running(Bench(tmp_path / "lyhord.db")) as bench:
        bench.add()
        node = Node()
        await bench.heard(node.samples(1000, 5))
        code, out, _ = await cli("nodes", "reset-session", "000a01", "--config", config(tmp_path))
        assert code == 0 and "plausible" in out
        await bench.heard(node.samples(1005, 1))
        assert bench.stored() == [*range(1000, 1006)]
        code, _, err = await cli("nodes", "reset-session", "000b02", "--config", config(tmp_path))
        assert code == 2 and "expected a node of the registry" in err


@pytest.mark.parametrize("first", [56, 57, 60])
async def test_a_new_key_ends_a_poisoned_session(tmp_path: Path, first: int) -> None:
    async with running(Bench(tmp_path / "lyhord.db")) as bench:
        bench.add()
        await _heard_57(bench)
        keys = tmp_path / "keys.jsonl"
        connection = connect(bench.path)
        assert rotate(connection, NODE, keys, again=False) == 1
        connection.close()
        await bench.settled()  # the writer sees at its next commit that another process has changed something
        renewed = Node(key=bytes.fromhex(json.loads(keys.read_text())["key"]))
        payload = encode_report(Report(first, NOW_S, 0, {1: [5]}))
        renewed.counter += 1
        await bench.heard(seal_uplink(renewed.cipher, NODE, renewed.counter, 0, payload, True, 1))
        found = renewed.open(bench.answers[-1][1])
        assert found[STORED] == (first + 1 if first <= 57 else 57)
        assert bench.reader.session(NODE).expected == max(57, first + 1)
        assert bench.metrics.counters["store.renumbered"] == 1
        assert sorted(bench.stored()) == sorted({*range(57), first})


async def test_an_old_backlog_is_no_reason_for_distrust(bench: Bench) -> None:
    node = Node()
    await bench.heard(far(node, 200_000))
    await bench.heard(node.samples(100, 3, ack=True))
    assert bench.reader.session(NODE).expected == 200_001
    assert bench.metrics.counters["store.renumbered"] == 0
