"""The size of the node: bytes of its image per module, and heap left in a full cycle over either link."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lyhord_tools.image.build import ImageReport, build_image
from lyhord_tools.show import sizes

from ..street.street import BOARD, Plan, Street

HEAP_KIB = 128
_REPORT = re.compile(r"report: done \d+ heap (\d+) (\d+)")
_CYCLE_S = 90.0


class NoCycle(Exception):
    """A node did not finish a full cycle in time; the message shows what its console said last."""


@dataclass(frozen=True, slots=True)
class Heap:
    """Free heap in bytes: the least during the report, with all that it takes in memory, and after it.
    `block`: the largest piece of it that is free in one, at its smallest."""

    link: str
    least: int
    after: int
    block: int


@dataclass(frozen=True, slots=True)
class SizeReport:
    """The image as built, and a measured cycle over each link."""

    image: ImageReport
    heaps: tuple[Heap, ...]

    def as_dict(self) -> dict[str, object]:
        """For machines: bytes throughout."""
        return {
            "files": {file.path: file.stored_bytes for file in self.image.files},
            "stored": self.image.stored_bytes,
            "heap": {
                heap.link: {"least": heap.least, "after": heap.after, "block": heap.block}
                for heap in self.heaps
            },
        }

    def lines(self) -> Iterator[str]:
        """For people, within 80 columns."""
        yield from sizes(self.image)
        yield ""
        yield f"free heap of {HEAP_KIB} KiB (objects here are twice an ESP32's size):"
        for heap in self.heaps:
            least, after = _share(heap.least), _share(heap.after)
            yield f"  {heap.link}: {least} in the report, {after} after the full cycle;"
            yield f"        {_share(heap.block)} in one piece"


def _share(free: int) -> str:
    return f"{free} bytes ({100 * free // (HEAP_KIB * 1024)} %)"


async def measure_size() -> SizeReport:
    """Builds the image and lets one node per link wake, measure, keep and report on a virtual street."""
    with tempfile.TemporaryDirectory(prefix="lyhord-") as scratch:
        image = build_image("node", BOARD, Path(scratch) / "node.img")
        heaps = {}
        async with Street(Plan(nodes=3), Path(scratch) / "street") as street:
            for node in street.nodes:
                link = "WiFi" if street.over_wifi(node) else "LoRa"
                lines = node.board.console.lines
                await street.world.run_until(partial(_is_measured, lines), _CYCLE_S)
                found = _measured(lines)
                if found is None:
                    raise NoCycle(f"{node.label.name}: {' | '.join(list(lines)[-3:])}")
                heaps[link] = Heap(link, int(found[1]), int(found[2]), min(node.board.chip.largest_blocks))
        return SizeReport(image, tuple(heaps.values()))


def _is_measured(lines: Iterable[str]) -> bool:
    return _measured(lines) is not None


def _measured(lines: Iterable[str]) -> re.Match[str] | None:
    return next((found for line in reversed(list(lines)) if (found := _REPORT.match(line))), None)
