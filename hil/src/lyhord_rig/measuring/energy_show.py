"""The energy report for people and machines: tables first, then every assumption, then what others claim."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from textwrap import wrap

from lyhord_tools.show import table

from . import energy_currents as given
from .energy import SETTINGS, TYPICAL, Budget, EnergyReport, Setting, boards_of, budget
from .energy_currents import FACTOR_RANGE, Computing, Parts
from .energy_measure import Measured, Steps
from .energy_meter import Air, Core

_WIDTH = 80


def lines(report: EnergyReport) -> Iterator[str]:
    """Within 80 columns."""
    yield from _life(report)
    yield from _steps(report)
    yield from _assumed(report)
    yield from _claims(report)


def as_dict(report: EnergyReport) -> dict[str, object]:
    """For machines: seconds, mC, mAh and days."""
    return {
        "battery": {"name": report.battery.name, "mah": report.battery.mah, "usable": report.battery.usable},
        "factor": report.computing.factor,
        "budgets": [_budget(row, report) for row in report.budgets],
        "steps": [_run(run) for run in report.runs],
    }


def _budget(row: Budget, report: EnergyReport) -> dict[str, object]:
    sold = row.as_sold_days(report.battery)
    return {
        "board": row.parts.board,
        "link": row.link,
        "sample_s": row.setting.sample_s,
        "report_s": row.setting.report_s,
        "awake_s": round(row.awake_s, 3),
        "report_mc": round(row.report_mc, 2),
        "day_mah": round(row.day_mah, 3),
        "days": round(row.life_days(report.battery)),
        "as_sold_days": None if sold is None else round(sold),
    }


def _run(run: Measured) -> dict[str, object]:
    kinds = {"sample": run.sample, "report": run.quiet, "answered": run.answered}
    return {
        "board": run.board,
        "link": run.link,
        "samples": run.samples,
        "wakes": {
            name: {
                "seen": steps.seen,
                "ms": [
                    {
                        "core": draw.core.value,
                        "radio": draw.air.value,
                        "sensors": draw.sensors,
                        "wifi": draw.wifi,
                        "ms": round(us / 1000, 3),
                    }
                    for draw, us in steps.us.items()
                ],
            }
            for name, steps in kinds.items()
            if steps is not None
        },
    }


def _life(report: EnergyReport) -> Iterator[str]:
    battery = report.battery
    yield f"life on one {battery.name}, {battery.mah:.0f} mAh, {battery.usable:.0%} usable (a model)"
    for parts in boards_of(report):
        rows = []
        for row in report.budgets:
            if row.parts == parts:
                sold = row.as_sold_days(battery)
                rows.append(
                    (
                        row.link,
                        _span(row.setting.sample_s),
                        _span(row.setting.report_s),
                        f"{row.awake_s:.1f}",
                        f"{row.report_mc:.0f}",
                        f"{row.day_mah:.2f}",
                        f"{row.life_days(battery):.0f}",
                        "?" if sold is None else f"{sold:.0f}",
                    )
                )
        yield ""
        yield f"{parts.title}: {parts.chip.name}, {parts.radio.name}"
        yield f"asleep {parts.deep_ua:.1f} uA; {_sold(parts)}"
        head = ("link", "sample", "report", "awake s", "mC/report", "mAh/day", "days", "as sold")
        yield from table(head, rows, frozenset(range(3, 8)))
    yield ""
    yield "awake s and mC: per report, with its samples and the sleep between; as sold:"
    yield "days with what the board draws asleep out of the bag (?: not published)."
    yield from _sensitivity(report)


def _sold(parts: Parts) -> str:
    sold = parts.as_sold
    return "as sold: not published" if sold is None else f"as sold {sold.deep_ua:.0f} uA ({sold.source})"


def _sensitivity(report: EnergyReport) -> Iterator[str]:
    parts = next(boards_of(report))
    run = next(run for run in report.runs if run.link == "SF10" and run.samples == TYPICAL.samples)
    days = [
        budget(parts, run, TYPICAL, report.computing.with_factor(factor)).life_days(report.battery)
        for factor in FACTOR_RANGE
    ]
    yield (
        f"If an ESP32 computes {FACTOR_RANGE[0]:.0f}…{FACTOR_RANGE[1]:.0f} times slower than a PC: "
        f"{days[0]:.0f}…{days[1]:.0f} days"
    )
    every, sent = _span(TYPICAL.sample_s), _span(TYPICAL.report_s)
    yield f"for the first board at SF10, a sample every {every}, a report every {sent}."


_STEPS: tuple[tuple[str, Callable[[Steps], float]], ...] = (
    ("sensors on", lambda steps: steps.ms(sensors=True)),
    ("awake, radio asleep", lambda steps: steps.ms(Core.AWAKE, Air.SLEEP, sensors=False)),
    ("awake, radio standby", lambda steps: steps.ms(Core.AWAKE, Air.STANDBY)),
    ("awake, sending", lambda steps: steps.ms(Core.AWAKE, Air.SEND)),
    ("light sleep, sending", lambda steps: steps.ms(Core.LIGHT, Air.SEND)),
    ("listening", lambda steps: steps.ms(air=Air.LISTEN)),
    (
        "light sleep, waiting",
        lambda steps: steps.ms(Core.LIGHT, Air.SLEEP) + steps.ms(Core.LIGHT, Air.STANDBY),
    ),
)


def _steps(report: EnergyReport) -> Iterator[str]:
    for board in dict.fromkeys(run.board for run in report.runs):
        runs = [
            run
            for run in report.runs
            if run.board == board and (run.samples == TYPICAL.samples or run.link == "WiFi")
        ]
        yield ""
        yield f"measured on a virtual {board}, {TYPICAL.samples} samples per report: ms of virtual"
        yield "time per wake (computing, and a part of the start, are not in it)"
        rows = [
            *_steps_of("a sample", [run.sample for run in runs]),
            *_steps_of("a report, no answer asked", [run.quiet for run in runs]),
            *_steps_of("a report, answered", [run.answered for run in runs]),
        ]
        yield from table(("", *(run.link for run in runs)), rows, frozenset(range(1, len(runs) + 1)))
        for run in runs:
            awake = sum(share for air, share in run.asleep.items() if air is not Air.SLEEP)
            if awake:
                yield f"{run.link}: the LoRa radio is awake for {awake:.0%} of deep sleep, and paid for"


def _steps_of(title: str, found: list[Steps | None]) -> Iterator[tuple[str, ...]]:
    yield (title, *("" for _ in found))
    for name, ms in _STEPS:
        cells = ["–" if steps is None else f"{ms(steps):.0f}" for steps in found]
        if any(cell not in ("0", "–") for cell in cells):
            yield (f"  {name}", *cells)


def _assumed(report: EnergyReport) -> Iterator[str]:
    computing, battery = report.computing, report.battery
    parts = list(boards_of(report))
    told: list[tuple[str, str, str]] = []
    for chip in dict.fromkeys(one.chip for one in parts):
        text = f"awake {chip.awake_ma:g} mA, WiFi on {chip.wifi_ma:g}, light sleep {chip.light_ma:g}, "
        told.append((chip.name, f"{text}deep {chip.deep_ua:g} uA", chip.source))
    for radio in dict.fromkeys(one.radio for one in parts):
        text = (
            f"send 14 dBm {radio.send_ma:g} mA, listen {radio.listen_ma:g}, standby {radio.standby_ma:g}, "
            f"sleep {radio.sleep_ua:g} uA"
        )
        told.append((radio.name, text, radio.source))
    told += [
        (
            "start",
            f"{computing.start_ms:.0f} ms to our first line",
            "published: glenn20/upy-esp32-experiments",
        ),
        ("computing", _computing(computing), "perf_bench scores of both machines; estimate"),
        (
            "sensors",
            f"{given.SENSORS_MA:.1f} mA while on",
            "HC-SR04 15 at 5 V, boost of 85 %; DS18B20 1.5",
        ),
        ("board", f"{given.LEAK_UA:g} uA for a linear regulator and the divider", "estimate"),
        ("reports", f"every {given.ACK_EVERY}th answered in RX1, over WiFi each", "the firmware's default"),
        ("flash", "45 ms per sector, 0.4 ms per page, in the steps", "W25Q32 data sheet"),
        ("battery", f"{battery.mah:.0f} mAh, {battery.lost_per_year:.0%} lost a year", battery.source),
        ("left out", "lost frames, RX2, alarms, the daily status, LED", "they cost more"),
        ("broker", "answers over WiFi at once", "nothing waits for a network that is not there"),
        ("unmeasured", "boards with the radio of a measured one have its steps", "WiFi: of one board"),
        ("cells age", "past ten years no cell is the cell that was bought", "read 3650 days at most"),
    ]
    yield ""
    yield "assumed"
    for name, text, source in told:
        yield from _wrapped(name, f"{text} [{source}]")


def _computing(computing: Computing) -> str:
    wake, sample, report = (
        computing.factor * ms for ms in (computing.wake_pc_ms, computing.sample_pc_ms, computing.report_pc_ms)
    )
    return (
        f"{computing.factor:.0f} × the PC's time: {wake:.0f} ms a wake, {sample:.0f} more a sample, "
        f"{report:.0f} more a report"
    )


def _wrapped(name: str, text: str) -> Iterator[str]:
    first, rest = (f"  {name:<11} ", " " * 14) if name else ("  ", "    ")
    return iter(wrap(text, _WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False))


def _claims(report: EnergyReport) -> Iterator[str]:
    yield ""
    yield "what makers claim (theirs, not measured by us)"
    for claim in given.CLAIMS:
        mean = "" if claim.mean_ua is None else f"; implies {claim.mean_ua:.0f} uA in the mean"
        yield from _wrapped("", f"{claim.name}: {claim.says}{mean}")
    parts = next(boards_of(report))
    for setting in SETTINGS:
        for row in report.budgets:
            if row.parts == parts and row.setting == setting and row.link in ("SF7", "SF12"):
                yield from _wrapped("", _ours(row, report))


def _ours(row: Budget, report: EnergyReport) -> str:
    years = row.life_days(report.battery) / 365
    every = f"{_span(row.setting.sample_s)}/{_span(row.setting.report_s)}"
    return (
        f"ours (model), {row.parts.board}, {row.link}, {every}: mean {row.day_mah / 24 * 1000:.0f} uA"
        f", {years:.1f} years"
    )


def _span(seconds: int) -> str:
    return f"{seconds // 3600} h" if seconds % 3600 == 0 else f"{seconds // 60} min"


__all__ = ["Setting", "as_dict", "lines"]
