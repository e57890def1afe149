"""The machine's clocks and a timer, as one thing that can be handed on: tests put another one in its place
and run in virtual time. What a clock's word is worth is another matter: `clock.py`."""

import asyncio
import time
from collections.abc import Callable


class Times:
    """The real ones."""

    def wall_s(self) -> int:
        """Unix seconds, as the machine has them."""
        return int(time.time())

    def now_us(self) -> int:
        """Microseconds of the monotonic clock."""
        return time.monotonic_ns() // 1000

    def mono_s(self) -> float:
        """Seconds of the same clock."""
        return time.monotonic()

    def later(self, delay_us: int, call: Callable[[], object]) -> None:
        """Calls on the event loop when so much time has passed."""
        asyncio.get_running_loop().call_later(delay_us / 1e6, call)


TIMES = Times()
