"""The shape of a source: its name, its section of the configuration, what should be up, how it runs.

A new source is one module that exports its `Kind`, and one line in `catalogue.py`; docs/extend.md has one
from beginning to end. It hands every frame to `SourceContext.hear` as an `Uplink`, whose `reply` brings
the answer back. Its health it tells `Metrics`: `state(part, "up")` or `"down"` for each of its parts.
What it drops it counts by reason, under its name; when it is made it tells which counters there will be,
and who hears (`declare`, `hears`)."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from msgspec import Struct

from lyhord_gateway.model.uplink import Uplink
from lyhord_gateway.sources.schedule import Scheduler
from lyhord_gateway.support.metrics import Metrics

Duty = Callable[[str, int], tuple[Scheduler, Callable[[bytes], None]]]


class Source(Protocol):
    """Something that hears nodes."""

    @property
    def name(self) -> str:
        """Of its task and its counters."""

    @property
    def parts(self) -> Sequence[str]:
        """What should be up, by the names under which `Metrics` has its states; health asks for each."""

    async def run(self) -> None:
        """Works until it is cancelled. It survives what the world does; an exception ends the gateway."""


@dataclass(frozen=True, slots=True)
class SourceContext:
    """What a source is given. hear: takes each uplink. room: is set while the store has room; who can make a
    peer wait waits for it. duty(name, power in dBm): transmit times of a radio as they were before a restart,
    and how they are kept. several: more than one radio may hear the same frame."""

    hear: Callable[[Uplink], None]
    room: asyncio.Event
    metrics: Metrics
    duty: Duty
    several: bool


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of source, as the configuration and the wiring know it.

    section: of the configuration. options: what that may say; its docstring and its fields' descriptions
    become the template. repeated: the section may be there several times. make: the sources of all its
    sections. parts: the names that they will have in states and counters. wrong: the first thing that is not
    possible, with its place in the section, as `[0].key: expected …`, or "". narrow: those of its parts that
    hear one channel and one spreading factor only, as (name, frequency in Hz, spreading factor).
    """

    section: str
    options: type[Struct]
    repeated: bool
    make: Callable[[Sequence[Any], SourceContext], Sequence[Source]]
    parts: Callable[[Sequence[Any]], Sequence[str]]
    wrong: Callable[[Sequence[Any]], str] = lambda _: ""
    narrow: Callable[[Sequence[Any]], Sequence[tuple[str, int, int]]] = lambda _: ()

    @property
    def header(self) -> str:
        """Its section's first line in TOML."""
        return f"[[{self.section}]]" if self.repeated else f"[{self.section}]"


@dataclass(frozen=True, slots=True)
class Configured:
    """The sections of one kind in a configuration."""

    kind: Kind
    options: tuple[Any, ...]

    @property
    def parts(self) -> Sequence[str]:
        return self.kind.parts(self.options)

    def make(self, around: SourceContext) -> Sequence[Source]:
        return self.kind.make(self.options, around)
