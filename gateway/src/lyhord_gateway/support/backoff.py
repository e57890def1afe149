"""Backoff: the one rule when to connect again, for every connection that the gateway keeps up.

Pauses grow, capped and with full jitter: a whole city's gateways that lost the same platform must not return
in step. They are short again only after a connection that was *good*: one that lasted, or that delivered
something and was not over at once. A peer that accepts and hangs up, and two gateways that take one name from
each other, are therefore met less and less often, however well each connection begins.
"""

import asyncio
import random
import time
from collections.abc import Callable

LASTED_S = 30.0  # so long without a loss is good …
DELIVERED_S = 5.0  # … and so long is, if something was delivered
_UNSTEADY = 3  # connections one after the other, none of them good


class Backoff:
    """next_s() is uniform in 0…min(cap, base · 2ⁿ) seconds, n growing with every attempt.

    The owner calls `opened` for each connection, `delivered` when its peer has taken or given something, and
    `next_s` when it is lost or did not come about. mono_s: a clock that only goes forward, in seconds."""

    def __init__(
        self,
        base_s: float = 0.25,
        cap_s: float = 30.0,
        rng: random.Random | None = None,
        mono_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._base_s = base_s
        self._cap_s = cap_s
        self._rng = rng or random.Random()
        self._mono_s = mono_s
        self._attempt = 0
        self._opened_mono_s: float | None = None
        self._delivered = False
        self._short = 0

    def opened(self) -> None:
        """A connection has come about."""
        self._opened_mono_s, self._delivered = self._mono_s(), False

    def delivered(self) -> None:
        """Something has gone over it, acknowledged."""
        self._delivered = True

    @property
    def good(self) -> bool:
        """There is a connection, and it counts as one that works."""
        if self._opened_mono_s is None:
            return False
        return self._mono_s() - self._opened_mono_s >= (DELIVERED_S if self._delivered else LASTED_S)

    @property
    def unsteady(self) -> bool:
        """The last connections came about and were lost before they were good: the next is not yet "up"."""
        return self._short >= _UNSTEADY

    async def settled(self) -> None:
        """Returns when the connection is good."""
        while not self.good:  # noqa: ASYNC110 — no event says that time has passed
            await asyncio.sleep(DELIVERED_S / 4)
        self._short = 0

    def next_s(self, hung_up: bool = True) -> float:
        """hung_up: it was the peer who ended the connection, or was lost; we may end one for a message that
        it refuses, and then its connections are none the worse."""
        if self.good:
            self.reset()
        elif self._opened_mono_s is not None and hung_up:
            self._short += 1
        self._opened_mono_s = None
        ceiling = min(self._cap_s, self._base_s * 2.0 ** min(self._attempt, 16))
        self._attempt += 1
        return self._rng.uniform(0, ceiling)

    def reset(self) -> None:
        """The cause of the losses is gone."""
        self._attempt = self._short = 0
