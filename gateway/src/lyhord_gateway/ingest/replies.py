"""The reply to a stored frame: it waits for a radio that heard the frame better, and goes out through it."""

from collections.abc import Callable
from functools import partial
from heapq import heappop, heappush

from lyhord_gateway.ingest.streams import Exchange, Stream
from lyhord_gateway.model.uplink import AckRequest
from lyhord_gateway.model.work import Committed
from lyhord_gateway.timekeeping.times import Times
from lyhord_wire.frame import SealedUplink

_NEVER_US = 1 << 62


class Replies:
    """answer: seals and sends an answer (`answer.py`)."""

    def __init__(self, answer: Callable[[AckRequest, Committed], None], times: Times) -> None:
        self._answer = answer
        self._times = times
        self._waiting: list[
            tuple[int, int, Callable[[], None]]
        ] = []  # a heap: when it is due, which one it is
        self._number = 0
        self._wakes_us = _NEVER_US  # one timer for all of them: in a busy hour thousands wait

    def reply(self, sealed: SealedUplink, stream: Stream, exchange: Exchange, committed: Committed) -> None:
        """At once, or when `Uplink.dedup_us` have passed since the frame was heard."""
        best = exchange.best
        wait_us = best.heard_us + best.dedup_us - self._times.now_us() if best.dedup_us else 0
        if wait_us <= 0:
            self._send(sealed, stream, exchange, committed)
            return
        due_us = best.heard_us + best.dedup_us
        self._number += 1
        send: Callable[[], None] = partial(self._send, sealed, stream, exchange, committed)
        heappush(self._waiting, (due_us, self._number, send))
        self._wake_at(due_us, wait_us)

    @property
    def waiting(self) -> int:
        """Answers that wait for a better copy of their frames."""
        return len(self._waiting)

    def _wake_at(self, due_us: int, wait_us: int) -> None:
        if due_us < self._wakes_us:
            self._wakes_us = due_us
            self._times.later(wait_us, partial(self._wake, due_us))

    def _wake(self, due_us: int) -> None:
        if due_us == self._wakes_us:
            self._wakes_us = _NEVER_US
        now_us = max(self._times.now_us(), due_us)
        try:
            while self._waiting and self._waiting[0][0] <= now_us:
                heappop(self._waiting)[2]()
        finally:  # a bug of ours costs one answer
            if self._waiting:
                next_us = self._waiting[0][0]
                self._wake_at(next_us, max(0, next_us - now_us))

    def _send(self, sealed: SealedUplink, stream: Stream, exchange: Exchange, committed: Committed) -> None:
        reply = exchange.best.reply  # of the radio that has heard the frame best until now
        self._answer(
            AckRequest(sealed.node, sealed.generation, sealed.counter, stream.cipher, reply), committed
        )
