"""How much one node may bring in an hour, so that no single key fills the store or the queue before it.

A bucket per node: it holds an hour's worth and fills evenly. A frame costs one, and one more for every
sample in it. What does not fit is refused and counted; its node keeps the samples and sends them later.
"""

from lyhord_wire.refusal import Refused

QUOTA = "quota"
_HOUR_US = 3_600_000_000


class Quota:
    """per_hour: frames and samples of one node; 0: no bound. Nodes are those of the registry, so the memory
    is bounded."""

    def __init__(self, per_hour: int) -> None:
        self._per_hour = per_hour
        self._levels: dict[int, tuple[float, int]] = {}  # node → what is used, monotonic µs of then

    def take(self, node: int, samples: int, now_us: int) -> None:
        """Raises Refused("quota"). now_us: monotonic; times that run backwards free nothing."""
        if not self._per_hour:
            return
        used, then_us = self._levels.get(node, (0.0, now_us))
        passed_us = max(0, now_us - then_us)
        used = max(0.0, used - passed_us * self._per_hour / _HOUR_US) + 1 + samples
        if used > self._per_hour:
            raise Refused(QUOTA, f"more than {self._per_hour} frames and samples in an hour")
        self._levels[node] = used, max(now_us, then_us)
