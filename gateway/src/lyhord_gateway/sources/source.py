"""The shape of a source: its name, its section of the configuration, what should be up, how it runs.

A new source is one module that exports its `Kind`, and one line in `catalogue.py`; docs/extend.md has one
from beginning to end. It hands every frame to `SourceContext.hear` as an `Uplink`, whose `reply` brings
the answer back. Its health it tells `Metrics`: `state(part, "up")` or `"down"` for each of its parts.
What it drops it counts by reason, under its name; when it is made it tells which counters there will be,
and who hears (`declare`, `hears`)."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import aiomqtt
from msgspec import Struct

from lyhord_gateway.model.uplink import Uplink
from lyhord_gateway.node_broker.own_broker import OwnBroker
from lyhord_gateway.options.endpoint import Endpoint
from lyhord_gateway.sources.schedule import Scheduler
from lyhord_gateway.support.metrics import Metrics
from lyhord_gateway.timekeeping.times import TIMES, Times

Duty = Callable[[str, int], tuple[Scheduler, Callable[[bytes], None]]]


class Source(Protocol):
    """Something that hears nodes."""

    @property
    def name(self) -> str:
        """Of its task and its counters."""

    @property
    def parts(self) -> Sequence[str]:
        """Names of the parts that should be up, as `Metrics` has their states; health asks for each."""

    async def run(self) -> None:
        """Works until it is cancelled. It survives what the world does; an exception ends the gateway."""


@dataclass(frozen=True, slots=True)
class SourceContext:
    """The context of a source. hear: takes each uplink. room: is set while the store has room; who can make a
    peer wait waits for it. duty(name, power in dBm): transmit times of a radio as they were before a restart,
    and how they are kept. node_broker: makes clients of a broker that nodes use, and has our own one started.
    several: more than one radio may hear the same frame. times: the machine's clocks."""

    hear: Callable[[Uplink], None]
    room: asyncio.Event
    metrics: Metrics
    duty: Duty
    node_broker: Callable[[Endpoint | OwnBroker], Callable[..., aiomqtt.Client]]
    several: bool = False
    times: Times = TIMES


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of source, as the configuration and the wiring know it.

    section: of the configuration. options: what that may say; its docstring and its fields' descriptions
    become the template. repeated: the section may be there several times. make: the sources of all its
    sections. parts: the names that they will have in states and counters. wrong: the first thing that is not
    possible, with its place in the section, as `[0].key: expected …`, or "". narrow: those of its parts that
    hear one channel and one spreading factor only, as (name, frequency in Hz, spreading factor).

    read(configuration file, options): checks what needs the files that the options name, and gives what the
    other functions get as options; raises UserError. brokers: of others, to which it connects, by part.
    radio: several of its parts may hear the same frame. suggested: its section is not a comment in the
    template.
    """

    section: str
    options: type[Struct]
    repeated: bool
    make: Callable[[Sequence[Any], SourceContext], Sequence[Source]]
    parts: Callable[[Sequence[Any]], Sequence[str]]
    wrong: Callable[[Sequence[Any]], str] = lambda _: ""
    narrow: Callable[[Sequence[Any]], Sequence[tuple[str, int, int]]] = lambda _: ()
    read: Callable[[Path, Sequence[Any]], Sequence[Any]] = lambda _, options: options
    brokers: Callable[[Sequence[Any]], Mapping[str, Endpoint]] = lambda _: {}
    radio: bool = True
    suggested: bool = False

    @property
    def header(self) -> str:
        """Its section's first line in TOML."""
        return f"[[{self.section}]]" if self.repeated else f"[{self.section}]"


@dataclass(frozen=True, slots=True)
class Configured:
    """The sections of one kind in a configuration, checked and read."""

    kind: Kind
    options: tuple[Any, ...]

    @property
    def parts(self) -> Sequence[str]:
        return self.kind.parts(self.options)

    @property
    def brokers(self) -> Mapping[str, Endpoint]:
        return self.kind.brokers(self.options)

    def make(self, around: SourceContext) -> Sequence[Source]:
        return self.kind.make(self.options, around)
