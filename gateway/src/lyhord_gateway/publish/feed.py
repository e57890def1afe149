"""From a platform's lanes to messages that are ready to go.

    live lane ────▶ page ─▶ messages ─▶ live ─┐
                                              ├─ live first ─▶ next()
    backlog lane ─▶ page ─▶ messages ─▶ late ─┘

While a reading is is_candidate both lanes become one, with a message per reading.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from lyhord_gateway.model.reading import Message, Reading
from lyhord_gateway.publish.backlog import Backlog
from lyhord_gateway.publish.batch import messages
from lyhord_gateway.publish.lanes import Lanes, Part
from lyhord_gateway.publish.poison_messages import PoisonMessages
from lyhord_gateway.publish.shape import Shape

PAGE_MAX = 4000  # readings in memory per lane, and as many under way
_CAREFUL = 100  # readings of a page while one is is_candidate


@dataclass(slots=True)
class Page:
    """Arrival numbers first … end − 1, `left` messages of which are not acknowledged."""

    first: int
    end: int
    left: int = 0


Item = tuple[Message, Page | None]  # what is told of nodes is part of no page
_Ready = deque[Item]


class Feed:
    """For one connection. arrived: is set when the high watermark moves. unfit(reading, why): is called for a
    reading that the profile cannot put into its shape. ready: is set when there is a message."""

    def __init__(
        self,
        shape: Shape,
        backlog: Backlog,
        lanes: Lanes,
        poison_messages: PoisonMessages,
        arrived: asyncio.Event,
        unfit: Callable[[Reading, str], None],
    ) -> None:
        self._profile = shape.profile
        self._bounds = shape.bounds
        self._backlog = backlog
        self._lanes = lanes
        self._poison_messages = poison_messages
        self._arrived = arrived
        self._unfit = unfit
        self._live: _Ready = deque()
        self._late: _Ready = deque()
        self._newest: dict[int, int] = {}  # node → sample number that went out live
        self.ready = asyncio.Event()
        self._room = asyncio.Event()  # something was taken out, or a page was fetched
        self._jumped = asyncio.Event()  # the live lane may have left something behind
        self._count = self._size = self._page_size = 1

    def begin(self, count: int, size: int, careful: bool) -> list[Coroutine[Any, Any, None]]:
        """The tasks that make messages of at most `count` readings and `size` bytes from now on."""
        self._count, self._size = count, size
        self._page_size = max(count, min(count * self._bounds.window, PAGE_MAX))
        return [self._feed_carefully()] if careful else [self._feed_live(), self._feed_late()]

    def end(self) -> None:
        """Ends the feed: messages are made anew, with other bounds or over another connection."""
        self._live.clear()
        self._late.clear()
        self._lanes.forget()

    def wake(self) -> None:
        """Whoever waits looks again."""
        self.ready.set()
        self._room.set()

    def add(self, words: Sequence[Message]) -> None:
        """These are told of nodes, and go when their turn comes."""
        self._late.extend((word, None) for word in words)
        self.ready.set()

    def empty(self) -> bool:
        return not self._live and not self._late

    def next(self) -> Item:
        """The next message, live ones first; there is one."""
        item = self._next()
        self._room.set()
        return item

    def deliver(self, page: Page) -> None:
        """The platform has another message of this page; with the last one it has all of it."""
        page.left -= 1
        if not page.left:
            self._deliver(page.first, page.end)

    def _next(self) -> Item:
        if self._live:
            message, page = self._live.popleft()
            self._newest.update((reading.node, reading.seq) for reading in message.readings)
            return message, page
        message, page = self._late.popleft()
        if page is not None and self._newest and (marked := self._overtaken(message.readings)) is not None:
            again: list[Item] = [(one, page) for one in self._messages(marked)]
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
            reading if reading.backlog or reading.seq > newest.get(reading.node, -1) else _marked(reading)
            for reading in readings
        ]
        return None if marked == list(readings) else marked

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
        self.ready.set()
        while len(ready) > self._bounds.window // 2:
            self._room.clear()
            await self._room.wait()

    async def _feed_carefully(self) -> None:
        """One reading per message and page, candidates last: what is under way at a loss is known then, and
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
                    self._late.append((message, Page(reading.arrival, reading.arrival + 1, 1)))
            self.ready.set()
            if not readings:
                await self._wait(None)
            while self._late:
                self._room.clear()
                await self._room.wait()

    async def _page(self, part: Part, limit: int) -> tuple[Page, list[Reading]]:
        readings = await self._backlog.page(part, limit)
        page = Page(part.first, readings[-1].arrival + 1 if len(readings) == limit else part.end)
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
        deadline = loop.time() + self._bounds.wait_ms / 1000
        while self._behind() < self._count and (left := deadline - loop.time()) > 0:
            await self._wait(left)

    def _behind(self) -> int:
        self._lanes.advance(self._backlog.watermarks.high, self._backlog.watermarks.low)
        return self._lanes.behind

    async def _wait(self, seconds: float | None) -> None:
        """Until something arrives, or the time is over."""
        self._arrived.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._arrived.wait()
        except TimeoutError:
            return

    def _deliver(self, first: int, end: int) -> None:
        self._lanes.deliver(first, end)
        self._backlog.deliver(first, end)


def _marked(reading: Reading) -> Reading:
    return msgspec.structs.replace(reading, backlog=True)
