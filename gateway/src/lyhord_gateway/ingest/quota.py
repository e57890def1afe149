"""The readings that one node may bring in an hour, so that no key fills the store or the queue before it.

A bucket per node: it holds an hour's worth and fills evenly. A frame costs one, and one more for every
sample in it. What does not fit is refused and counted; its node keeps the samples and sends them later.
"""

from lyhord_wire.refusal import Refused

QUOTA = "quota"
_HOUR_US = 3_600_000_000
_ALLOWED_US = _HOUR_US + 1  # the last one of the hour, whatever the rounding


class Quota:
    """per_hour: frames and samples of one node; 0: no bound. Nodes are those of the registry, so the memory
    is bounded."""

    def __init__(self, per_hour: int) -> None:
        self._per_hour = per_hour
        self._cost_us = _HOUR_US / per_hour if per_hour else 0.0
        self._full_us: dict[int, float] = {}  # node → monotonic time at which all of its hour is free again

    def take(self, node: int, samples: int, now_us: int) -> None:
        """Raises Refused("quota"). now_us: monotonic; times that run backwards free nothing."""
        if not self._per_hour:
            return
        full_us = self._full_us.get(node, 0.0)
        if full_us < now_us:
            full_us = now_us
        full_us += self._cost_us * (1 + samples)
        if full_us - now_us > _ALLOWED_US:
            raise Refused(QUOTA, f"more than {self._per_hour} frames and samples in an hour")
        self._full_us[node] = full_us
