"""The publishers of a configuration: each platform with its profile, its place in the store and its words."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial

from lyhord_gateway.config.tree import Loaded
from lyhord_gateway.fleet.order_entry import OrderEntry
from lyhord_gateway.fleet.remote import Remote
from lyhord_gateway.model import intervals
from lyhord_gateway.model.intervals import Interval
from lyhord_gateway.model.reading import NodeFacts, Reading
from lyhord_gateway.model.watermarks import Watermarks
from lyhord_gateway.model.work import Delivered, Keep
from lyhord_gateway.mqtt.client import WINDOW, watch
from lyhord_gateway.operation.status_publisher import StatusPublisher
from lyhord_gateway.options.endpoint import Endpoint
from lyhord_gateway.options.platform_options import Platform
from lyhord_gateway.profiles import Profile
from lyhord_gateway.profiles.make import make_profile
from lyhord_gateway.publish.announced import Announced
from lyhord_gateway.publish.announcements import Announcements
from lyhord_gateway.publish.backlog import Backlog
from lyhord_gateway.publish.client import make_client_on
from lyhord_gateway.publish.encoding import Encoding
from lyhord_gateway.publish.lanes import Part
from lyhord_gateway.publish.publisher import Link, Publisher
from lyhord_gateway.publish.shape import Bounds, Shape
from lyhord_gateway.publish.terms import Terms
from lyhord_gateway.support.metrics import Metrics


@dataclass(frozen=True, slots=True)
class StoredReadings:
    """The store as publishers use it. page(first, end, limit, late): readings; delivered, skipped, announced:
    how far a platform had come before this start, and what it was told of nodes; submit: work for the store,
    False if it has no room just now."""

    watermarks: Watermarks
    page: Callable[[int, int, int, bool], Awaitable[list[Reading]]]
    delivered: Callable[[str], list[Interval]]
    skipped: Callable[[str], int]
    announced: Callable[[str], dict[int, bytes]]
    submit: Callable[[Delivered | Keep, Callable[[object], None] | None], bool]


@dataclass(frozen=True, slots=True)
class KnownNodes:
    """The registry as publishers use it. enabled: the nodes in service; changes: an event that is set when it
    changes."""

    facts: Callable[[int], NodeFacts]
    enabled: Callable[[], Awaitable[Collection[int]]]
    changes: Callable[[], asyncio.Event]


@dataclass(frozen=True, slots=True)
class PublishContext:
    """The context of publishers. status(profile, platform): tells it how the gateway is, None where there is
    no place for that."""

    readings: StoredReadings
    nodes: KnownNodes
    orders: OrderEntry
    status: Callable[[Profile, str], StatusPublisher | None]
    metrics: Metrics


def make_publishers(loaded: Loaded, around: PublishContext) -> dict[str, Publisher]:
    """By the platform's name."""
    return {
        platform.name: _publisher(loaded, platform, endpoint, around)
        for platform, endpoint in loaded.platforms
    }


def _publisher(loaded: Loaded, platform: Platform, endpoint: Endpoint, around: PublishContext) -> Publisher:
    name, gateway = platform.name, loaded.config.gateway
    readings, nodes = around.readings, around.nodes
    profile = make_profile(platform, endpoint, gateway.name, nodes.facts, loaded.status_topic(name))
    status_publisher = around.status(profile, name)
    listen = watch
    if profile.inbox() is not None:
        listen = Remote(name, profile, around.orders.queue, around.metrics).serve
    identifier = platform.client_id or f"lyhord-{gateway.name}-{gateway.number}-{name}"
    terms = Terms(platform.protocol, status_publisher.will if status_publisher else None)

    def page(part: Part, limit: int) -> Awaitable[list[Reading]]:
        return readings.page(part.first, part.end, limit, part.late)

    return Publisher(
        name,
        Link(partial(make_client_on, terms, endpoint, identifier), terms, listen),
        Shape(
            profile,
            Bounds(*platform.batch, platform.batch_ms, WINDOW),
            Encoding(profile.content_type, platform.compressed, platform.protocol == "5"),
        ),
        Backlog(
            readings.watermarks,
            page,
            partial(_advance, readings.submit, name, []),
            readings.delivered(name),
            partial(_skip, readings.submit, name, itertools.count(readings.skipped(name) + 1)),
        ),
        Announcements(
            profile,
            nodes.facts,
            Announced(name, readings.announced(name), readings.submit),
            nodes.enabled,
            nodes.changes(),
        ),
        around.metrics,
        status_publisher,
    )


_Submit = Callable[[Delivered | Keep, Callable[[object], None] | None], bool]


def _advance(submit: _Submit, platform: str, owed: list[Interval], first: int, end: int) -> None:
    """owed: what the store had no room to hear yet."""
    intervals.add(owed, first, end)
    while owed and submit(Delivered(platform, *owed[0]), None):
        del owed[0]


def _skip(submit: _Submit, platform: str, total: Iterator[int]) -> None:
    submit(Keep(f"skipped.{platform}", str(next(total)).encode()), None)
