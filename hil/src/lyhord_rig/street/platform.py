"""The platform's end of the wire: a subscriber that keeps what arrives, by identity.

It reads SenML (RFC 8428) with a parser of its own, not with the gateway's code, and judges as a
platform would that writes by device and time: see docs/decisions/truth-line.md.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import aiomqtt

SAMPLE_NUMBER = "seq"
_RETRY_S = 0.2
_KEEPALIVE_S = 30


@dataclass(frozen=True, slots=True)
class Row:
    """One sample as the platform got it. node: six hex digits; time: Unix seconds."""

    node: str
    seq: int
    time: float
    values: tuple[tuple[str, object], ...]


@dataclass(slots=True)
class Ledger:
    """Every identity (node, sample number) that arrived, and what does not add up."""

    rows: dict[tuple[str, int], Row] = field(default_factory=dict)
    redelivered: int = 0
    conflicts: list[str] = field(default_factory=list)
    malformed: int = 0
    _times: dict[tuple[str, float], int] = field(default_factory=dict)

    def enter(self, row: Row) -> bool:
        """Takes in one row; True if its identity is new."""
        known = self.rows.get((row.node, row.seq))
        if known is not None:
            if known == row:
                self.redelivered += 1
            else:
                self.conflicts.append(f"{row.node} #{row.seq} came as {known} and as {row}")
            return False
        other = self._times.setdefault((row.node, row.time), row.seq)
        if other != row.seq:
            self.conflicts.append(f"{row.node} #{other} and #{row.seq} have one time, {row.time}")
        self.rows[row.node, row.seq] = row
        return True

    def numbers(self, node: str) -> set[int]:
        """Sample numbers of one node that arrived."""
        return {seq for name, seq in self.rows if name == node}


def senml_rows(payload: bytes) -> Iterator[Row]:
    """The samples in a SenML pack. Each begins with its number, `seq`, and has one name prefix and time.

    Raises ValueError when it is not SenML or a value stands outside a sample.
    """
    base_name, base_time = "", 0.0
    samples: list[tuple[str, float, int, dict[str, object]]] = []
    for record in json.loads(payload):
        base_name = record.get("bn", base_name)
        base_time = record.get("bt", base_time)
        prefix, _, quantity = (base_name + record.get("n", "")).rpartition(":")
        time = base_time + record.get("t", 0)
        value = next((record[key] for key in ("v", "vb", "vs") if key in record), None)
        if quantity == SAMPLE_NUMBER:
            if not isinstance(value, int):
                raise ValueError(f"{prefix}: a sample number that is none")
            samples.append((prefix, time, value, {}))
        elif quantity:
            if not samples or samples[-1][:2] != (prefix, time):
                raise ValueError(f"{prefix}: a value outside a sample")
            samples[-1][3][quantity] = value
    for prefix, time, number, values in samples:
        yield Row(prefix.rpartition("-")[2], number, time, tuple(sorted(values.items())))


class PlatformEnd:
    """Subscribes with a session that outlives broken connections and writes every row into its ledger."""

    def __init__(
        self, port: int, topic: str = "lyhord/#", on_row: Callable[[Row], None] | None = None
    ) -> None:
        self.ledger = Ledger()
        self.connections = 0
        self._port = port
        self._topic = topic
        self._on_row = on_row
        self.subscribed = asyncio.Event()
        self.news = asyncio.Event()  # set with every message

    async def run(self) -> None:
        """Until cancelled; comes back by itself after the broker was away."""
        while True:
            try:
                async with aiomqtt.Client(
                    "127.0.0.1",
                    self._port,
                    identifier="platform-end",
                    clean_session=False,
                    keepalive=_KEEPALIVE_S,
                ) as client:
                    await client.subscribe(self._topic, qos=1)
                    self.connections += 1
                    self.subscribed.set()
                    async for message in client.messages:
                        self._take(message.payload)
            except aiomqtt.MqttError:
                await asyncio.sleep(_RETRY_S)

    def _take(self, payload: Any) -> None:
        try:
            rows = list(senml_rows(payload))
        except (ValueError, TypeError, AttributeError, KeyError):
            self.ledger.malformed += 1
            return
        for row in rows:
            if self.ledger.enter(row) and self._on_row is not None:
                self._on_row(row)
        self.news.set()
