"""Counters and states: the one place where every drop, refusal and outcome is counted."""

import asyncio
import json
import os
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

COMMIT_BOUNDS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

STARTING = "starting"  # the state of a part of which nothing was heard yet


def answers_of(radio: str) -> str:
    """The part whose state is that of a radio's answers: `up`, or `failing` where none gets into the air."""
    return f"{radio}.answers"


class Histogram:
    """Observations by upper bound; the last bucket takes what is above all bounds."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.buckets = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        self.buckets[bisect_left(self.bounds, value)] += 1
        self.sum += value


class Metrics:
    """Counters by dotted name, states by part (`mqtt`, a bridge, a platform), and gauges.

    Names come from fixed sets in the code and from the configuration, never from the air, so the
    number of them is bounded. Every stage declares its own when it is made: a monitoring system sees a change
    only from a value that it has seen, so a counter that came into being with its first event would hide it.
    """

    def __init__(self) -> None:
        self.counters: Counter[str] = Counter()
        self.declared: dict[str, None] = {}  # every counter that there can be, in the order of the stages
        self.states: dict[str, str] = {}
        self.why: dict[str, str] = {}  # in words for people, for parts that are not up
        self.notes: dict[str, str] = {}  # what a person should know though nothing is down
        self.gauges: dict[str, int] = {}
        self.heard: Counter[str] = Counter()  # receptions by source
        self.commit_s = Histogram(COMMIT_BOUNDS_S)
        self.since_mono_s: dict[str, float] = {}  # monotonic time at which each part took its state
        self.state_changed = asyncio.Event()

    def declare(self, *names: str, under: Iterable[str] | None = None) -> None:
        """Counters that exist from now on, though nothing was counted yet. under: prefixes, put
        before every name, each in turn."""
        prefixes = [""] if under is None else [f"{prefix}." for prefix in under]
        self.declared |= dict.fromkeys(prefix + name for prefix in prefixes for name in names)

    def hears(self, *sources: str) -> None:
        """Sources of frames, of which there was none yet."""
        for source in sources:
            self.heard[source] += 0

    def expect(self, *parts: str) -> None:
        """Parts of the configuration that have a state from now on, though nothing was heard of them yet."""
        for part in parts:
            self.states.setdefault(part, STARTING)

    def all_counters(self) -> dict[str, int]:
        """Every counter that is declared or has counted."""
        return {**dict.fromkeys(self.declared, 0), **self.counters}

    def count(self, name: str, number: int = 1) -> None:
        self.counters[name] += number

    def state(self, part: str, state: str, why: str = "") -> bool:
        """Notes the state of a part, and why it is so; True if the state differs from the one before."""
        self.why[part] = why
        if self.states.get(part) == state:
            return False
        self.states[part] = state
        self.since_mono_s[part] = time.monotonic()
        self.state_changed.set()
        return True

    def note(self, topic: str, text: str) -> bool:
        """Sets the note that health gives of a topic, "" for none any more; True if that is news."""
        if self.notes.get(topic, "") == text:
            return False
        if text:
            self.notes[topic] = text
        else:
            del self.notes[topic]
        return True

    def gauge(self, name: str, value: int) -> None:
        self.gauges[name] = value

    def line(self) -> str:
        """All counters in one line, for the log at the stop."""
        return " ".join(f"{name}={value}" for name, value in sorted(self.counters.items()))

    def snapshot(self) -> dict[str, object]:
        return {
            "time": int(time.time()),
            "pid": os.getpid(),
            "states": dict(sorted(self.states.items())),
            "gauges": dict(sorted(self.gauges.items())),
            "counters": dict(sorted(self.counters.items())),
        }

    def write(self, path: Path) -> None:
        """Replaces the status file in one step, so that a reader never sees half of it."""
        text = json.dumps(self.snapshot(), indent=1)
        temporary = path.with_suffix(".tmp")
        temporary.write_text(text + "\n", encoding="utf-8")
        temporary.replace(path)
