"""Delays before the next attempt: capped exponential with full jitter.

A whole city's gateways that lost the same platform must not return in step.
"""

import random


class Backoff:
    """next_s() is uniform in 0…min(cap, base · 2ⁿ) seconds, n growing with every attempt."""

    def __init__(self, base_s: float = 0.25, cap_s: float = 10.0, rng: random.Random | None = None) -> None:
        self._base_s = base_s
        self._cap_s = cap_s
        self._rng = rng or random.Random()
        self._attempt = 0

    def next_s(self) -> float:
        ceiling = min(self._cap_s, self._base_s * 2.0 ** min(self._attempt, 16))
        self._attempt += 1
        return self._rng.uniform(0, ceiling)

    def reset(self) -> None:
        """After a connection that worked."""
        self._attempt = 0
