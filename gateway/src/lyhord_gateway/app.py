"""The wiring: the only module that knows all stages.

sources ──hear──▶ ingest ──submit──▶ store ──committed──▶ answer ──reply──▶ source
                                       └──page──▶ batch ──▶ publish ──PUBACK──▶ cursor
"""

import asyncio
import contextlib
import gc
import itertools
import logging
import secrets
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lyhord_gateway import __version__
from lyhord_gateway.config.address import LOOPBACK, free_port, from_here, with_port
from lyhord_gateway.config.endpoint import Endpoint, OwnBroker
from lyhord_gateway.config.mqtt_url import MqttUrl
from lyhord_gateway.config.secret import Credentials
from lyhord_gateway.config.tree import Loaded
from lyhord_gateway.fleet.order_entry import OrderEntry
from lyhord_gateway.fleet.reach import reach
from lyhord_gateway.fleet.registry import Registry
from lyhord_gateway.fleet.remote import Remote
from lyhord_gateway.fleet.unknown_nodes import KEY as UNKNOWN_NODES
from lyhord_gateway.fleet.unknown_nodes import NOT_LISTED, UnknownNodes
from lyhord_gateway.ingest.answer import Answerer
from lyhord_gateway.ingest.ingest import Ingest
from lyhord_gateway.model import intervals
from lyhord_gateway.model.intervals import Interval
from lyhord_gateway.model.reading import NodeFacts, Reading
from lyhord_gateway.model.watermarks import Watermarks
from lyhord_gateway.model.work import Delivered, Keep
from lyhord_gateway.mqtt.client import WINDOW, make_client, watch
from lyhord_gateway.node_broker.accounts import GATEWAY, kept_name
from lyhord_gateway.node_broker.broker import EmbeddedBroker, Engine, Mosquitto, Rumqttd
from lyhord_gateway.operation.maintenance import Maintenance
from lyhord_gateway.operation.notify import Notify
from lyhord_gateway.operation.reload import Reload
from lyhord_gateway.operation.wiring import Operation
from lyhord_gateway.profiles.make import make_profile
from lyhord_gateway.publish.client import make_client_on
from lyhord_gateway.publish.delivery import Backlog, Bounds
from lyhord_gateway.publish.encoding import Encoding
from lyhord_gateway.publish.lanes import Part
from lyhord_gateway.publish.publisher import Publisher
from lyhord_gateway.publish.terms import Terms
from lyhord_gateway.sources.mqtt import MqttSource
from lyhord_gateway.sources.schedule import Scheduler
from lyhord_gateway.sources.source import Source, SourceContext
from lyhord_gateway.store.counters import COUNTERS
from lyhord_gateway.store.published import Published
from lyhord_gateway.store.reader import Reader
from lyhord_gateway.store.recovery.recover import open_sound
from lyhord_gateway.store.retention import Retention
from lyhord_gateway.store.schema import connect_reading
from lyhord_gateway.store.writer import Events, Writer
from lyhord_gateway.support.instance_lock import instance_lock
from lyhord_gateway.support.metrics import Metrics
from lyhord_gateway.timekeeping.clock import Clock
from lyhord_wire.window import ReplayWindow

_log = logging.getLogger(__name__)

_CHECK_S = 3600  # the service manager lets the check of the store take that long
_DELIVER_S = 2.0  # what is under way to a platform may be acknowledged that long after a stop
_ENDING_S = 0.7  # a task that was cancelled has this long …
_ENDINGS = 2  # … this often
_MIB = 1 << 20
_THREADS = 4  # of a bridge: one opens, one reads, one writes, one closes; a platform's only connects
# The writer's thread gives the interpreter lock away at every statement and must get it back soon.
_SWITCH_S = 0.0005
_GC = (50_000, 20, 100)


@dataclass(frozen=True, slots=True)
class Stages:
    """Everything that runs, wired and not yet started; names are those of the configuration."""

    store: Writer
    sources: dict[str, Source]
    publishers: dict[str, Publisher]
    expected: list[str]  # the parts that should be up, concentrators and our own broker among them
    broker: EmbeddedBroker | None
    metrics: Metrics
    operation: Operation
    maintenance: Maintenance
    clock: Clock


async def run(loaded: Loaded, reload: Reload | None = None) -> None:
    """Runs the gateway until SIGTERM or SIGINT. Raises UserError for what a person can put right; any
    other exception means that a task has died."""
    sys.setswitchinterval(_SWITCH_S)
    gc.set_threshold(*_GC)
    gc.freeze()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(waiting_threads(len(loaded.platforms), loaded.radios))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    gateway = loaded.config.gateway
    async with contextlib.AsyncExitStack() as stack:
        stages = _build(loaded, stack)
        if reload is not None:
            reload.limit = stages.operation.limit
        if stages.broker is not None:
            stack.push_async_callback(stages.broker.stop)
            await stages.broker.start()
        _log.info("gateway %s (number %d, version %s) started", gateway.name, gateway.number, __version__)
        await _run(stages, stop)
    _log.info("gateway %s stopped: %s", gateway.name, stages.metrics.line())


def waiting_threads(platforms: int, radios: int) -> ThreadPoolExecutor:
    """For calls that block. A name look-up or a connect may hang for half a minute, and asyncio's own pool
    has four threads more than the machine has cores: a few hanging platforms would hold up all others.
    Threads are started as they are needed."""
    return ThreadPoolExecutor(_THREADS * (1 + platforms + radios), "waiting")


async def _run(stages: Stages, stop: asyncio.Event) -> None:
    """Starts every stage and ends them in the order of the flow, so that nothing is cut off downstream."""
    watches = stages.operation.watches(
        stages.expected, {name: publisher.position for name, publisher in stages.publishers.items()}
    )
    async with asyncio.TaskGroup() as group:
        store = group.create_task(stages.store.run(), name="store")
        publishers = [
            group.create_task(publisher.run(), name=name) for name, publisher in stages.publishers.items()
        ]
        sources = [group.create_task(source.run(), name=name) for name, source in stages.sources.items()]
        helpers = [group.create_task(stages.maintenance.run(), name="maintenance")]
        helpers.append(group.create_task(stages.clock.watch(), name="clock"))
        helpers += [group.create_task(watch, name=name) for name, watch in watches.items()]
        if stages.broker is not None:
            helpers.append(group.create_task(stages.broker.watch(), name="broker-watch"))
        stages.operation.ready()
        await stop.wait()
        _log.info("stopping")
        stages.operation.stopping()
        await _end(sources)
        for publisher in stages.publishers.values():
            publisher.stop()
        if publishers:
            await asyncio.wait(publishers, timeout=_DELIVER_S)
        await _end(publishers)
        await _end([*helpers, store])
    stages.operation.stopped()


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    """Cancels tasks; one that is still saying goodbye to a peer that does not answer is cancelled again."""
    for _ in range(_ENDINGS):
        for task in tasks:
            task.cancel()
        if tasks:
            _, pending = await asyncio.wait(tasks, timeout=_ENDING_S)
            tasks = list(pending)


def _build(loaded: Loaded, stack: contextlib.AsyncExitStack) -> Stages:
    config = loaded.config
    metrics = Metrics()
    for part, text in loaded.in_clear().items():
        metrics.note(f"{part}.insecure", text)
        _log.warning("%s", text)
    stack.enter_context(instance_lock(loaded.data_dir))
    # Half a minute per GiB, more where a store is damaged: a start that is cut off would never end.
    Notify().send(f"EXTEND_TIMEOUT_USEC={_CHECK_S * 1_000_000}", "STATUS=checking the store")
    platforms = [platform.name for platform, _ in loaded.platforms]
    connection, _ = open_sound(loaded.store_path, platforms)
    operation = Operation(loaded, metrics)
    stack.callback(operation.close)
    reader = Reader(connect_reading(loaded.store_path))
    stack.callback(reader.close)
    registry = Registry(reader.node)
    head = Watermarks(reader.head())
    shown = Published()
    metrics.declare(*COUNTERS, NOT_LISTED)
    metrics.state("store", "up")
    store = Writer(
        connection,
        Retention(
            config.store.keep_days, config.store.max_mb * _MIB, platforms, config.store.drop_undelivered
        ),
        Events(
            head.advance,
            metrics.counters.update,
            registry.changed,
            partial(metrics.state, "store"),
            metrics.commit_s.observe,
            head.raise_low,
        ),
        config.store.queue_frames,
        config.store.commit_ms,
        shown,
    )
    clock = Clock(metrics, reader.newest_heard_s(), config.gateway.clock == "trusted")
    answerer = Answerer(config.gateway.number, metrics, store.submit, clock.told_s)
    unknown_nodes = UnknownNodes(
        reader.kept(UNKNOWN_NODES), partial(_keep, store, UNKNOWN_NODES), metrics.count
    )
    ingest = Ingest(
        registry,
        partial(_stream, reader),
        store.submit,
        answerer.answer,
        metrics,
        unknown_nodes.heard,
        clock,
        config.store.node_hour,
    )
    sources: dict[str, Source] = {}
    broker = None
    if config.mqtt is not None:
        own = loaded.own_broker
        if own is not None:
            broker, endpoint = _own_broker(own, loaded.data_dir, reader, metrics)
        else:
            assert loaded.node_broker is not None
            endpoint = loaded.node_broker
        # A persistent session: a broker of its own keeps what nodes say while we are restarted. Either way
        # nobody can know the identifier, and take the connection with it.
        identifier = f"lyhord-gateway-{secrets.token_hex(8) if own else kept_name(loaded.data_dir)}"
        make = partial(make_client, endpoint, identifier, clean_session=own is not None)
        sources["mqtt"] = MqttSource(make, ingest.hear, store.room, metrics)
    around = SourceContext(
        ingest.hear, store.room, metrics, partial(_duty, reader, store), several=loaded.radios > 1
    )
    for configured in loaded.sources:
        sources |= {source.name: source for source in configured.make(around)}
    publishers = _publishers(loaded, stack, reader, head, registry, store, shown, metrics, operation)
    expected = [part for source in sources.values() for part in source.parts]
    expected += ["broker"] if broker else []
    maintenance = Maintenance(store.submit, unknown_nodes, metrics)
    return Stages(store, sources, publishers, expected, broker, metrics, operation, maintenance, clock)


def _publishers(
    loaded: Loaded,
    stack: contextlib.AsyncExitStack,
    reader: Reader,
    head: Watermarks,
    registry: Registry,
    store: Writer,
    shown: Published,
    metrics: Metrics,
    operation: Operation,
) -> dict[str, Publisher]:
    pages = Reader(connect_reading(loaded.store_path))
    stack.callback(pages.close)
    pool = ThreadPoolExecutor(1, "store-reader")
    stack.callback(pool.shutdown)
    loop = asyncio.get_running_loop()

    def page(part: Part, limit: int) -> Awaitable[list[Reading]]:
        return loop.run_in_executor(pool, shown.part, pages, part.first, part.end, limit, part.late)

    def facts(node: int) -> NodeFacts:
        known = registry.lookup(node)
        return known.facts if known else NodeFacts(node)

    order_entry = OrderEntry(store.submit, reach(loaded).refuse)
    gateway = loaded.config.gateway
    publishers = {}
    for platform, endpoint in loaded.platforms:
        profile = make_profile(platform, endpoint, gateway.name, facts, loaded.status_topic(platform.name))
        status_publisher = operation.status_publisher(platform.profile, platform.name)
        listen = watch
        if platform.commands and profile.inbox() is not None:
            listen = Remote(platform.name, profile, order_entry.queue, metrics).serve
        identifier = platform.client_id or f"lyhord-{gateway.name}-{gateway.number}-{platform.name}"
        terms = Terms(platform.protocol, status_publisher.will if status_publisher else None)
        publishers[platform.name] = Publisher(
            platform.name,
            partial(make_client_on, terms, endpoint, identifier),
            profile,
            Bounds(platform.batch_count, platform.batch_bytes, platform.batch_ms, WINDOW),
            Backlog(head, page, partial(_advance, store, platform.name, []), facts),
            reader.delivered(platform.name),
            metrics,
            status_publisher,
            listen,
            Encoding(profile.content_type, platform.compression == "gzip", platform.protocol == "5"),
            partial(_skipped, store, platform.name, itertools.count(reader.skipped(platform.name) + 1)),
            terms,
        )
    return publishers


def _own_broker(
    own: OwnBroker, data_dir: Path, reader: Reader, metrics: Metrics
) -> tuple[EmbeddedBroker, Endpoint]:
    """The embedded broker, and how we reach it ourselves."""
    folder = data_dir / "broker"
    url = MqttUrl(from_here(own.listen), own.port, False)
    if not own.accounts:
        engine: Engine = Rumqttd(folder, with_port(own.listen, own.port))
        return EmbeddedBroker(own.listen, own.port, engine, metrics), Endpoint(url=url)
    inner = None
    if own.certificate is not None:
        inner = free_port()
        url = MqttUrl(LOOPBACK, inner, False)
    password = secrets.token_hex(16)
    engine = Mosquitto(folder, own.listen, own.port, reader.enabled_nodes, password, own.certificate, inner)
    endpoint = Endpoint(url=url, credentials=Credentials(GATEWAY, password))
    return EmbeddedBroker(own.listen, own.port, engine, metrics), endpoint


def _stream(reader: Reader, node: int, generation: int) -> tuple[ReplayWindow, bytes]:
    window = reader.session(node).windows[generation]
    return ReplayWindow(window.top, window.mask), window.latest


def _advance(store: Writer, platform: str, owed: list[Interval], first: int, end: int) -> None:
    """owed: what the store had no room to hear yet."""
    intervals.add(owed, first, end)
    while owed and store.submit(Delivered(platform, *owed[0])):
        del owed[0]


def _skipped(store: Writer, platform: str, total: Iterator[int]) -> None:
    _keep(store, f"skipped.{platform}", str(next(total)).encode())


def _duty(
    reader: Reader, store: Writer, name: str, power_dbm: int
) -> tuple[Scheduler, Callable[[bytes], None]]:
    """The transmit times of a radio as they were before a restart, and how they are kept for the next."""
    key = f"duty.{name}"
    scheduler = Scheduler(power_dbm)
    if (kept := reader.kept(key)) is not None:
        scheduler.unpack(kept, time.monotonic_ns() // 1000)
    return scheduler, partial(_keep, store, key)


def _keep(store: Writer, key: str, value: bytes) -> None:
    store.submit(Keep(key, value))
