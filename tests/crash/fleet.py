"""Nodes as they behave towards a gateway: they keep a sample until *stored* has passed it, send the same
frame again when no answer comes, and sometimes send what is new before what is old."""

import asyncio
import random
from collections.abc import Sequence
from typing import Protocol

import aiomqtt

from lyhord_wire.frame import KIND_REPORT, seal_uplink
from lyhord_wire.instructions import AGAIN, STORED
from lyhord_wire.refusal import Refused
from lyhord_wire.report import Report, encode_report
from lyhord_wire.tables import STATUS_OLDEST
from tests.gateway.parts import Node

FIRST_S = 1_767_225_600
PERIOD_S = 900
ANSWER_S = 0.3  # how long a node waits before it sends the same frame again. It waits twice as long …
_ANSWER_MAX_S = 2.5  # … after each frame without any answer: a busy machine would only answer older ones
COUNT_MAX = 4  # samples in a frame
_SENDS = 3  # of one frame; then the same samples go in a new one


def values(node: int, seq: int) -> dict[int, int]:
    """The values of a node: they follow from its identity, so that the platform's copy can be judged."""
    return {1: (node + seq) % 101, 3: (node * 7 + seq) % 300}


class Carrier(Protocol):
    async def publish(self, topic: str, frame: bytes, qos: int) -> object: ...


class CrashNode(Node):
    """taken: samples it has taken; stored: those below are stored, says the gateway, and forgotten here.
    forgiving: a gateway whose store was damaged may know less than it once said."""

    def __init__(self, node: int, key: bytes, rng: random.Random) -> None:
        super().__init__(node, key)
        self._rng = rng
        self.taken = 0
        self.stored = 0
        self.sends = 0
        self.faults: list[str] = []
        self.forgiving = False
        self._asked_for_old = False
        self._something = asyncio.Event()
        self._answered = asyncio.Event()

    def take(self, count: int) -> None:
        self.taken += count
        self._something.set()

    async def live(self, client: Carrier) -> None:
        """Sends and sends again, until cancelled."""
        wait_s = ANSWER_S
        while True:
            while self.stored == self.taken:
                self._something.clear()
                await self._something.wait()
            frame = self._frame()
            self._answered.clear()
            for _ in range(_SENDS):
                await client.publish(self.up, frame, qos=1)
                self.sends += 1
                try:
                    async with asyncio.timeout(wait_s):
                        await self._answered.wait()
                        wait_s = ANSWER_S
                        break
                except TimeoutError:
                    continue
            else:
                wait_s = min(2 * wait_s, _ANSWER_MAX_S)

    def _frame(self) -> bytes:
        waiting = range(self.stored, self.taken)
        count = min(len(waiting), self._rng.randint(1, COUNT_MAX))
        first = waiting[0] if self._rng.random() < 0.7 else waiting[-count]
        rows = [values(self.id, seq) for seq in range(first, first + count)]
        columns: dict[int, list[int | None]] = {key: [row[key] for row in rows] for key in rows[0]}
        period = PERIOD_S if count > 1 else 0
        status = {STATUS_OLDEST: self.stored} if self._asked_for_old else None
        self._asked_for_old = False
        payload = encode_report(Report(first, FIRST_S + PERIOD_S * first, period, columns, status))
        self.counter += 1
        return seal_uplink(self.cipher, self.id, self.counter, KIND_REPORT, payload, ack_requested=True)

    def answer(self, raw: bytes) -> None:
        """Takes an answer off the air; one to an older frame does not open and is not for us any more."""
        try:
            instructions = self.open(raw)
        except Refused:
            return
        stored = instructions[STORED]
        assert isinstance(stored, int)
        again = instructions.get(AGAIN)
        self._asked_for_old = isinstance(again, tuple) and again[0] < self.stored
        if stored < self.stored and not self.forgiving:
            self.faults.append(f"{self.id:06x}: stored went back from {self.stored} to {stored}")
        if stored > self.taken:
            self.faults.append(f"{self.id:06x}: stored {stored} of {self.taken} samples")
        self.stored = max(self.stored, min(stored, self.taken))
        self._answered.set()


class Fleet:
    """All nodes over one connection to their broker."""

    def __init__(self, number: int, rng: random.Random) -> None:
        self.nodes = [
            CrashNode(0xC0001 + at, rng.randbytes(16), random.Random(rng.random())) for at in range(number)
        ]

    async def live(self, port: int, ready: asyncio.Event) -> None:
        """Runs until cancelled."""
        by_topic = {node.down: node for node in self.nodes}
        async with aiomqtt.Client("127.0.0.1", port, max_inflight_messages=100) as client:
            client.pending_calls_threshold = 1000
            await client.subscribe("lyhord/v1/+/down", qos=1)
            ready.set()
            async with asyncio.TaskGroup() as group:
                for node in self.nodes:
                    group.create_task(node.live(client))
                async for message in client.messages:
                    assert isinstance(message.payload, bytes)
                    by_topic[str(message.topic)].answer(message.payload)

    def forgive(self) -> None:
        for node in self.nodes:
            node.forgiving = True

    def burst(self, rng: random.Random) -> None:
        """Most nodes take samples at this moment."""
        for node in self.nodes:
            if rng.random() < 0.8:
                node.take(rng.randint(1, COUNT_MAX + 2))

    @property
    def waiting(self) -> int:
        """Samples that a node has and nobody else."""
        return sum(node.taken - node.stored for node in self.nodes)

    @property
    def taken(self) -> set[tuple[int, int]]:
        return {(node.id, seq) for node in self.nodes for seq in range(node.taken)}

    @property
    def acknowledged(self) -> set[tuple[int, int]]:
        return {(node.id, seq) for node in self.nodes for seq in range(node.stored)}

    @property
    def faults(self) -> Sequence[str]:
        found = [fault for node in self.nodes for fault in node.faults]
        for node in self.nodes:
            if len(set(node.downlinks)) != len(node.downlinks):
                found.append(f"{node.id:06x}: a downlink counter came twice")
        return found
