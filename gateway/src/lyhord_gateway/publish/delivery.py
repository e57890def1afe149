"""One connection to a platform: from messages to PUBACKs.

    ┌─▶ trusting ──a reading is is_candidate──▶ careful ─┐      messages go
    │   as many as there are slots           one by one      ▼
    │   (one by one while the platform is slower             announcements ─▶ slot ─▶ publish ─▶ PUBACK
    │    than usual, and nothing was answered)                                          │          │
    └──────────── no candidate is left ◀────────────────┘            refused: the end of it     delivered

    stop ─▶ what is under way is acknowledged ─▶ end           no PUBACK for too long ─▶ the end of it

A page is delivered when every message of it is acknowledged. There are as many slots as the platform lets
wait for their PUBACK at once; a live message takes the next one that is free, whatever else is there.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from lyhord_gateway.model.reading import Message, Reading
from lyhord_gateway.mqtt.client import Silent
from lyhord_gateway.publish.ack_timeout import AckTimeout
from lyhord_gateway.publish.announcements import Announcements
from lyhord_gateway.publish.backlog import Backlog
from lyhord_gateway.publish.client import PlatformClient, PublishRefused
from lyhord_gateway.publish.feed import Feed, Page
from lyhord_gateway.publish.lanes import Lanes
from lyhord_gateway.publish.poison_messages import PoisonMessages
from lyhord_gateway.publish.shape import Shape

_PACKET_HEAD = 512  # bytes of a packet that are not payload: topic, properties


@dataclass(frozen=True, slots=True)
class Standing:
    """The knowledge of a platform, whatever becomes of a connection. arrived: is set when there are newer
    readings."""

    lanes: Lanes
    announcements: Announcements
    poison_messages: PoisonMessages
    ack_timeout: AckTimeout
    arrived: asyncio.Event


class Delivery:
    """acknowledged: is called for every PUBACK with its message. unfit: is called for a reading that the
    profile cannot put into its shape, and why. answered: there was a PUBACK."""

    def __init__(
        self,
        client: PlatformClient,
        shape: Shape,
        backlog: Backlog,
        standing: Standing,
        acknowledged: Callable[[Message], None],
        unfit: Callable[[Reading, str], None] = lambda reading, why: None,
    ) -> None:
        client.narrow(shape.bounds.window)
        self._client = client
        self._bounds = shape.bounds
        self._encoding = shape.encoding
        self._announcements = standing.announcements
        self._poison_messages = standing.poison_messages
        self._ack_timeout = standing.ack_timeout
        self._acknowledged = acknowledged
        self._feed = Feed(shape, backlog, standing.lanes, standing.poison_messages, standing.arrived, unfit)
        self._idle = asyncio.Event()  # nothing is under way
        self._idle.set()
        self._under_way: dict[int, Message] = {}
        self._refused: Message | None = None
        self.answered = False
        self._stopping = False

    def stop(self) -> None:
        """Lets what is under way be acknowledged; then `run` returns."""
        self._stopping = True
        self._feed.wake()

    def blamed(self) -> list[Message]:
        """The message that the platform has refused, else what it has not acknowledged."""
        return list(self._under_way.values()) if self._refused is None else [self._refused]

    async def run(self) -> None:
        """Until stopped, or an exception says that the connection is lost or a message is refused."""
        self._feed.add(self._announcements.greeting())
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(self._watch_silence())
            while not self._stopping:
                await self._round(group)
            await self._idle.wait()
            watch.cancel()

    async def _round(self, group: asyncio.TaskGroup) -> None:
        """Until stopped, or a time of care begins or ends."""
        careful, share = self._poison_messages.careful, self._poison_messages.share
        size = self._bounds.size // share
        if self._client.packet_max is not None:
            size = max(1, min(size, self._client.packet_max - _PACKET_HEAD))
        feeds = self._feed.begin(1 if careful else max(1, self._bounds.count // share), size, careful)
        feeders = [group.create_task(feed) for feed in (*feeds, self._withdraw())]
        while not self._stopping and self._poison_messages.careful == careful:
            await self._turn(careful)
            if self._feed.empty():
                self._feed.ready.clear()
                await self._feed.ready.wait()
                continue
            await self._client.slots.acquire()
            message, page = self._feed.next()
            words = self._announcements.due(message.readings)
            await self._announcements.announced.durable()
            for word in words:
                if careful and self._poison_messages.is_candidate(word):
                    self._feed.add([word])  # after the readings: they need not wait for it
                    continue
                self._start(group, word, None)
                await self._turn(careful)
                await self._client.slots.acquire()
            self._start(group, message, page)
        for feeder in feeders:
            feeder.cancel()
        await self._idle.wait()
        self._feed.end()
        self._announcements.look_again()

    async def _turn(self, careful: bool) -> None:
        """While it is doubtful what passes, or how slowly, messages go one by one."""
        if careful or (self._ack_timeout.tried and not self.answered):
            await self._idle.wait()

    async def _withdraw(self) -> None:
        """Nodes that are out of service are taken back."""
        while True:
            self._feed.add(await self._announcements.withdrawals())

    def _start(self, group: asyncio.TaskGroup, message: Message, page: Page | None) -> None:
        """The caller has a slot for it."""
        if not self._under_way:
            self._idle.clear()
        self._under_way[id(message)] = message
        group.create_task(self._publish(message, page))

    async def _publish(self, message: Message, page: Page | None) -> None:
        payload, properties = self._encoding.wrap(message)
        loop = asyncio.get_running_loop()
        sent_mono_s = loop.time()
        try:
            await self._client.deliver(message.topic, payload, message.retain, properties)
        except PublishRefused:
            self._refused = message
            raise
        self._client.slots.release()
        self.answered = True
        self._ack_timeout.answered(loop.time() - sent_mono_s)
        del self._under_way[id(message)]
        if not self._under_way:
            self._idle.set()
        if page is not None:
            self._feed.deliver(page)
        else:
            self._announcements.acknowledged(message)
        self._acknowledged(message)

    async def _watch_silence(self) -> None:
        while True:
            await asyncio.sleep(self._bounds.silence_s / 4)
            if self._client.silent_s > self._ack_timeout.seconds:
                raise Silent(f"no PUBACK for {self._ack_timeout.seconds:.3g} s")
