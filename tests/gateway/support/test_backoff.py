"""Reconnect delays: capped, spread over the whole range, small again after success."""

import random

from lyhord_gateway.support.backoff import Backoff


def test_delays_are_jittered_between_nothing_and_a_growing_cap() -> None:
    for attempt in range(12):
        ceiling = min(10.0, 0.25 * 2**attempt)
        delays = []
        for seed in range(200):
            backoff = Backoff(0.25, 10.0, random.Random(seed))
            for _ in range(attempt):
                backoff.next_s()
            delays.append(backoff.next_s())
        assert 0 <= min(delays) < 0.1 * ceiling
        assert 0.9 * ceiling < max(delays) <= ceiling


def test_success_starts_it_over() -> None:
    backoff = Backoff(0.25, 10.0, random.Random(1))
    for _ in range(10):
        backoff.next_s()
    backoff.reset()
    assert backoff.next_s() <= 0.25
