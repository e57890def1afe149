"""Ingest, store and answers wired as the gateway wires them, without sources and platforms."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

from lyhord_gateway.fleet.nodes import import_nodes, parse_lines
from lyhord_gateway.fleet.registry import Registry
from lyhord_gateway.ingest.answer import Answerer
from lyhord_gateway.ingest.ingest import Ingest, IngestContext
from lyhord_gateway.model.reading import Reading
from lyhord_gateway.model.uplink import Uplink
from lyhord_gateway.model.watermarks import Watermarks
from lyhord_gateway.model.work import Keep
from lyhord_gateway.node_broker.own_broker import NodeBroker
from lyhord_gateway.sources.schedule import Scheduler
from lyhord_gateway.sources.source import SourceContext
from lyhord_gateway.store.published import Published
from lyhord_gateway.store.reader import Reader
from lyhord_gateway.store.retention import Retention
from lyhord_gateway.store.schema import connect, open_store
from lyhord_gateway.store.writer import Events, Writer
from lyhord_gateway.support.metrics import Metrics
from lyhord_gateway.timekeeping.clock import Clock
from lyhord_gateway.timekeeping.times import TIMES, Times
from tests.gateway.parts import DEADLINE_S, KEY, NODE, Node, meanwhile

NOW_S = 1_767_300_000
Duty = tuple[Scheduler, Callable[[bytes], None]]


class Bench:
    """One gateway's inside. `answers` are the frames that were handed to a source, with its name."""

    def __init__(
        self,
        path: Path,
        keep_days: int = 3650,
        max_bytes: int = 1 << 40,
        queue: int = 1000,
        drop_undelivered: bool = False,
        clock: Clock | None = None,
        per_hour: int = 0,
        times: Times = TIMES,
    ) -> None:
        self.times = times
        self.path = path
        self.metrics = Metrics()
        self.connection = open_store(path)  # the writer's own
        self.reader = Reader(connect(path))
        self.registry = Registry(self.reader.node)
        self.watermarks = Watermarks(self.reader.newest_arrival())
        self.retention = Retention(keep_days, max_bytes, ["city"], drop_undelivered, every_s=0.02)
        self.published = Published()
        self.store = Writer(
            self.connection,
            self.retention,
            Events(
                self.watermarks.advance,
                self.metrics.counters.update,
                self.registry.changed,
                partial(self.metrics.state, "store"),
                dropped=self.watermarks.raise_low,
            ),
            queue,
            commit_ms=1,
            published=self.published,
        )
        told_s = clock.told_s if clock else lambda: NOW_S
        answerer = Answerer(1, self.metrics, self.store.submit, told_s)
        self.ingest = Ingest(
            self.registry,
            self.reader.replay,
            self.store.submit,
            answerer.answer,
            self.metrics,
            IngestContext(clock=clock, per_hour=per_hour, times=times),
        )
        self.answers: list[tuple[str, bytes]] = []
        self.mute = False  # True: no answer goes out, and the gateway learns that

    def around(self, duty: Callable[[str, int], Duty] | None = None) -> SourceContext:
        """The context of a source on this bench. duty: transmit times of its radios, and what is kept."""

        def fresh(_: str, power_dbm: int) -> Duty:
            return Scheduler(power_dbm), lambda _: None

        return SourceContext(
            self.ingest.hear,
            self.store.room,
            self.metrics,
            duty or fresh,
            NodeBroker(self.path.parent, list, self.metrics).connect,
            times=self.times,
        )

    def hear(
        self,
        raw: bytes,
        source: str = "mqtt",
        heard_us: int = 0,
        rssi: int | None = None,
        heard_s: int = NOW_S,
        sf: int | None = None,
    ) -> None:
        snr = None if rssi is None else 20
        reply = partial(self._reply, source)
        self.ingest.hear(Uplink(raw, source, heard_s, heard_us, rssi, snr, reply, sf=sf))

    def _reply(self, source: str, frame: bytes, aborted: Callable[[], None]) -> None:
        if self.mute:
            aborted()
        else:
            self.answers.append((source, frame))

    async def settled(self) -> None:
        """Everything that was submitted before is committed and called back."""
        done = asyncio.Event()
        assert self.store.submit(Keep("settled", b""), lambda _: done.set())
        async with asyncio.timeout(DEADLINE_S):
            await done.wait()

    async def heard(self, raw: bytes, **how: object) -> None:
        self.hear(raw, **how)  # type: ignore[arg-type]
        await self.settled()

    def add(self, node: int = NODE, key: bytes = KEY, **fields: object) -> None:
        """Enters a node the way `nodes import` does, from another connection."""
        line = json.dumps({"id": f"{node:06x}", "key": key.hex(), **fields}).encode()
        connection = connect(self.path)
        import_nodes(connection, parse_lines("test", [line]))
        connection.close()

    @property
    def refused(self) -> dict[str, int]:
        prefix = "ingest.refused."
        counters = self.metrics.counters
        return {name.removeprefix(prefix): n for name, n in counters.items() if name.startswith(prefix)}

    def readings(self) -> list[Reading]:
        """All that is stored, in the order of arrival."""
        return self.reader.part(1, self.reader.newest_arrival() + 1, 100_000, late=False)

    def stored(self, node: int | Node = NODE) -> list[int]:
        """Numbers of the node's samples, in the order of their arrival."""
        wanted = node.id if isinstance(node, Node) else node
        return [reading.seq for reading in self.readings() if reading.node == wanted]


@contextlib.asynccontextmanager
async def running(bench: Bench) -> AsyncIterator[Bench]:
    try:
        async with meanwhile(bench.store.run()):
            yield bench
    finally:
        bench.reader.close()
