"""One platform: a connection after the other, over which readings are delivered.

    connect ──▶ deliver, tell our health ──lost or refused──▶ pause (capped, full jitter) ──▶ connect …

Nothing counts as delivered before its PUBACK. A platform that is down costs nothing but its place in the
store: no reading is held in memory for it. One that takes connections but no messages is not "up", nor is
one whose connections never last (`backoff.py`).
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import aiomqtt

from lyhord_gateway.model.reading import Message, Reading, node_text
from lyhord_gateway.mqtt.client import Silent, cause_of, watch
from lyhord_gateway.operation.status_publisher import StatusPublisher
from lyhord_gateway.publish.ack_timeout import AckTimeout
from lyhord_gateway.publish.announcements import Announcements
from lyhord_gateway.publish.backlog import Backlog
from lyhord_gateway.publish.client import NothingAcknowledged, PlatformClient, PublishRefused
from lyhord_gateway.publish.delivery import Delivery, Standing
from lyhord_gateway.publish.feed import PAGE_MAX
from lyhord_gateway.publish.lanes import Lanes
from lyhord_gateway.publish.poison_messages import PoisonMessages, candidates
from lyhord_gateway.publish.shape import Shape
from lyhord_gateway.publish.terms import Terms
from lyhord_gateway.support.backoff import Backoff
from lyhord_gateway.support.errors import first_cause
from lyhord_gateway.support.log_rate_limit import LogRateLimit, more
from lyhord_gateway.support.metrics import Metrics

_log = logging.getLogger(__name__)

# Reasons of a PUBACK that say nothing about the message (MQTT 5 section 3.4.2.1): not authorized, packet
# identifier in use, quota exceeded.
_NOT_ITS_FAULT = (0x87, 0x91, 0x97)
_COUNTERS = (
    "messages",
    "readings",
    "connections_lost",
    "messages_refused",
    "readings_skipped",
    "announcements_skipped",
)


@dataclass(frozen=True, slots=True)
class Link:
    """The link to a platform. connect: makes a client. terms: what it asks of the platform. listen:
    takes what the platform says, and raises MqttError as soon as the connection is gone."""

    connect: Callable[[], PlatformClient]
    terms: Terms = field(default_factory=lambda: Terms(""))
    listen: Callable[[aiomqtt.Client], Coroutine[Any, Any, None]] = watch


class Publisher:
    """status_publisher: tells the platform how the gateway is."""

    def __init__(
        self,
        name: str,
        link: Link,
        shape: Shape,
        backlog: Backlog,
        announcements: Announcements,
        metrics: Metrics,
        status_publisher: StatusPublisher | None = None,
    ) -> None:
        self._name = name
        self._part = f"platform.{name}"
        self._connect = link.connect
        self._listen = link.listen
        self._terms = link.terms
        self._terms.note = self._note
        self._shape = shape
        self._backlog = backlog
        bounds, watermarks = shape.bounds, backlog.watermarks
        live_max = min(shape.per_message * bounds.window, PAGE_MAX)
        self._lanes = Lanes(list(backlog.delivered), watermarks.high, live_max)
        self._poison_messages = PoisonMessages()
        self._ack_timeout = AckTimeout(bounds.silence_s, bounds.silence_max_s)
        self._announcements = announcements
        self._standing = Standing(
            self._lanes, announcements, self._poison_messages, self._ack_timeout, watermarks.follow()
        )
        self._metrics = metrics
        metrics.declare(*_COUNTERS, under=[self._part])
        self._status_publisher = status_publisher
        self._backoff = Backoff(0.5)
        self._lines = LogRateLimit()
        self._hung_up = True  # the platform, at the last loss
        self._doubtful = False  # the last connection took no message
        self._delivery: Delivery | None = None
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Lets the readings under way be acknowledged; then `run` returns."""
        self._stop.set()
        if self._delivery is not None:
            self._delivery.stop()

    def position(self) -> tuple[int, int]:
        """The count of arrival numbers that wait, and the one up to which the platform has everything."""
        self._lanes.advance(self._backlog.watermarks.high, self._backlog.watermarks.low)
        return self._lanes.waiting, self._lanes.cursor

    async def run(self) -> None:
        """Connects, delivers, and connects again, until stopped or cancelled."""
        while not self._stop.is_set():
            at_once = False
            client = None
            try:
                async with self._connect() as client:
                    await self._use(client)
            except* (aiomqtt.MqttError, OSError) as lost:
                at_once = self._lost(first_cause(lost), client)
            pause_s = self._backoff.next_s(self._hung_up)
            if self._backoff.unsteady:
                self._terms.unsteady()
            if not self._stop.is_set() and not at_once:
                await self._pause(pause_s)

    async def _use(self, client: PlatformClient) -> None:
        self._backoff.opened()
        if not client.acknowledges:
            raise NothingAcknowledged
        client.keeps = client.keeps and self._terms.retain
        client.told = self._terms.told
        if not client.keeps:
            self._terms.without_retain()
        self._terms.connected(client.version)
        if not self._doubtful and not self._backoff.unsteady:
            self._up()
            _log.info("platform %s: connected with MQTT %s", self._name, client.version)
        self._lanes.forget()
        self._announcements.forget()
        client.timeout = max(client.timeout, self._ack_timeout.seconds)  # its SUBACK is as slow
        self._delivery = Delivery(
            client, self._shape, self._backlog, self._standing, self._acknowledged, self._skip
        )
        async with asyncio.TaskGroup() as group:
            watcher = group.create_task(self._listen(client), name=f"{self._name}-watch")
            teller = group.create_task(self._tell(client), name=f"{self._name}-health")
            settler = group.create_task(self._settle(), name=f"{self._name}-steady")
            await self._delivery.run()
            teller.cancel()
            settler.cancel()
            if self._status_publisher is not None and self._terms.telling:
                await self._status_publisher.leave(client)
            watcher.cancel()

    def _up(self) -> None:
        self._doubtful = False
        self._metrics.state(self._part, "up")

    async def _settle(self) -> None:
        """The connection has lasted: whatever was wrong with those before is over."""
        await self._backoff.settled()
        self._terms.steady()
        if not self._doubtful:
            self._up()

    def _acknowledged(self, message: Message) -> None:
        self._backoff.delivered()
        if self._doubtful:
            self._doubtful = False
            if not self._backoff.unsteady:
                self._up()
        self._count("messages")
        self._poison_messages.passed(message)
        if message.readings:
            self._count("readings", len(message.readings))
            self._metrics.gauge(f"{self._part}.behind", self._lanes.waiting)

    def _lost(self, error: BaseException, client: PlatformClient | None) -> bool:
        """True if the next attempt is another one, and need not wait."""
        cause = cause_of(error)
        refused = isinstance(cause, PublishRefused)
        self._hung_up = not refused
        self._count("messages_refused" if refused else "connections_lost")
        self._say_lost("refusing" if refused else "down", str(cause))
        if client is None:
            return self._terms.refused(cause)
        if not refused:
            self._terms.lost(cause, client.telling > 0 and not isinstance(cause, Silent))
        self._blame(cause)
        return False

    def _say_lost(self, state: str, why: str) -> None:
        known = self._metrics.why.get(self._part)
        if not self._metrics.state(self._part, state, why) and why == known:
            return
        held_back = self._lines.admit(state, time.monotonic())
        if held_back is not None:
            word = "refuses" if state == "refusing" else "lost"
            _log.warning("platform %s: %s (%s)%s", self._name, word, why, more(held_back))

    def _blame(self, cause: BaseException) -> None:
        """The messages that were under way at the loss."""
        delivery, self._delivery = self._delivery, None
        if delivery is None:  # nothing was sent
            return
        blamed = delivery.blamed()
        self._doubtful = bool(blamed) or isinstance(cause, Silent)
        if isinstance(cause, Silent) and self._ack_timeout.silent() and not delivery.answered:
            return  # it may only be slow, whatever was under way
        if not isinstance(cause, PublishRefused) or cause.code not in _NOT_ITS_FAULT:
            self._suspect(blamed, str(cause))

    def _suspect(self, blamed: list[Message], why: str) -> None:
        """These were under way, or refused; what is at fault beyond doubt is not sent any more."""
        if self._poison_messages.failed(one for message in blamed for one in candidates(message)):
            _log.warning("platform %s: something may not pass there, sending one by one", self._name)
        proven = self._poison_messages.proven()
        if proven:
            self._doubtful = False  # all others pass
            self._backoff.reset()
        for message in blamed:
            for reading in message.readings:
                if reading.arrival in proven:
                    self._skip(reading, why)
            if message.about is not None and message in proven:
                node = node_text(message.about)
                _log.error("platform %s: announcement of node %s skipped (%s)", self._name, node, why)
                self._announcements.give_up(message)
                self._count("announcements_skipped")

    def _skip(self, reading: Reading, why: str) -> None:
        node = node_text(reading.node)
        _log.error("platform %s: sample %d of node %s skipped (%s)", self._name, reading.seq, node, why)
        self._lanes.deliver(reading.arrival, reading.arrival + 1)
        self._backlog.deliver(reading.arrival, reading.arrival + 1)
        self._count("readings_skipped")
        self._backlog.skipped()

    async def _tell(self, client: PlatformClient) -> None:
        if self._status_publisher is not None and self._terms.telling:
            await self._status_publisher.tell(client)

    def _note(self, topic: str, text: str) -> None:
        if self._metrics.note(f"{self._part}.{topic}", f"{self._name} {text}" if text else "") and text:
            _log.warning("platform %s: it %s", self._name, text)

    async def _pause(self, seconds: float) -> None:
        """A delay that a stop ends early."""
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            return

    def _count(self, name: str, number: int = 1) -> None:
        self._metrics.count(f"{self._part}.{name}", number)
