"""One platform: readings go out in batches, the cursor follows the PUBACKs.

    wait for readings → page from the store → introduce nodes → publish (QoS 1) → PUBACKs → advance cursor

Nothing passes the cursor before its PUBACK. A platform that is down costs nothing but its place in the
store: no reading is held in memory for it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import aiomqtt

from lyhord_gateway.backoff import Backoff
from lyhord_gateway.batch import messages
from lyhord_gateway.faults import first_cause
from lyhord_gateway.head import Head
from lyhord_gateway.herald import Herald
from lyhord_gateway.introductions import Introductions
from lyhord_gateway.metrics import Metrics
from lyhord_gateway.mqtt_client import watch
from lyhord_gateway.profiles import Profile
from lyhord_gateway.reading import Message, NodeFacts, Reading

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one message, and of what is under way: `window` messages wait for their PUBACK at once."""

    count: int
    size: int
    wait_ms: int
    window: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """Where readings come from. page: readings above an arrival number; advance: makes a cursor durable;
    facts: what the registry knows of a node."""

    head: Head
    page: Callable[[int, int], Awaitable[list[Reading]]]
    advance: Callable[[int], None]
    facts: Callable[[int], NodeFacts]


class Publisher:
    """connect: makes a client. cursor: what the platform acknowledged before this start. herald: tells the
    platform how the gateway is. listen: takes what the platform says, and raises MqttError as soon as the
    connection is gone."""

    def __init__(
        self,
        name: str,
        connect: Callable[[], aiomqtt.Client],
        profile: Profile,
        bounds: Bounds,
        backlog: Backlog,
        cursor: int,
        metrics: Metrics,
        herald: Herald | None = None,
        listen: Callable[[aiomqtt.Client], Coroutine[Any, Any, None]] = watch,
    ) -> None:
        self._name = name
        self._part = f"platform.{name}"
        self._connect = connect
        self._profile = profile
        self._bounds = bounds
        self._backlog = backlog
        self._introductions = Introductions(profile, backlog.facts)
        self._cursor = cursor
        self._metrics = metrics
        self._herald = herald
        self._listen = listen
        self._arrived = backlog.head.follow()
        self._stopping = False

    def stop(self) -> None:
        """Lets the readings under way be acknowledged; then `run` returns."""
        self._stopping = True
        self._arrived.set()

    def position(self) -> tuple[int, int]:
        """Arrival numbers: the newest reading's, and that of the last one that the platform has."""
        return self._backlog.head.value, max(self._cursor, self._backlog.head.floor)

    async def run(self) -> None:
        """Connects, publishes, and connects again, until stopped or cancelled."""
        backoff = Backoff(cap_s=10.0)
        while not self._stopping:
            try:
                async with self._connect() as client:
                    backoff.reset()
                    self._metrics.state(self._part, "up")
                    _log.info("platform %s: connected", self._name)
                    async with asyncio.TaskGroup() as group:
                        watcher = group.create_task(self._listen(client), name=f"{self._name}-watch")
                        teller = group.create_task(self._tell(client), name=f"{self._name}-health")
                        await self._deliver(client)
                        teller.cancel()
                        if self._herald is not None:
                            await self._herald.leave(client)
                        watcher.cancel()
            except* (aiomqtt.MqttError, OSError) as lost:
                self._count("connections_lost")
                if self._metrics.state(self._part, "down"):
                    _log.warning("platform %s: lost (%s)", self._name, first_cause(lost))
            if not self._stopping:
                await self._pause(backoff.next_s())

    async def _tell(self, client: aiomqtt.Client) -> None:
        if self._herald is not None:
            await self._herald.tell(client)

    async def _pause(self, seconds: float) -> None:
        """A delay that a stop ends early."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not self._stopping and (left := end - loop.time()) > 0:
            await self._wait(left)

    async def _deliver(self, client: aiomqtt.Client) -> None:
        self._introductions.forget()
        presence = self._profile.presence()
        if presence is not None:
            await self._publish(client, [Message(presence.topic, presence.here, retain=True)])
        page_size = self._bounds.count * self._bounds.window
        while not self._stopping:
            await self._gather()
            head = self._backlog.head.value
            self._metrics.gauge(f"{self._part}.behind", head - self._cursor)
            readings = await self._backlog.page(self._cursor, page_size)
            if not readings:
                self._cursor = max(self._cursor, head)  # old history that is no longer kept
                continue
            await self._publish(client, self._introductions.due(readings))
            await self._publish(
                client,
                messages(
                    readings,
                    self._profile.topic,
                    self._profile.payload,
                    self._bounds.count,
                    self._bounds.size,
                    self._profile.sharing(),
                ),
            )
            self._cursor = readings[-1].arrival
            self._backlog.advance(self._cursor)
            self._metrics.gauge(f"{self._part}.behind", self._backlog.head.value - self._cursor)
            self._count("readings", len(readings))
        if presence is not None:  # the broker speaks the last will only for whom it loses
            await self._publish(client, [Message(presence.topic, presence.gone, retain=True)])

    async def _gather(self) -> None:
        """Returns when a batch is full, or its first reading has waited long enough."""
        while self._backlog.head.value <= self._cursor and not self._stopping:
            await self._wait(None)
        loop = asyncio.get_running_loop()
        end = loop.time() + self._bounds.wait_ms / 1000
        full = self._cursor + self._bounds.count
        while self._backlog.head.value < full and not self._stopping and (left := end - loop.time()) > 0:
            await self._wait(left)

    async def _wait(self, seconds: float | None) -> None:
        """Until something arrives, a stop is asked for, or the time is over."""
        self._arrived.clear()
        if self._stopping:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._arrived.wait()
        except TimeoutError:
            return

    async def _publish(self, client: aiomqtt.Client, outgoing: list[Message]) -> None:
        """Returns after the last PUBACK. A publish that waits too long raises out of the connection."""
        for at in range(0, len(outgoing), self._bounds.window):
            async with asyncio.TaskGroup() as group:
                for message in outgoing[at : at + self._bounds.window]:
                    publish = client.publish(message.topic, message.payload, qos=1, retain=message.retain)
                    group.create_task(publish)
            self._count("messages", len(outgoing[at : at + self._bounds.window]))

    def _count(self, name: str, number: int = 1) -> None:
        self._metrics.count(f"{self._part}.{name}", number)
