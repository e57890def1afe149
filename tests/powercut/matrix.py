"""The power cut at every change of the flash that a full cycle makes: file system, NVS, the whole firmware.

    a node with a past ─┬─▶ cut at change 1 ─▶ power again ─▶ (a second cut) ─▶ two whole cycles ─▶ judged
                        ├─▶ cut at change 2 ─▶ …
                        └─▶ … until a cycle has no such change any more

Every cut begins with the same flash, storage and gateway, in a world of its own. What must not be:

- a start that does not come up: no report answered after the power is back;
- a frame counter under two contents, a sample number with two (held by the gateway);
- a sample that the node called kept, and the gateway has not got;
- settings that are neither the old nor the new ones, or of which the status says otherwise.
"""

from __future__ import annotations

import random
import re
import shutil
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lyhord_rig import State, World
from lyhord_rig.radio.ether import Ether
from lyhord_tools.image.build import build_image
from lyhord_wire import codes, instructions
from tests.fakes.lora_gateway import LoraGateway
from tests.node.bin_node import KEY, BinNode

_SETTINGS = {
    "sample_period": 60,
    "report_period": 60,
    "ack_every": 1,
    "empty_distance": 1200,
    "full_distance": 200,
    "spreading_factor": 7,
}
_OLD = (0, 85, 14)  # version, full_alarm, tx_power as the past knows them
_NEW = (7, 60, 11)
_CYCLE_S = 300
_PAST_CYCLES = (3, 70)  # a segment of the log has 64 records: its end may come in the cycle that is cut
_LATER = 1_767_312_000  # a day after the past, Unix seconds
_SAMPLE = re.compile(r"sample (\d+) \{")


@dataclass(slots=True)
class Totals:
    """The totals; `faults` is empty if all is as it must be."""

    cuts: Counter[str] = field(default_factory=Counter)  # by kind of cycle
    boots: int = 0
    kept: int = 0
    faults: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        for kind, count in self.cuts.items():
            yield f"{kind}: power cut at {count} changes"
        yield f"{self.cuts.total()} cuts, {self.boots} starts, {self.kept} samples kept"
        yield from self.faults or ["nothing lost, no number twice, every start came up"]


@dataclass(frozen=True, slots=True)
class Past:
    """The contents of flash, storage and gateway before the cut. `samples`, `payloads`: the gateway's."""

    folder: Path
    samples: dict[int, object]
    payloads: dict[int, bytes]


class Street:
    """One node in a world, its gateway, and what the node has said that it kept."""

    def __init__(self, world: World, folder: Path, flash: Path) -> None:
        ether = Ether(world)
        self.world = world
        self.gateway = LoraGateway(world, ether, KEY)
        self.node = BinNode(world, flash, folder, ether)
        self.board = self.node.board
        self.kept: set[int] = set()

    def note_kept(self) -> None:
        """Reads what the node has printed since the last time."""
        for line in self.board.console.lines:
            if found := _SAMPLE.match(line):
                self.kept.add(int(found[1]))
        self.board.console.lines.clear()

    def settings(self) -> tuple[int, int, int]:
        """Version, full_alarm and tx_power as they lie in the storage; nothing of the node's own code."""
        raw = self.board.chip.nvs.get("lyhord", "settings")
        if not isinstance(raw, bytes):
            return -1, -1, -1
        version, count = struct.unpack_from(">IB", raw, 2)
        values = dict(struct.unpack_from(">Bi", raw, 7 + 5 * i) for i in range(count))
        return version, values[codes.FULL_ALARM], values[codes.TX_POWER]

    async def cycle(self) -> bool:
        """A whole cycle: a report answered, and asleep again. False when none comes or the power goes."""
        heard = self.gateway.answered
        self.board.power_on()
        await self.world.run_until(
            lambda: (
                self.board.state is State.OFF
                or (self.gateway.answered > heard and self.board.state is State.ASLEEP)
            ),
            _CYCLE_S,
        )
        self.note_kept()
        return self.board.state is State.ASLEEP and self.gateway.answered > heard


def power_on(street: Street) -> None:
    """A cycle that begins with the power: RTC memory and clock are gone."""
    street.board.power_off()


def deep_sleep(_street: Street) -> None:
    """A cycle that begins with the timer."""


def settings(street: Street) -> None:
    """A cycle in which a downlink brings settings."""
    version, full_alarm, tx_power = _NEW
    wanted = {codes.FULL_ALARM: full_alarm, codes.TX_POWER: tx_power}
    street.gateway.orders.append({instructions.SETTINGS: wanted, instructions.SETTINGS_VERSION: version})


def send_again(street: Street) -> None:
    """A cycle in which the gateway, some of its store lost, asks for samples again."""
    for number in sorted(street.gateway.samples)[-2:]:
        del street.gateway.samples[number]


KINDS: tuple[Callable[[Street], None], ...] = (power_on, deep_sleep, settings, send_again)


async def make_past(folder: Path, seed: int) -> Past:
    """A node that has worked for a while, switched off."""
    image = folder / "node.img"
    build_image("node", "devkit_rfm95", image)
    async with World(seed=seed, pace=None) as world:
        street = Street(world, folder / "past", image)
        await street.node.provision(_SETTINGS)
        for _ in range(random.Random(seed).randint(*_PAST_CYCLES)):
            assert await street.cycle(), street.node.printed()
        street.board.power_off()
        return Past(folder / "past", dict(street.gateway.samples), dict(street.gateway.payloads))


async def run(
    folder: Path,
    seed: int,
    every: int = 1,
    rounds: int = 1,
    tell: Callable[[str], object] = lambda line: None,
) -> Totals:
    """All cuts of each kind of cycle, or every n-th, beginning with a seeded one. Each round has another
    past; from the second on the power goes a second time, at a seeded change of the start after the cut."""
    totals = Totals()
    chance = random.Random(seed)
    for number in range(rounds):
        here = folder / str(number)
        here.mkdir()
        past = await make_past(here, seed + number)
        for kind in KINDS:
            change = chance.randint(1, every)
            again = chance.randint(1, 2 * change) if number else 0
            while await _cut(past, here, seed, kind, change, again, totals):
                tell(f"{kind.__name__}, changes {change} and {again}")
                change += every
                again = chance.randint(1, 2 * change) if number else 0
        shutil.rmtree(here)
    return totals


async def _cut(
    past: Past,
    folder: Path,
    seed: int,
    kind: Callable[[Street], None],
    change: int,
    again: int,
    totals: Totals,
) -> bool:
    """One cut and what must come after it; False when the cycle had no such change any more."""
    where = f"{kind.__name__}, changes {change} and {again}"
    here = folder / "cut"
    shutil.copytree(past.folder / "board", here / "board")
    async with World(seed=seed, pace=None, start_unix=_LATER) as world:
        street = Street(world, here, past.folder / "flash.bin")
        street.gateway.samples.update(past.samples)
        street.gateway.payloads.update(past.payloads)
        await street.cycle()
        kind(street)
        street.board.cut_after_writes(change)
        was_cut = not await street.cycle()
        street.board.cut_after_writes(None)
        if was_cut:
            totals.cuts[kind.__name__] += 1
            await _judge(street, where, again, totals)
        totals.boots += street.board.events.boots
        totals.kept += len(street.kept)
    shutil.rmtree(here)
    return was_cut


async def _judge(street: Street, where: str, again: int, totals: Totals) -> None:
    if again:
        street.board.cut_after_writes(again)
        if not await street.cycle():
            totals.cuts["second"] += 1
        street.board.cut_after_writes(None)
    faults = []
    if not await street.cycle() or not await street.cycle():
        faults.append(f"did not come up: {list(street.board.console.lines)}")
    if lost := sorted(street.kept - set(street.gateway.samples)):
        faults.append(f"kept and lost: {lost}")
    kept = street.settings()
    told = street.gateway.statuses[-1].get(codes.STATUS_SETTINGS_VERSION, -1)
    if kept not in (_OLD, _NEW) or told != kept[0]:
        faults.append(f"settings {kept}, told version {told}")
    if dropped := sum(status.get(codes.STATUS_DROPPED, 0) for status in street.gateway.statuses):
        faults.append(f"dropped: {dropped}")
    if street.board.crash_reports or street.board.events.watchdog_resets or street.node.radio.violations:
        faults.append(f"crashes: {street.board.crash_reports} {street.node.radio.violations}")
    totals.faults += [f"{where}: {fault}" for fault in faults]
