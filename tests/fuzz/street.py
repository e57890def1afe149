"""One known node, ingest, a store in memory and every platform profile, for fuzzing what frames say."""

import json
import sqlite3
from collections.abc import Callable

from lyhord_gateway.fleet.registry import Registry
from lyhord_gateway.ingest.answer import Answerer
from lyhord_gateway.ingest.ingest import Ingest
from lyhord_gateway.model.cipher import Cipher
from lyhord_gateway.model.reading import NodeFacts
from lyhord_gateway.model.uplink import AckRequest, Uplink
from lyhord_gateway.model.work import Committed, Outcome, Work
from lyhord_gateway.options.endpoint import Endpoint
from lyhord_gateway.options.mqtt_url import MqttUrl
from lyhord_gateway.options.secret import ApiKey
from lyhord_gateway.profiles import Profile
from lyhord_gateway.profiles.make import kind_named, make_profile
from lyhord_gateway.store.apply import Applier
from lyhord_gateway.store.published import Published
from lyhord_gateway.store.reader import NodeRow, Reader
from lyhord_gateway.store.schema import migrations
from lyhord_gateway.support.metrics import Metrics
from lyhord_wire.frame import open_downlink, parse_downlink, seal_uplink
from lyhord_wire.instructions import STORED, decode_instructions
from lyhord_wire.refusal import REASONS
from lyhord_wire.replay import ReplayWindow

NODE, NOW_S = 0xA01, 1_767_300_000
KEYS = (bytes(range(16)), bytes(range(16, 32)))  # by generation; the first one is the golden vectors'
PAYLOAD_MAX = 206
RAW, ABOUT, ACK, ODD, AGAIN = 1, 2, 4, 8, 16  # a step's flags

_FACTS = NodeFacts(NODE, "Storgatan 5", 1, "devkit", 59195400, 17625300, 900, 100, 0x010002)
_OPTIONS: dict[str, dict[str, object]] = {
    "senml": {},
    "thingsboard": {},
    "fiware-iota-json": {},
    "ngsi-ld": {},
    "yggio": {"topic": "yggio/generic/v2/city/lyhord-{node}"},
    "homeassistant": {"fill_scale": 100},
}


def memory_store() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for script in migrations():
        connection.executescript(script)
    return connection


def steps(data: bytes) -> list[tuple[int, bytes]]:
    """Fuzzed bytes as (flags, content): a byte of flags, one of length, the content, and again."""
    found = []
    while len(data) >= 2 and len(found) < 12:
        found.append((data[0], data[2 : 2 + data[1]]))
        data = data[2 + data[1] :]
    return found


def step(flags: int, content: bytes) -> bytes:
    return bytes([flags, len(content)]) + content


class Street:
    """`live` runs frames through all of it and asserts what must hold after any of them."""

    def __init__(self) -> None:
        self._connection = memory_store()
        self._connection.execute("INSERT INTO node (id) VALUES (?)", (NODE,))
        self._profiles = [_profile(name, options) for name, options in _OPTIONS.items()]
        row = NodeRow(
            facts=_FACTS, enabled=True, created=None, generations=[0, 1], keys=dict(enumerate(KEYS))
        )
        self._registry = Registry({NODE: row}.get)
        self._ciphers = [Cipher(key) for key in KEYS]

    def live(self, data: bytes) -> None:
        """`data` in the shape of `steps`: contents that a node seals, or frames as they are. The store is
        afterwards as it was before."""
        self._connection.execute("BEGIN")
        try:
            self._begin()
            frame = b""
            for counter, (flags, content) in enumerate(steps(data)):
                frame = frame if flags & AGAIN and frame else self._frame(flags, content, counter)
                self._ingest.hear(Uplink(frame, "roof", NOW_S, 0, -97, 26, self._reply))
            self._look()
        finally:
            self._connection.execute("ROLLBACK")

    def _begin(self) -> None:
        self._metrics = Metrics()
        self._applier = Applier(self._connection, Published())
        self._answerer = Answerer(1, self._metrics, lambda _: None, lambda: NOW_S)
        self._counter = 0
        self._answers: list[tuple[int, bytes]] = []  # counter of the uplink, answer
        self._ingest = Ingest(
            self._registry, lambda *_: (ReplayWindow(), b""), self._submit, self._answer, self._metrics
        )

    def _frame(self, flags: int, content: bytes, counter: int) -> bytes:
        if flags & RAW:
            return content
        generation = int(bool(flags & ODD))
        return seal_uplink(
            self._ciphers[generation],
            NODE,
            counter,
            int(bool(flags & ABOUT)),
            content[:PAYLOAD_MAX],
            bool(flags & ACK),
            generation,
        )

    def _submit(self, work: Work, done: Callable[[Outcome], None] | None) -> bool:
        (answer,) = self._applier.apply([work]).answers
        if done is not None:
            done(answer)
        return True

    def _answer(self, question: AckRequest, committed: Committed) -> None:
        self._counter = question.counter
        self._answerer.answer(question, committed)

    def _reply(self, frame: bytes, _aborted: Callable[[], None]) -> None:
        self._answers.append((self._counter, frame))

    def _look(self) -> None:
        prefix = "ingest.refused."
        refused = {name for name in self._metrics.counters if name.startswith(prefix)}
        assert {name.removeprefix(prefix) for name in refused} <= set(REASONS)
        reader = Reader(self._connection)
        readings = reader.part(1, reader.newest_arrival() + 1, 1 << 16, late=False)
        assert len({(reading.node, reading.seq) for reading in readings}) == len(readings)
        for profile in self._profiles:
            profile.announce(_FACTS, {quantity for reading in readings for quantity in reading.values})
            for reading in readings[:8]:
                profile.topic(reading)
                json.loads(profile.payload([reading]))
        stored = 0
        for counter, answer in self._answers:
            sealed = parse_downlink(answer)
            opened = open_downlink(sealed, self._ciphers[sealed.generation], counter)
            now_stored = decode_instructions(opened.payload)[STORED]
            assert isinstance(now_stored, int) and now_stored >= stored, "it was said to be stored before"
            stored = now_stored


def _profile(name: str, options: dict[str, object]) -> Profile:
    platform = kind_named(name).options(name=name, url="mqtt://city", **options)
    endpoint = Endpoint(url=MqttUrl("city", 1883, False), api_key=ApiKey("4jggokgpepnvsb2uv4s40d59ov"))
    return make_profile(platform, endpoint, "lyhord", lambda _: _FACTS)
