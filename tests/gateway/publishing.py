"""A publisher at work on a bench, towards a platform at some port."""

import contextlib
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from typing import Any

import aiomqtt

from lyhord_gateway.model.reading import Reading
from lyhord_gateway.model.work import Delivered
from lyhord_gateway.mqtt.client import watch
from lyhord_gateway.operation.status_publisher import StatusPublisher
from lyhord_gateway.options.endpoint import Endpoint
from lyhord_gateway.options.mqtt_url import MqttUrl
from lyhord_gateway.profiles import Profile
from lyhord_gateway.profiles.senml import SenmlProfile
from lyhord_gateway.publish.announced import Announced
from lyhord_gateway.publish.announcements import Announcements
from lyhord_gateway.publish.backlog import Backlog
from lyhord_gateway.publish.client import PlatformClient, make_client_on, make_platform_client
from lyhord_gateway.publish.encoding import Encoding
from lyhord_gateway.publish.lanes import Part
from lyhord_gateway.publish.publisher import Link, Publisher
from lyhord_gateway.publish.shape import Bounds, Shape
from lyhord_gateway.publish.terms import Terms
from lyhord_gateway.support.backoff import Backoff
from tests.fakes.silent_broker import SilentBroker
from tests.gateway import senml_resolver
from tests.gateway.bench import Bench
from tests.gateway.parts import meanwhile

SENML = SenmlProfile("lyhord/{gateway}/senml", "gw")


@contextlib.asynccontextmanager
async def publishing(
    bench: Bench,
    port: int,
    name: str = "city",
    profile: Profile = SENML,
    wait_ms: int = 10,
    silence_s: float = 10.0,
    protocol: str = "3.1.1",
    bounds: Bounds | None = None,
    connect: Callable[[], PlatformClient] | None = None,
    status_publisher: StatusPublisher | None = None,
    encoding: Encoding | None = None,
    listen: Callable[[aiomqtt.Client], Coroutine[Any, Any, None]] = watch,
    terms: Terms | None = None,
    backoff: Backoff | None = None,
) -> AsyncIterator[Publisher]:
    async def page(part: Part, limit: int) -> list[Reading]:
        return bench.published.part(bench.reader, part.first, part.end, limit, part.late)

    def deliver(first: int, end: int) -> None:
        assert bench.store.submit(Delivered(name, first, end))

    endpoint = Endpoint(url=MqttUrl("127.0.0.1", port, False))
    if terms is not None:
        connect = partial(make_client_on, terms, endpoint, f"gateway-{name}")

    async def enabled() -> list[int]:
        return bench.reader.enabled_nodes()

    announced = Announced(name, bench.reader.announced(name), bench.store.submit)
    publisher = Publisher(
        name,
        Link(
            connect or partial(make_platform_client, endpoint, f"gateway-{name}", protocol, None),
            terms or Terms(""),
            listen,
        ),
        Shape(
            profile,
            bounds or Bounds(count=5, size=10_000, wait_ms=wait_ms, window=4, silence_s=silence_s),
            encoding or Encoding(),
        ),
        Backlog(bench.watermarks, page, deliver, bench.reader.delivered(name)),
        Announcements(profile, bench.registry.facts, announced, enabled, bench.registry.follow()),
        bench.metrics,
        status_publisher,
    )
    publisher._backoff = backoff or Backoff(cap_s=0.05)
    async with meanwhile(publisher.run()):
        yield publisher


def sent(broker: SilentBroker) -> list[tuple[int, int]]:
    """(node, seq) of every reading that the broker was sent, in order."""
    return [key for _, payload in broker.published for key in senml_resolver.readings(json.loads(payload))]
