"""The wiring: the only module that knows all stages.

sources ──hear──▶ ingest ──submit──▶ store ──committed──▶ answer ──reply──▶ source
                                       └──page──▶ batch ──▶ publish ──PUBACK──▶ cursor
"""

import asyncio
import contextlib
import logging
import signal
from dataclasses import dataclass
from functools import partial

from lyhord_gateway import __version__
from lyhord_gateway.config.tree import Loaded
from lyhord_gateway.fleet import unknown_nodes
from lyhord_gateway.fleet.order_entry import OrderEntry
from lyhord_gateway.fleet.reach import reach
from lyhord_gateway.fleet.registry import Registry
from lyhord_gateway.ingest.answer import Answerer
from lyhord_gateway.ingest.ingest import Ingest, IngestContext
from lyhord_gateway.model.watermarks import Watermarks
from lyhord_gateway.model.work import Keep
from lyhord_gateway.node_broker.broker import EmbeddedBroker
from lyhord_gateway.node_broker.own_broker import NodeBroker
from lyhord_gateway.operation.maintenance import Maintenance
from lyhord_gateway.operation.notify import Notify
from lyhord_gateway.operation.reload import Reload
from lyhord_gateway.operation.wiring import Operation
from lyhord_gateway.publish.publisher import Publisher
from lyhord_gateway.publish.wiring import KnownNodes, PublishContext, StoredReadings, make_publishers
from lyhord_gateway.sources.duty import Duty
from lyhord_gateway.sources.source import Source, SourceContext
from lyhord_gateway.store.counters import COUNTERS
from lyhord_gateway.store.page_reader import PageReader
from lyhord_gateway.store.published import Published
from lyhord_gateway.store.reader import Reader
from lyhord_gateway.store.recovery.recover import open_sound
from lyhord_gateway.store.retention import Retention
from lyhord_gateway.store.schema import connect_reading
from lyhord_gateway.store.writer import Events, Writer
from lyhord_gateway.support.instance_lock import instance_lock
from lyhord_gateway.support.interpreter import end, tune, waiting_threads
from lyhord_gateway.support.metrics import Metrics
from lyhord_gateway.timekeeping.clock import Clock

_log = logging.getLogger(__name__)

_DELIVER_S = 2.0  # what is under way to a platform may be acknowledged that long after a stop
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Stages:
    """Everything that runs, wired and not yet started; names are those of the configuration."""

    store: Writer
    sources: dict[str, Source]
    publishers: dict[str, Publisher]
    brokers: list[EmbeddedBroker]
    operation: Operation
    maintenance: Maintenance
    clock: Clock

    @property
    def parts(self) -> list[str]:
        """The parts that should be up."""
        parts = [part for source in self.sources.values() for part in source.parts]
        return parts + [broker.part for broker in self.brokers]


async def run(loaded: Loaded, reload: Reload | None = None) -> None:
    """Runs the gateway until SIGTERM or SIGINT. Raises UserError for what a person can put right; any
    other exception means that a task has died."""
    tune()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(waiting_threads(len(loaded.platforms), loaded.radios))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    gateway, metrics = loaded.config.gateway, Metrics()
    async with contextlib.AsyncExitStack() as stack:
        stages = _build(loaded, metrics, stack)
        if reload is not None:
            reload.limit = stages.operation.limit
        for broker in stages.brokers:
            stack.push_async_callback(broker.stop)
            await broker.start()
        _log.info("gateway %s (number %d, version %s) started", gateway.name, gateway.number, __version__)
        await _run(stages, stop)
    _log.info("gateway %s stopped: %s", gateway.name, metrics.line())


async def _run(stages: Stages, stop: asyncio.Event) -> None:
    """Starts every stage and ends them in the order of the flow, so that nothing is cut off downstream."""
    positions = {name: publisher.position for name, publisher in stages.publishers.items()}
    helpers = stages.operation.watches(stages.parts, positions)
    helpers |= {"maintenance": stages.maintenance.run(), "clock": stages.clock.watch()}
    helpers |= {broker.part: broker.watch() for broker in stages.brokers}
    async with asyncio.TaskGroup() as group:
        store = group.create_task(stages.store.run(), name="store")
        publishers = [group.create_task(one.run(), name=name) for name, one in stages.publishers.items()]
        sources = [group.create_task(source.run(), name=name) for name, source in stages.sources.items()]
        others = [group.create_task(helper, name=name) for name, helper in helpers.items()]
        stages.operation.ready()
        await stop.wait()
        _log.info("stopping")
        stages.operation.stopping()
        await end(sources)
        for publisher in stages.publishers.values():
            publisher.stop()
        if publishers:
            await asyncio.wait(publishers, timeout=_DELIVER_S)
        await end(publishers)
        await end(others)  # maintenance keeps its list at the end
        await end([store])
    stages.operation.stopped()


def _build(loaded: Loaded, metrics: Metrics, stack: contextlib.AsyncExitStack) -> Stages:
    """The store and its readers, then ingest, sources and publishers. The stack closes what was opened."""
    config, limits, path = loaded.config, loaded.config.store, loaded.store_path
    stack.enter_context(instance_lock(loaded.data_dir))
    Notify().checking_store()
    platforms = [platform.name for platform, _ in loaded.platforms]
    connection, _ = open_sound(path, platforms)
    operation = stack.enter_context(contextlib.closing(Operation(loaded, metrics)))
    reader = stack.enter_context(contextlib.closing(Reader(connect_reading(path))))
    registry, watermarks, published = Registry(reader.node), Watermarks(reader.newest_arrival()), Published()
    pages = stack.enter_context(contextlib.closing(PageReader(path, published)))
    metrics.declare(*COUNTERS, unknown_nodes.NOT_LISTED)
    metrics.state("store", "up")
    store = Writer(
        connection,
        Retention(limits.keep_days, limits.max_mb * _MIB, platforms, limits.drop_undelivered),
        Events(
            watermarks.advance,
            metrics.counters.update,
            registry.changed,
            partial(metrics.state, "store"),
            metrics.commit_s.observe,
            watermarks.raise_low,
        ),
        limits.queue_frames,
        limits.commit_ms,
        published,
    )

    def keep(key: str, value: bytes) -> None:
        store.submit(Keep(key, value))

    clock = Clock(metrics, reader.newest_heard_s(), config.gateway.clock == "trusted")
    key = unknown_nodes.KEY
    unknown = unknown_nodes.UnknownNodes(reader.kept(key), partial(keep, key), metrics.count)
    answerer = Answerer(config.gateway.number, metrics, store.submit, clock.told_s)
    rules = IngestContext(unknown.heard, clock, limits.node_hour)
    ingest = Ingest(registry, reader.replay, store.submit, answerer.answer, metrics, rules)
    broker = NodeBroker(loaded.data_dir, reader.enabled_nodes, metrics)
    duty, several = Duty(reader.kept, keep), loaded.radios > 1
    around = SourceContext(ingest.hear, store.room, metrics, duty, broker.connect, several)
    sources = {source.name: source for one in loaded.sources for source in one.make(around)}
    publishers = make_publishers(
        loaded,
        PublishContext(
            StoredReadings(
                watermarks, pages.page, reader.delivered, reader.skipped, reader.announced, store.submit
            ),
            KnownNodes(registry.facts, pages.enabled_nodes, registry.follow),
            OrderEntry(store.submit, reach(loaded).refuse),
            operation.status_publisher,
            metrics,
        ),
    )
    maintenance = Maintenance(store.submit, unknown, metrics)
    return Stages(store, sources, publishers, broker.embedded, operation, maintenance, clock)
