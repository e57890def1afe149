"""The transmit times of radios, kept over a restart: a duty cycle is counted over an hour."""

from collections.abc import Callable
from functools import partial

from lyhord_gateway.sources.schedule import Scheduler
from lyhord_gateway.timekeeping.times import TIMES, Times


class Duty:
    """kept: what was kept under a key, None if nothing; keep: keeps it for the next start."""

    def __init__(
        self,
        kept: Callable[[str], bytes | None],
        keep: Callable[[str, bytes], None],
        times: Times = TIMES,
    ) -> None:
        self._now_us = times.now_us
        self._kept = kept
        self._keep = keep

    def __call__(self, radio: str, power_dbm: int) -> tuple[Scheduler, Callable[[bytes], None]]:
        """The transmit times of a radio as they were before a restart, and how to keep them for the next."""
        key = f"duty.{radio}"
        scheduler = Scheduler(power_dbm)
        if (kept := self._kept(key)) is not None:
            scheduler.unpack(kept, self._now_us())
        return scheduler, partial(self._keep, key)
