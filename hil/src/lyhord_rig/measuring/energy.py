"""Charge per report and life on a battery, per board and setting: measured steps times published currents."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lyhord_tools.image.tree import find_tree

from ..board.wiring import board_pins
from .energy_currents import ACK_EVERY, Battery, Computing, Parts, parts_of
from .energy_measure import SPREADING_FACTORS, Measured, Steps, measure_lora, measure_wifi

_DAY_S = 86_400
_MS_PER_S = 1000.0
_C_PER_MAH = 3.6


@dataclass(frozen=True, slots=True)
class Setting:
    """Seconds between samples and between reports."""

    sample_s: int
    report_s: int

    @property
    def samples(self) -> int:
        return self.report_s // self.sample_s


SETTINGS = (Setting(900, 900), Setting(900, 3600), Setting(3600, 14_400))
TYPICAL = Setting(900, 3600)


@dataclass(frozen=True, slots=True)
class Budget:
    """One board, link and setting. Charges in mC per report with all that belongs to it, its samples too."""

    parts: Parts
    link: str
    setting: Setting
    awake_s: float
    awake_mc: float
    asleep_mc: float

    @property
    def report_mc(self) -> float:
        return self.awake_mc + self.asleep_mc

    @property
    def day_mah(self) -> float:
        return self.report_mc * _DAY_S / self.setting.report_s / 1000 / _C_PER_MAH

    def life_days(self, battery: Battery, day_mah: float | None = None) -> float:
        """Days until the usable part is gone, self-discharge included."""
        lost_mah = battery.mah * battery.lost_per_year / 365
        return battery.mah * battery.usable / ((self.day_mah if day_mah is None else day_mah) + lost_mah)

    def as_sold_days(self, battery: Battery) -> float | None:
        """The same on the board as it is sold; None where nobody published what it draws asleep."""
        sold = self.parts.as_sold
        if sold is None:
            return None
        more_mah = (sold.deep_ua - self.parts.deep_ua) / 1000 * 24
        return self.life_days(battery, self.day_mah + more_mah)


@dataclass(frozen=True, slots=True)
class EnergyReport:
    """Everything measured and modelled. runs: per radio and link; budgets: per board, link and setting."""

    battery: Battery
    computing: Computing
    runs: tuple[Measured, ...]
    budgets: tuple[Budget, ...]


def budget(parts: Parts, run: Measured, setting: Setting, computing: Computing) -> Budget:
    """The charge of one report with its samples, each in a wake of its own: reports start at random."""
    answered = 1.0 if run.quiet is None else 1.0 / ACK_EVERY
    kinds: list[tuple[float, Steps, bool]] = [
        (setting.samples, run.sample, True),
        (answered, run.answered, False),
    ]
    if run.quiet is not None:
        kinds.append((1.0 - answered, run.quiet, False))
    awake_s = awake_mc = 0.0
    for times, steps, sampled in kinds:
        extra_s = computing.wake_ms(sampled) / _MS_PER_S
        awake_s += times * (steps.ms() / _MS_PER_S + extra_s)
        awake_mc += times * (charge_mc(parts, steps) + extra_s * parts.chip.awake_ma)
    asleep_s = max(0.0, setting.report_s - awake_s)
    asleep_mc = asleep_s * parts.deep_sleep_ua(run.asleep) / 1000
    return Budget(parts, run.link, setting, awake_s, awake_mc, asleep_mc)


def charge_mc(parts: Parts, steps: Steps) -> float:
    """The measured part of one wake: mA × s."""
    return sum(parts.current_ma(draw) * us / 1e6 for draw, us in steps.us.items())


async def measure_energy(
    battery: Battery,
    computing: Computing,
    boards: Sequence[str] | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> EnergyReport:
    """Runs one virtual board per radio over each link and models every board with that radio."""
    names = list(boards or find_tree().boards())
    everything = {name: parts_of(board_pins(name)) for name in names}
    runs: list[Measured] = []
    budgets: list[Budget] = []
    measured: dict[str, dict[tuple[str, int], Measured]] = {}
    say("measuring over WiFi")
    over_wifi = await measure_wifi(names[0])
    for name, parts in everything.items():
        if parts.radio.name not in measured:
            found = measured[parts.radio.name] = {}
            for samples in sorted({setting.samples for setting in SETTINGS}):
                for sf in SPREADING_FACTORS:
                    say(f"measuring {name} at SF{sf}, {samples} samples per report")
                    run = found[f"SF{sf}", samples] = await measure_lora(name, sf, samples)
                    runs.append(run)
        for sf in SPREADING_FACTORS:
            for setting in SETTINGS:
                run = measured[parts.radio.name][f"SF{sf}", setting.samples]
                budgets.append(budget(parts, run, setting, computing))
        budgets += [budget(parts, over_wifi, setting, computing) for setting in SETTINGS]
    return EnergyReport(battery, computing, (*runs, over_wifi), tuple(budgets))


def boards_of(report: EnergyReport) -> Iterator[Parts]:
    """Every board once, in order."""
    seen: set[str] = set()
    for row in report.budgets:
        if row.parts.board not in seen:
            seen.add(row.parts.board)
            yield row.parts
