"""One connection to a platform: from its lanes of readings to PUBACKs.

    live lane ────▶ page ─▶ messages ─┐
                                      ├─ live first ─▶ announcements ─▶ slot ─▶ publish ─▶ PUBACK ─▶ delivered
    backlog lane ─▶ page ─▶ messages ─┘

A page is delivered when every message of it is acknowledged. There are as many slots as the platform lets
wait for their PUBACK at once; a live message takes the next one that is free, whatever else is there.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import msgspec

from lyhord_gateway.model.reading import Message, NodeFacts, Reading
from lyhord_gateway.model.watermarks import Watermarks
from lyhord_gateway.mqtt.client import Silent
from lyhord_gateway.profiles import Profile
from lyhord_gateway.publish.ack_timeout import AckTimeout
from lyhord_gateway.publish.announcements import Announcements
from lyhord_gateway.publish.batch import messages
from lyhord_gateway.publish.client import PlatformClient, PublishRefused
from lyhord_gateway.publish.encoding import Encoding
from lyhord_gateway.publish.lanes import Lanes, Part
from lyhord_gateway.publish.poison_messages import PoisonMessages

PAGE_MAX = 4000  # readings in memory per lane, and as many under way
_CAREFUL = 100  # readings of a page while one is suspected
_PACKET_HEAD = 512  # bytes of a packet that are not payload: topic, properties


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one message, and of what is under way: `window` messages wait for their PUBACK at once. wait_ms: a
    live reading waits so long for company. silence_s, silence_max_s: without a PUBACK for so long the
    connection is given up, as `AckTimeout` says."""

    count: int
    size: int
    wait_ms: int
    window: int
    silence_s: float = 10.0
    silence_max_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Backlog:
    """Where readings come from. page: at most so many readings of a part; deliver: makes it durable that the
    platform has first … end − 1; facts: what the registry knows of a node."""

    head: Watermarks
    page: Callable[[Part, int], Awaitable[list[Reading]]]
    deliver: Callable[[int, int], None]
    facts: Callable[[int], NodeFacts]


@dataclass(slots=True)
class _Page:
    """Arrival numbers first … end − 1, `left` messages of which are not acknowledged."""

    first: int
    end: int
    left: int = 0


_Item = tuple[Message, _Page | None]  # an announcement is part of no page
_Ready = deque[_Item]


class Delivery:
    """For one connection; lanes, announcements, poison messages and ack timeout outlive it. arrived: is set
    when the high watermark moves. acknowledged: is called for every PUBACK with its message. unfit: is
    called for a reading that the profile cannot put into its shape, and why. answered: there was one."""

    def __init__(
        self,
        client: PlatformClient,
        profile: Profile,
        bounds: Bounds,
        backlog: Backlog,
        lanes: Lanes,
        announcements: Announcements,
        poison_messages: PoisonMessages,
        ack_timeout: AckTimeout,
        encoding: Encoding,
        arrived: asyncio.Event,
        acknowledged: Callable[[Message], None],
        unfit: Callable[[Reading, str], None] = lambda reading, why: None,
    ) -> None:
        client.narrow(bounds.window)
        self._client = client
        self._profile = profile
        self._bounds = bounds
        self._backlog = backlog
        self._lanes = lanes
        self._announcements = announcements
        self._poison_messages = poison_messages
        self._ack_timeout = ack_timeout
        self._encoding = encoding
        self._arrived = arrived
        self._acknowledged = acknowledged
        self._unfit = unfit
        self._live: _Ready = deque()
        self._late: _Ready = deque()
        self._newest: dict[int, int] = {}  # node → sample number that went out live
        self._ready = asyncio.Event()  # something is in one of them
        self._room = asyncio.Event()  # something was taken out, or a page was fetched
        self._jumped = asyncio.Event()  # the live lane may have left something behind
        self._idle = asyncio.Event()  # nothing is under way
        self._idle.set()
        self._under_way: dict[int, Message] = {}
        self._refused: Message | None = None
        self.answered = False
        self._stopping = False
        self._count = self._size = self._page_size = 0

    def stop(self) -> None:
        """Lets what is under way be acknowledged; then `run` returns."""
        self._stopping = True
        self._ready.set()
        self._room.set()

    def blamed(self) -> list[Message]:
        """The message that the platform has refused, else what it has not acknowledged."""
        return list(self._under_way.values()) if self._refused is None else [self._refused]

    async def run(self) -> None:
        """Until stopped, or an exception says that the connection is lost or a message is refused."""
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(self._watch_silence())
            while not self._stopping:
                await self._round(group)
            await self._idle.wait()
            watch.cancel()

    async def _round(self, group: asyncio.TaskGroup) -> None:
        """Until stopped, or a time of care begins or ends."""
        careful, share = self._poison_messages.careful, self._poison_messages.share
        self._count = 1 if careful else max(1, self._bounds.count // share)
        self._size = self._bounds.size // share
        if self._client.packet_max is not None:
            self._size = max(1, min(self._size, self._client.packet_max - _PACKET_HEAD))
        self._page_size = max(self._count, min(self._count * self._bounds.window, PAGE_MAX))
        feeds = [self._feed_carefully()] if careful else [self._feed_live(), self._feed_late()]
        feeders = [group.create_task(feed) for feed in feeds]
        while not self._stopping and self._poison_messages.careful == careful:
            await self._turn(careful)
            if not self._live and not self._late:
                self._ready.clear()
                await self._ready.wait()
                continue
            await self._client.slots.acquire()
            message, page = self._next()
            self._room.set()
            for word in self._announcements.due(message.readings):
                if careful and self._poison_messages.suspected(word):
                    self._late.append((word, None))  # after the readings: they need not wait for it
                    continue
                self._start(group, word, None)
                await self._turn(careful)
                await self._client.slots.acquire()
            self._start(group, message, page)
        for feeder in feeders:
            feeder.cancel()
        await self._idle.wait()
        self._live.clear()
        self._late.clear()
        self._lanes.forget()

    async def _turn(self, careful: bool) -> None:
        """While it is doubtful what passes, or how slowly, messages go one by one."""
        if careful or (self._ack_timeout.tried and not self.answered):
            await self._idle.wait()

    def _next(self) -> _Item:
        if self._live:
            message, page = self._live.popleft()
            self._newest.update((reading.node, reading.seq) for reading in message.readings)
            return message, page
        message, page = self._late.popleft()
        if page is not None and self._newest and (marked := self._overtaken(message.readings)) is not None:
            again: list[_Item] = [(one, page) for one in self._messages(marked)]
            if not again:
                return message, page
            page.left += len(again) - 1  # it may be another topic now
            self._late.extendleft(reversed(again))
            message, page = self._late.popleft()
        return message, page

    def _overtaken(self, readings: Sequence[Reading]) -> list[Reading] | None:
        """The readings with a mark on those of which a younger one has gone out since their page was read;
        None if there are none."""
        newest = self._newest
        marked = [
            reading if reading.backlog or reading.seq > newest.get(reading.node, -1) else _late(reading)
            for reading in readings
        ]
        return None if marked == list(readings) else marked

    # ---- from the lanes to messages ----

    async def _feed_live(self) -> None:
        while True:
            await self._gathered()
            part = self._lanes.live()
            self._jumped.set()
            if part is not None:
                await self._fetch(part, self._live)
            else:  # until the backlog lane has filled a gap
                self._room.clear()
                await self._room.wait()

    async def _feed_late(self) -> None:
        while True:
            part = self._lanes.backlog()
            if part is not None:
                await self._fetch(part, self._late)
            else:
                if not self._late:
                    self._newest.clear()
                self._jumped.clear()
                await self._jumped.wait()

    async def _fetch(self, part: Part, ready: _Ready) -> None:
        """A page of the part becomes messages; returns when there is room for another page."""
        page, readings = await self._page(part, self._page_size)
        for message in self._messages(readings):
            page.left += 1
            ready.append((message, page))
        if not page.left:  # history that is no longer kept, or nothing that fits the platform's shape
            self._deliver(page.first, page.end)
        self._ready.set()
        while len(ready) > self._bounds.window // 2:
            self._room.clear()
            await self._room.wait()

    async def _feed_carefully(self) -> None:
        """One reading per message and page, suspects last: what is under way at a loss is known then, and
        the others had their chance."""
        while True:
            readings: list[Reading] = []
            self._behind()
            while len(readings) < _CAREFUL and (part := self._lanes.backlog() or self._lanes.live()):
                page, more = await self._page(part, _CAREFUL)
                missing = [(page.first, page.end)]
                for reading in more:
                    missing[-1:] = [(missing[-1][0], reading.arrival), (reading.arrival + 1, page.end)]
                for first, end in missing:
                    if first < end:
                        self._deliver(first, end)
                readings += more
            readings.sort(key=lambda reading: self._poison_messages.strikes(reading.arrival))
            for reading in readings:
                for message in self._messages([reading]):
                    self._late.append((message, _Page(reading.arrival, reading.arrival + 1, 1)))
            self._ready.set()
            if not readings:
                await self._wait(None)
            while self._late:
                self._room.clear()
                await self._room.wait()

    async def _page(self, part: Part, limit: int) -> tuple[_Page, list[Reading]]:
        readings = await self._backlog.page(part, limit)
        page = _Page(part.first, readings[-1].arrival + 1 if len(readings) == limit else part.end)
        self._lanes.take(page.first, page.end)
        self._room.set()
        return page, readings

    def _messages(self, readings: Sequence[Reading]) -> list[Message]:
        """Messages of all readings but those that the profile cannot put into its shape: a bug of ours costs
        the reading that meets it, at this platform."""
        try:
            return self._shaped(readings)
        except Exception:  # noqa: BLE001 — found again below, reading by reading
            return self._shaped([reading for reading in readings if self._fits(reading)])

    def _shaped(self, readings: Sequence[Reading]) -> list[Message]:
        profile = self._profile
        return messages(readings, profile.topic, profile.payload, self._count, self._size, profile.sharing())

    def _fits(self, reading: Reading) -> bool:
        try:
            self._shaped([reading])
        except Exception as error:  # noqa: BLE001 — see `_messages`
            self._unfit(reading, f"a bug of ours: {type(error).__name__}: {error}")
            return False
        return True

    async def _gathered(self) -> None:
        """Returns when a live message is full, or its first reading has waited long enough."""
        while not self._behind():
            await self._wait(None)
        loop = asyncio.get_running_loop()
        end = loop.time() + self._bounds.wait_ms / 1000
        while self._behind() < self._count and (left := end - loop.time()) > 0:
            await self._wait(left)

    def _behind(self) -> int:
        self._lanes.advance(self._backlog.head.value, self._backlog.head.floor)
        return self._lanes.behind

    async def _wait(self, seconds: float | None) -> None:
        """Until something arrives, or the time is over."""
        self._arrived.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._arrived.wait()
        except TimeoutError:
            return

    # ---- from messages to PUBACKs ----

    def _start(self, group: asyncio.TaskGroup, message: Message, page: _Page | None) -> None:
        """The caller has a slot for it."""
        if not self._under_way:
            self._idle.clear()
        self._under_way[id(message)] = message
        group.create_task(self._publish(message, page))

    async def _publish(self, message: Message, page: _Page | None) -> None:
        payload, properties = self._encoding.wrap(message)
        loop = asyncio.get_running_loop()
        sent_s = loop.time()
        try:
            await self._client.deliver(message.topic, payload, message.retain, properties)
        except PublishRefused:
            self._refused = message
            raise
        self._client.slots.release()
        self.answered = True
        self._ack_timeout.answered(loop.time() - sent_s)
        del self._under_way[id(message)]
        if not self._under_way:
            self._idle.set()
        if page is not None:
            page.left -= 1
            if not page.left:
                self._deliver(page.first, page.end)
        self._acknowledged(message)

    def _deliver(self, first: int, end: int) -> None:
        self._lanes.deliver(first, end)
        self._backlog.deliver(first, end)

    async def _watch_silence(self) -> None:
        while True:
            await asyncio.sleep(self._bounds.silence_s / 4)
            if self._client.silent_s > self._ack_timeout.seconds:
                raise Silent(f"no PUBACK for {self._ack_timeout.seconds:.3g} s")


def _late(reading: Reading) -> Reading:
    return msgspec.structs.replace(reading, backlog=True)
