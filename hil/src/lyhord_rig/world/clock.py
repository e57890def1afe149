"""The world's clock: discrete events in virtual microseconds, in one asyncio thread.

Virtual time stands still while a board computes. When every board is blocked the earliest event is taken,
the paced wall clock is waited for, and the event is handled. What comes from outside (a pty, a socket) enters
as an event at now.
"""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

_CATCH_UP = 1.5  # how much faster than the pace the clock may run when it is behind
_STALL_S = 0.25  # wall time beyond this in one step does not count as time to catch up
_SLICE_S = 0.005  # asyncio's other tasks get a turn at least this often
_FIXED_START_UNIX = 1_780_000_000  # for runs that are not paced: the same world every time


class Actor(Protocol):
    """Something that computes outside the world and blocks on it (a board)."""

    name: str

    @property
    def computing(self) -> bool: ...

    async def settle(self) -> None:
        """Wait, with a wall-clock deadline, until it blocks; put its request into the world's queue."""

    async def close(self) -> None: ...


class Handle:
    """A scheduled event; `cancel()` may be called at any time, also afterwards."""

    __slots__ = ("args", "at_us", "fn", "label")

    def __init__(self, at_us: int, fn: Callable[..., object], args: tuple[Any, ...], label: str) -> None:
        self.at_us = at_us
        self.fn: Callable[..., object] | None = fn
        self.args = args
        self.label = label

    @property
    def pending(self) -> bool:
        return self.fn is not None

    def cancel(self) -> None:
        self.fn = None
        self.args = ()


class World:
    """A simulated stretch of time.

    seed: makes every random stream. pace: virtual seconds per wall second, None for as fast as possible.
    start_unix: true Unix time (s) at virtual 0; by default the wall clock's when paced, else a fixed one.
    grace_s: with no pace, how long (wall) a reply from a real network peer is waited for before time goes on.
    """

    def __init__(
        self,
        seed: int,
        pace: float | None = 1.0,
        start_unix: int | None = None,
        grace_s: float = 0.2,
    ) -> None:
        self.seed = seed
        self.pace = pace
        self.grace_s = grace_s
        if start_unix is None:
            start_unix = _FIXED_START_UNIX if pace is None else int(time.time())
        self.start_unix = start_unix
        self.now_us = 0
        self._queue: list[tuple[int, int, Handle]] = []  # time (us), order among equal ones, event
        self._order = 0
        self._posted_us = 0  # of the last post
        self._actors: dict[Actor, int] = {}  # with their places in the order in which they were added
        self._busy: list[Actor] = []
        self._kick = asyncio.Event()
        self._stopping = False
        self._running = False
        self._held = 0
        self._graces_mono_s: dict[object, float] = {}
        self._watchers: dict[asyncio.Event, Callable[[], bool]] = {}
        self.observers: list[Callable[[], None]] = []  # called after every event, before time goes on
        self.services: list[object] = []  # what boards may find by looking around: access points
        self.on_close: list[Callable[[], None]] = []  # called at the end, when all actors are closed
        self._trace = hashlib.blake2b(digest_size=16)
        self._start_mono_s = self._last_mono_s = 0.0
        self._paced_start = self._paced_last = 0.0

    # -- what everybody uses ---------------------------------------------------------------------

    def unix_us(self) -> int:
        """True Unix time in the world, microseconds."""
        return self.start_unix * 1_000_000 + self.now_us

    def rng(self, name: str) -> random.Random:
        """A random stream of its own for `name`; the same seed and name give the same stream."""
        return random.Random(hashlib.sha256(f"{self.seed}/{name}".encode()).digest())

    def call_at(self, us: int, fn: Callable[..., object], *args: Any, label: str | None = None) -> Handle:
        """Call fn at virtual time us (not before now). Events of one instant run in the order made."""
        self._order += 1
        if label is None:
            label = getattr(fn, "__qualname__", type(fn).__name__)
        handle = Handle(max(us, self.now_us), fn, args, label)
        heapq.heappush(self._queue, (handle.at_us, self._order, handle))
        if self._queue[0][2] is handle:
            self._kick.set()
        return handle

    def call_later(self, us: int, fn: Callable[..., object], *args: Any, label: str | None = None) -> Handle:
        return self.call_at(self.now_us + us, fn, *args, label=label)

    def post(self, fn: Callable[..., object], *args: Any, label: str | None = None) -> None:
        """From outside the world (an asyncio callback): fn becomes an event at now, in the posts' order.

        A world that is behind its pace has its next event before the pace's now, and the second of two posts
        may meet another next event than the first did.
        """
        now_us = self.now_us
        if self.pace is not None and self._running:
            next_us = self._next_us()
            now_us = int(self._paced_clock())
            if next_us is not None:
                now_us = min(now_us, next_us)
        self._posted_us = max(self._posted_us, now_us)
        self.call_at(self._posted_us, fn, *args, label=label)
        self._kick.set()

    def add(self, actor: Actor) -> None:
        self._actors[actor] = len(self._actors)

    def computes(self, actor: Actor) -> None:
        """It has begun to compute, so time stands still until it has settled."""
        if actor not in self._busy:
            self._busy.append(actor)

    def wake(self) -> None:
        """Something began to compute outside of any event: a waiting `run` looks again."""
        self._kick.set()

    def trace_hash(self) -> str:
        """Hash over the time and name of every event so far: equal for equal worlds."""
        return self._trace.hexdigest()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Time stands still inside, while `run` goes on in another task."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
            self._kick.set()

    def expect_reply(self, key: object) -> None:
        """A real peer owes an answer: an unpaced world gives it `grace_s` (wall) before time goes on."""
        self._graces_mono_s[key] = time.monotonic() + self.grace_s

    def reply_seen(self, key: object) -> None:
        self._graces_mono_s.pop(key, None)

    # -- running ---------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        return self._running

    def stop(self) -> None:
        """End `run` after the event in hand."""
        self._stopping = True
        self._kick.set()

    async def run_for(self, seconds: float) -> None:
        await self.run(self.now_us + int(seconds * 1_000_000))

    async def run_until(self, done: Callable[[], bool], timeout_s: float) -> bool:
        """Run until done() holds after an event, or timeout_s of virtual time went by; return done().

        Drives the world when nobody does; otherwise waits beside the task that runs it.
        """
        deadline = self.now_us + int(timeout_s * 1_000_000)
        if not self._running:
            await self.run(deadline, done)
            return done()
        over = asyncio.Event()
        alarm = self.call_at(deadline, over.set, label="deadline")
        self._watchers[over] = done
        try:
            if not done():
                await over.wait()
        finally:
            del self._watchers[over]
            alarm.cancel()
        return done()

    async def run(self, until: int | None = None, done: Callable[[], bool] | None = None) -> None:
        """Handle events up to virtual time `until` (us; None: until `stop()`) or until done() holds.

        An exception in a callback ends the run and is raised here.
        """
        if self._running:
            raise RuntimeError("this world is already running")
        self._running = True
        self._stopping = False
        self._start_pace()
        rested_mono_s = time.monotonic()
        try:
            while True:
                await self._settle()
                if self._stopping or (done is not None and done()):
                    return
                if self._watchers and self._notify():
                    await asyncio.sleep(0)  # who waited acts before time goes on
                    continue
                if time.monotonic() - rested_mono_s > _SLICE_S:
                    await asyncio.sleep(0)
                    rested_mono_s = time.monotonic()
                next_us = self._next_us()
                if until is not None and (next_us is None or next_us > until):
                    next_us = until
                if not await self._due(next_us):
                    continue
                assert next_us is not None
                if until is not None and next_us >= until and (self._next_us() or until + 1) > until:
                    self.now_us = max(self.now_us, until)
                    return
                self._handle()
        finally:
            self._running = False
            for over in self._watchers:
                over.set()

    def advance(self, us: int) -> None:
        """Let `us` microseconds go by at once, with their events: for a world without boards."""
        if self._running or self._actors:
            raise RuntimeError("somebody else moves this world's time")
        until = self.now_us + us
        while (next_us := self._next_us()) is not None and next_us <= until:
            self._handle()
        self.now_us = max(self.now_us, until)

    def _notify(self) -> bool:
        met = [over for over, done in self._watchers.items() if not over.is_set() and done()]
        for over in met:
            over.set()
        return bool(met)

    async def _settle(self) -> None:
        # In the order in which the boards were added, so that equal times are handled equally in every run.
        while self._busy:
            busy, self._busy = self._busy, []
            if len(busy) > 1:
                busy.sort(key=self._actors.__getitem__)
            for actor in busy:
                while actor.computing:
                    await actor.settle()

    def _next_us(self) -> int | None:
        while self._queue and self._queue[0][2].fn is None:
            heapq.heappop(self._queue)
        return self._queue[0][0] if self._queue else None

    def _handle(self) -> None:
        handle = heapq.heappop(self._queue)[2]
        fn, args = handle.fn, handle.args
        handle.cancel()
        if fn is None:
            return
        self.now_us = max(self.now_us, handle.at_us)
        self._trace.update(b"%d %s\n" % (handle.at_us, handle.label.encode()))
        fn(*args)
        for observe in self.observers:
            observe()

    async def _due(self, at_us: int | None) -> bool:
        """Wait until the event at at_us may be handled; False when something came in between."""
        if self._held or at_us is None:
            return await self._wait(None)
        if self.pace is None:
            if at_us <= self.now_us or not self._graces_mono_s:
                return True
            limit = max(self._graces_mono_s.values())
            delay = limit - time.monotonic()
            if delay <= 0:
                self._graces_mono_s.clear()
                return True
            return await self._wait(delay)
        delay = (at_us - self._paced_clock()) / 1e6 / (self.pace * _CATCH_UP)
        if delay <= 0.0003:
            return True
        return await self._wait(min(delay, 0.25))

    async def _wait(self, seconds: float | None) -> bool:
        if not self._kick.is_set():
            try:
                async with asyncio.timeout(seconds):
                    await self._kick.wait()
            except TimeoutError:
                return False
        self._kick.clear()
        return False

    # -- pace ------------------------------------------------------------------------------------

    def _start_pace(self) -> None:
        self._start_mono_s = self._last_mono_s = time.monotonic()
        self._paced_start = self._paced_last = float(self.now_us)

    def _paced_clock(self) -> float:
        """Virtual time (us) that the wall clock allows by now."""
        if self.pace is None:
            return float(self.now_us)
        now_mono_s = time.monotonic()
        step = min(now_mono_s - self._last_mono_s, _STALL_S) * self.pace * 1e6
        ideal = self._paced_start + (now_mono_s - self._start_mono_s) * self.pace * 1e6
        self._last_mono_s = now_mono_s
        self._paced_last = max(min(ideal, self._paced_last + step * _CATCH_UP), float(self.now_us))
        return self._paced_last

    # -- end -------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Power off and release everything that was added."""
        self.stop()
        for actor in self._actors:
            await actor.close()
        self._actors.clear()
        self._queue.clear()
        for fn in self.on_close:
            fn()
        self.on_close.clear()

    async def __aenter__(self) -> World:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()
