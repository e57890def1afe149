"""Bytes and time on air per sample: our frames beside what the field uses, for the same measured values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from lyhord_tools.show import table
from lyhord_wire.airtime import airtime_us

from .bench_formats import Format, TooLong, all_formats
from .bench_readings import Reading, readings

BATCHES = (1, 4, 8)
SPREADING_FACTORS = (7, 10, 12)
PERIOD_S = 900
_DAYS = 7
_FIRST = 70_000  # two years of samples, one every 15 minutes: small numbers would flatter us


@dataclass(frozen=True, slots=True)
class Cell:
    """Per sample, over all reports measured: bytes and milliseconds on the air, mean, least and most."""

    bytes_mean: float
    bytes_least: float
    bytes_most: float
    air_ms_mean: float
    air_ms_least: float
    air_ms_most: float
    frames_mean: float  # per report


@dataclass(frozen=True, slots=True)
class AirReport:
    """cells: (format's name, spreading factor, samples per report) → Cell, or None: no frame is long enough.

    `reports` of each kind went into every mean.
    """

    seed: int
    reports: int
    formats: tuple[Format, ...]
    cells: dict[tuple[str, int, int], Cell | None]

    def as_dict(self) -> dict[str, object]:
        """For machines: bytes and ms per sample."""
        return {
            "seed": self.seed,
            "reports": self.reports,
            "cells": [
                {"format": name, "sf": sf, "samples": samples, **_numbers(cell)}
                for (name, sf, samples), cell in self.cells.items()
            ],
        }

    def lines(self) -> Iterator[str]:
        """For people, within 80 columns."""
        yield f"bytes and ms on the air per sample: mean of {self.reports} reports of a virtual bin"
        every = PERIOD_S // 60
        yield f"({_DAYS} days, a sample every {every} min, seed {self.seed}); EU868, 125 kHz, 4/5, CRC"
        for sf in SPREADING_FACTORS:
            yield ""
            head = [f"SF{sf}, samples per report:"]
            for samples in BATCHES:
                head += [f"{samples}: B", "ms"]
            rows = [self._row(form, sf) for form in self.formats]
            yield from table(head, rows, frozenset(range(1, len(head))))
        yield ""
        yield from self._notes()

    def _row(self, form: Format, sf: int) -> list[str]:
        row = [form.name]
        for samples in BATCHES:
            cell = self.cells[form.name, sf, samples]
            row += ["–", "–"] if cell is None else [f"{cell.bytes_mean:.1f}", f"{cell.air_ms_mean:.1f}"]
        return row

    def _notes(self) -> Iterator[str]:
        rows = [
            (
                form.name,
                "yes" if form.carries.time else "no",
                "yes" if form.carries.number else "no",
                form.carries.note,
            )
            for form in self.formats
        ]
        yield from table(("each sample with its", "time", "number", ""), rows)
        yield from (
            "",
            "–: one sample does not fit into a frame. All are encrypted: ours from node to",
            "gateway, the others by LoRaWAN (13 bytes, then at most 51 at SF10 and SF12; no",
            "options, no confirmation). Ours counts all: header, number, time, tag. A bare",
            "list of distances, 2 bytes each, would be denser than any of these.",
        )
        yield from self._spread()

    def _spread(self) -> Iterator[str]:
        ours = self.formats[0].name
        for sf in SPREADING_FACTORS:
            cell = self.cells[ours, sf, 4]
            assert cell is not None
            yield (
                f"{ours}, SF{sf}, 4 samples, least…most: {cell.bytes_least:.1f}…{cell.bytes_most:.1f} bytes, "
                f"{cell.air_ms_least:.1f}…{cell.air_ms_most:.1f} ms"
            )


def measure_air(seed: int) -> AirReport:
    """Encodes a week of one bin in every format, as reports of 1, 4 and 8 samples that do not overlap."""
    taken = readings(seed, _DAYS * 86_400 // PERIOD_S, PERIOD_S, _FIRST)
    groups = [taken[at : at + max(BATCHES)] for at in range(0, len(taken), max(BATCHES))]
    formats = all_formats()
    cells = {
        (form.name, sf, samples): _cell(form, sf, [group[:samples] for group in groups])
        for form in formats
        for sf in SPREADING_FACTORS
        for samples in BATCHES
    }
    return AirReport(seed, len(groups), formats, cells)


def _cell(form: Format, sf: int, reports: Sequence[Sequence[Reading]]) -> Cell | None:
    sizes, airs, frames = [], [], []
    for report in reports:
        try:
            sent = form.sizes(report, sf)
        except TooLong:
            return None
        sizes.append(sum(sent) / len(report))
        airs.append(sum(airtime_us(size, sf) for size in sent) / 1000 / len(report))
        frames.append(len(sent))
    return Cell(fmean(sizes), min(sizes), max(sizes), fmean(airs), min(airs), max(airs), fmean(frames))


def _numbers(cell: Cell | None) -> dict[str, object]:
    if cell is None:
        return {"bytes": None, "air_ms": None, "frames": None}
    return {
        "bytes": [round(x, 3) for x in (cell.bytes_least, cell.bytes_mean, cell.bytes_most)],
        "air_ms": [round(x, 3) for x in (cell.air_ms_least, cell.air_ms_mean, cell.air_ms_most)],
        "frames": round(cell.frames_mean, 3),
    }
