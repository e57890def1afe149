"""One frame costs that frame at most: never the process, never what stands beside it in the same commit."""

import json
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cbor2
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lyhord_gateway.fleet.registry import Registry
from lyhord_gateway.ingest.ingest import Ingest
from lyhord_gateway.ingest.replies import Replies
from lyhord_gateway.model.reading import NodeFacts, Reading
from lyhord_gateway.model.uplink import AckRequest, Uplink
from lyhord_gateway.model.work import Committed, Fate, Outcome, UplinkRecord
from lyhord_gateway.profiles import Profile
from lyhord_gateway.profiles.fiware import FiwareProfile
from lyhord_gateway.profiles.homeassistant import HomeAssistantProfile
from lyhord_gateway.profiles.ngsi_ld import NgsiLdProfile
from lyhord_gateway.profiles.senml import SenmlProfile
from lyhord_gateway.profiles.thingsboard import ThingsBoardProfile
from lyhord_gateway.profiles.yggio import YggioProfile
from lyhord_gateway.store import apply
from lyhord_gateway.store.apply import Applier
from lyhord_gateway.store.published import Published
from lyhord_gateway.store.quarantine import ROWS_MAX
from lyhord_gateway.store.reader import Reader
from lyhord_gateway.store.schema import connect, open_store
from lyhord_gateway.support.metrics import Metrics
from lyhord_wire.about import encode_about
from lyhord_wire.frame import KIND_ABOUT, KIND_REPORT, MAX_FRAME, UPLINK_OVERHEAD, seal_uplink
from lyhord_wire.replay import ReplayWindow
from lyhord_wire.report import Report, encode_report
from tests.fakes.silent_broker import SilentBroker
from tests.gateway.bench import NOW_S, Bench
from tests.gateway.parts import KEY, NODE, GatewayProcess, Mosquitto, Node, connected, next_message, until
from tests.gateway.publishing import publishing, sent
from tests.wire import payloads

U32 = 0xFFFFFFFF
PLACED = NodeFacts(NODE, "Storgatan 5", 1, "devkit", 59195400, 17625300, 900, 100, 0x010002)
PROFILES: dict[str, Profile] = {
    "senml": SenmlProfile("lyhord/senml", "gw"),
    "thingsboard": ThingsBoardProfile(),
    "fiware": FiwareProfile("key"),
    "ngsi-ld": NgsiLdProfile("ngsi", "gw", lambda _: PLACED),
    "yggio": YggioProfile("yggio/generic/v2/set/{node}", "gw"),
    "homeassistant": HomeAssistantProfile("gw", lambda: NOW_S),
}
HARD = [
    Report(0, -1 - U32, 0, {1: [5]}),  # an age that leads back before 1970
    Report(0, -1 - U32, 1, {1: [5, 6]}),
    Report(0, 0, 0, {1: [5]}),
    Report(0, U32, 0, {1: [5]}),
    Report(0, U32 - 900, 900, {1: [5, 6]}),
    Report(0, NOW_S, 0, {77: [2**63 - 1]}),
    Report(0, NOW_S, 0, {65535: [-(2**63) + 1]}),
    Report(0, NOW_S, 0, {1: [5]}, {200: 2**63 - 1, 10: 2**63 - 1, 4: -(2**63) + 1}),
    Report(U32, NOW_S, 0, {1: [5]}),
    Report(U32, NOW_S, 0, {}, {10: U32}),
    Report(1 << 31, NOW_S, 0, {}, {10: (1 << 31) + 1}),
]


async def test_the_hardest_reports_and_the_next_good_one(bench: Bench) -> None:
    for report in HARD:
        node = Node(NODE)
        node.counter = bench.reader.session(NODE).windows[0].top + 1
        await bench.heard(node.frame(encode_report(report), ack=True), heard_s=NOW_S)
    good = Node()
    good.counter = 1000
    await bench.heard(good.samples(50, 2, ack=True))
    assert bench.stored()[-2:] == [50, 51]
    assert all(NOW_S - 400 * 86400 < r.time_s <= NOW_S + 900 for r in bench.readings())
    assert "fault" not in bench.refused


@pytest.mark.parametrize("heard_s", [-(2**40), -1, 0, 1, 4102444800, 2**32, 2**63])
async def test_whatever_the_gateways_own_clock_says(bench: Bench, heard_s: int) -> None:
    node = Node()
    for report in (Report(0, -1 - 600, 0, {1: [5]}), Report(1, NOW_S, 0, {1: [6]})):
        await bench.heard(node.frame(encode_report(report), ack=True), heard_s=heard_s)
    assert bench.stored() == [0, 1]
    assert all(0 < reading.time_s <= U32 for reading in bench.readings())
    assert bench.refused == {}


@pytest.mark.parametrize("rssi", [-(2**70), 2**70])
async def test_a_signal_that_no_radio_has(bench: Bench, rssi: int) -> None:
    await bench.heard(Node().report(), rssi=rssi)
    (reading,) = bench.readings()
    assert reading.rssi_dbm is None


async def test_a_bug_in_the_writer_costs_the_frame_that_meets_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole group of frames with three bad ones in it: all others are stored, each once, and answered."""
    keep = apply.Applier._keep

    def failing(self: Applier, arrival: UplinkRecord, samples: object, backlog: int) -> None:
        if arrival.node == 0xBAD:
            raise OverflowError("a number that fits nowhere")
        keep(self, arrival, samples, backlog)  # type: ignore[arg-type]

    monkeypatch.setattr(apply.Applier, "_keep", failing)
    bad, good = Node(0xBAD), Node()
    bench.add(bad.id)
    frames = [good.report(ack=True) for _ in range(50)]
    refused = [bad.report(ack=True) for _ in range(3)]
    mixed = frames[:20] + refused[:1] + frames[20:40] + refused[1:] + frames[40:]
    for frame in mixed:
        bench.hear(frame)
    await bench.settled()
    await bench.settled()  # what is quarantined was submitted by the first commit's callbacks
    assert bench.stored() == list(range(50))
    assert bench.stored(bad) == []
    assert len(bench.answers) == 50
    assert bench.refused == {"fault": 3}
    assert bench.metrics.counters["store.work_rejected"] == 3
    assert [one.frame for one in reversed(bench.reader.quarantined())] == refused
    assert {one.reason for one in bench.reader.quarantined()} == {"fault"}


async def test_a_bug_in_ingest_costs_the_frame_that_meets_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lyhord_gateway.ingest.ingest.decode_about", lambda _: 1 // 0)
    node = Node()
    frame = node.frame(encode_about({0: "x"}), kind=KIND_ABOUT)
    await bench.heard(frame)
    await bench.heard(node.report())
    assert bench.stored() == [0]
    assert bench.refused == {"fault": 1}
    assert [one.frame for one in bench.reader.quarantined()] == [frame]


async def test_a_bug_in_one_answer_costs_that_answer(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    seal = Replies._send

    def failing(self: Replies, sealed: object, *rest: object) -> None:
        if sealed.node == 0xBAD:  # type: ignore[attr-defined]
            raise ValueError("an answer that cannot be made")
        seal(self, sealed, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Replies, "_send", failing)
    bad, good = Node(0xBAD), Node()
    bench.add(bad.id)
    for frame in (bad.report(ack=True), good.report(ack=True), bad.report(ack=True), good.report(ack=True)):
        bench.hear(frame)
    await bench.settled()
    assert len(bench.answers) == 2
    assert bench.stored() == [0, 1] and bench.stored(bad) == [0, 1]
    assert bench.metrics.counters["store.callback_faults"] == 2


async def test_a_disk_that_breaks_everything_still_ends_the_writer(tmp_path: Path) -> None:
    """If nothing at all can be written the fault is no frame's; then a dead writer must end the process."""
    bench = Bench(tmp_path / "lyhord.db")
    bench.add()
    bench.hear(Node().report())
    other = connect(bench.path)
    other.execute("DROP TABLE sample")
    other.close()
    with pytest.raises(Exception, match="no such table: "):
        await bench.store.run()
    bench.reader.close()


async def test_the_quarantine_is_a_ring_and_takes_one_of_a_kind_an_hour(bench: Bench) -> None:
    nodes = [Node(0x1000 + at) for at in range(ROWS_MAX + 20)]
    for node in nodes:
        bench.add(node.id)
    for node in nodes:
        for _ in range(3):
            bench.hear(node.frame(b"\x80"))  # CBOR, and no report
    await bench.settled()
    found = bench.reader.quarantined()
    assert [one.node for one in found] == [node.id for node in reversed(nodes)][:ROWS_MAX]
    assert {(one.reason, one.heard_s) for one in found} == {("schema", NOW_S)}
    assert bench.metrics.counters["store.quarantined"] == len(nodes)
    await bench.heard(nodes[-1].frame(b"\x80"), heard_us=3_600_000_001)
    assert bench.metrics.counters["store.quarantined"] == len(nodes) + 1


# ---- the whole schema ----


class _Inside:
    """One store, rolled back after each example; the work that ingest makes is applied at once."""

    def __init__(self, path: Path) -> None:
        open_store(path).close()
        bench_connection = connect(path)
        bench_connection.execute("INSERT INTO node (id) VALUES (?)", (NODE,))
        bench_connection.execute(
            "INSERT INTO node_key (node, parity, generation, key) VALUES (?, 0, 0, ?)", (NODE, KEY)
        )
        self._connection = bench_connection
        self._reader = Reader(bench_connection)
        self._registry = Registry(self._reader.node)
        self._cipher = Node().cipher

    @contextmanager
    def running(self) -> Iterator["_Inside"]:
        self._connection.execute("BEGIN")
        try:
            self.metrics = Metrics()
            self._applier = Applier(self._connection, Published())
            self.ingest = Ingest(
                self._registry,
                lambda *_: (ReplayWindow(), b""),
                self._submit,
                self._answer,
                self.metrics,
            )
            self.outcomes: list[Outcome] = []
            yield self
        finally:
            self._connection.execute("ROLLBACK")

    def hear(self, payload: bytes, kind: int, heard_s: int) -> None:
        frame = seal_uplink(self._cipher, NODE, len(self.outcomes) + 1, kind, payload, True)
        self.ingest.hear(Uplink(frame, "roof", heard_s, 0, -97, 26, lambda *_: None))

    def readings(self) -> list:
        return self._reader.part(1, self._reader.newest_arrival() + 1, 1000, late=True)

    def _submit(self, work: object, done: object) -> bool:
        (answer,) = self._applier.apply([work]).answers  # type: ignore[list-item]
        self.outcomes.append(answer)
        if done is not None:
            done(answer)  # type: ignore[operator]
        return True

    def _answer(self, question: AckRequest, committed: Committed) -> None:
        assert 0 <= committed.stored <= U32 + 1


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> _Inside:
    return _Inside(tmp_path_factory.mktemp("inside") / "lyhord.db")


clocks = st.sampled_from([0, 1, NOW_S, NOW_S + 2**30, U32, 2**40, -5]) | st.integers(0, U32)
anything = st.recursive(
    st.none() | st.integers(-(2**64), 2**64 - 1) | st.text(max_size=30) | st.binary(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=6)
        | st.dictionaries(st.integers(-300, 70000) | st.text(max_size=3), inner, max_size=6)
    ),
    max_leaves=20,
)
wide = st.integers(-(2**64), 2**64 - 1)
report_shapes = st.tuples(
    wide | st.integers(0, U32),
    wide | st.integers(-1 - U32, U32),
    wide | st.integers(0, 86400),
    st.dictionaries(
        st.integers(0, 66000) | st.integers(1, 12), st.none() | wide | st.lists(st.none() | wide, max_size=4)
    ),
    st.none() | st.dictionaries(st.integers(0, 300), wide, max_size=4),
    st.lists(st.integers(-1, 300), max_size=18),
).map(list)
CHECKED = settings(
    max_examples=300,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@CHECKED
@given(payloads.reports(), st.none() | payloads.abouts, clocks)
def test_every_report_goes_through_ingest_store_and_every_profile(
    inside: _Inside, report: Report, about: dict | None, heard_s: int
) -> None:
    with inside.running() as one:
        payload = encode_report(report)
        if len(payload) > MAX_FRAME - UPLINK_OVERHEAD:
            return
        if about is not None:
            one.hear(encode_about(about), KIND_ABOUT, heard_s)
        one.hear(payload, KIND_REPORT, heard_s)
        _judge(one, report)


@CHECKED
@given(report_shapes | anything, st.sampled_from([KIND_REPORT, KIND_ABOUT]), clocks)
def test_whatever_a_node_seals_is_stored_or_refused(
    inside: _Inside, message: object, kind: int, heard_s: int
) -> None:
    payload = cbor2.dumps(message, canonical=True)
    if len(payload) > MAX_FRAME - UPLINK_OVERHEAD:
        return
    with inside.running() as one:
        one.hear(payload, kind, heard_s)
        _judge(one, None)


def _judge(one: _Inside, report: Report | None) -> None:
    refused = [name for name in one.metrics.counters if name.startswith("ingest.refused.")]
    assert "ingest.refused.fault" not in refused
    readings = one.readings()
    if report is not None and not refused:
        assert [reading.seq for reading in readings] == list(range(report.seq, report.seq + report.count()))
    assert not any(outcome.fate is Fate.REJECTED for outcome in one.outcomes) or refused
    for reading in readings:
        assert 1_704_067_200 <= reading.time_s <= U32
        for name, profile in PROFILES.items():
            assert isinstance(profile.topic(reading), str), name
            assert msgspec.json.decode(profile.payload([reading])), name


# ---- the real process ----


async def test_one_frame_does_not_kill_the_gateway_at_any_start(tmp_path: Path) -> None:
    async with Mosquitto(tmp_path) as platform, connected(platform.port, "lyhord/#") as city:
        node = Node()
        rng = random.Random(7)
        async with GatewayProcess(tmp_path, platform.port) as gateway:
            await gateway.add(node)
            for start in range(2):
                async with connected(gateway.port, node.down) as link:
                    hard = [node.frame(encode_report(report), ack=True) for report in HARD]
                    rng.shuffle(hard)
                    for frame in [*hard, node.samples(1000 + start, 1, ack=True)]:
                        await link.publish(node.up, frame, qos=1)
                    while True:  # until the good frame is answered: it is the last
                        if 0 in node.open_or_none((await next_message(link)).payload):
                            break
                assert gateway.process is not None and gateway.process.returncode is None
                assert await gateway.terminate() == 0
                await gateway.start()
            rows = json.loads(await gateway.cli("quarantine", "--json"))
            assert {row["reason"] for row in rows} == {"implausible"}
            assert {row["node"] for row in rows} == {f"{node.id:06x}"}
            assert "implausible" in await gateway.cli("quarantine")
        seen: set[int] = set()
        while not seen >= {1000, 1001}:
            for record in json.loads((await next_message(city)).payload):
                if record.get("n") == "seq":
                    assert record["bt"] >= 1_704_067_200
                    seen.add(record["v"])


# ---- on the way out ----


class _Brittle(SenmlProfile):
    """A shape with a bug: it cannot take the sample numbers in `bad`."""

    bad: frozenset[int] = frozenset()

    def payload(self, readings: Sequence[Reading]) -> bytes:
        if any(reading.seq in self.bad for reading in readings):
            raise OverflowError("a number that this shape cannot write")
        return super().payload(readings)


@pytest.mark.parametrize("bad", [{0}, {3, 4}, {9}, set(range(10))])
async def test_a_reading_that_a_shape_cannot_take_costs_that_reading_there(
    bench: Bench, bad: set[int]
) -> None:
    profile = _Brittle("lyhord/{gateway}/senml", "gw")
    profile.bad = frozenset(bad)
    node = Node()
    await bench.heard(node.report(count=6))
    async with SilentBroker(acknowledging=True) as broker:
        async with publishing(bench, broker.port, profile=profile):
            await bench.heard(node.report(count=4))
            await until(lambda: bench.reader.cursor("city") == 10, "all that can be is delivered")
        assert sorted(seq for _, seq in sent(broker)) == sorted(set(range(10)) - bad)
    assert bench.metrics.counters["platform.city.readings_skipped"] == len(bad)
