"""The node's budgets (firmware/budget.toml) and what was measured against them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lyhord_tools.image.tree import find_tree

from .size import HEAP_KIB, SizeReport


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits in bytes, and in percent of the heap."""

    stored_bytes_max: int
    module_bytes_max: int
    free_after_cycle_percent_min: int
    free_block_bytes_min: int

    def exceeded(self, report: SizeReport) -> Iterator[str]:
        """One line per limit that the measured node passes."""
        stored = report.image.stored_bytes
        if stored > self.stored_bytes_max:
            yield f"image.stored_bytes_max: {stored} bytes, expected at most {self.stored_bytes_max}"
        modules = [file for file in report.image.files if file.path.endswith(".mpy")]  # loaded in one piece
        largest = max(modules, key=lambda file: file.stored_bytes)
        if largest.stored_bytes > self.module_bytes_max:
            yield (
                f"image.module_bytes_max: {largest.path} has {largest.stored_bytes} bytes, "
                f"expected at most {self.module_bytes_max}"
            )
        for heap in report.heaps:
            if 100 * heap.after < self.free_after_cycle_percent_min * HEAP_KIB * 1024:
                yield (
                    f"heap.free_after_cycle_percent_min: {heap.link} leaves {heap.after} bytes, "
                    f"expected {self.free_after_cycle_percent_min} % of {HEAP_KIB} KiB"
                )
            if heap.block < self.free_block_bytes_min:
                yield (
                    f"heap.free_block_bytes_min: {heap.link} leaves {heap.block} bytes in one piece, "
                    f"expected at least {self.free_block_bytes_min}"
                )


def read_budget(path: Path | None = None) -> Budget:
    """The budget in a file; by default that of the firmware's tree."""
    limits = tomllib.loads((path or find_tree().root / "budget.toml").read_text())
    return Budget(
        limits["image"]["stored_bytes_max"],
        limits["image"]["module_bytes_max"],
        limits["heap"]["free_after_cycle_percent_min"],
        limits["heap"]["free_block_bytes_min"],
    )
