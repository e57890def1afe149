"""Currents of parts, computing times of an ESP32, capacities of batteries: all that the rig does not measure.

Currents in mA unless the name says uA, at the part's supply; each with its source. "estimate" marks what no
data sheet at hand says: measure it on a real board and replace it here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import ModuleType

from .energy_meter import Air, Core, Draw


@dataclass(frozen=True, slots=True)
class Chip:
    """A microcontroller at MicroPython's 160 MHz. wifi_ma: all of it while its WiFi is on, mean of a join
    and a publish."""

    name: str
    awake_ma: float
    light_ma: float
    deep_ua: float
    wifi_ma: float
    source: str


@dataclass(frozen=True, slots=True)
class Radio:
    """A LoRa transceiver sending 14 dBm at 868 MHz."""

    name: str
    sleep_ua: float
    standby_ma: float
    listen_ma: float
    send_ma: float
    source: str


@dataclass(frozen=True, slots=True)
class AsSold:
    """Deep-sleep current of a whole board as it comes out of the bag, published by whoever measured it."""

    deep_ua: float
    source: str


@dataclass(frozen=True, slots=True)
class Computing:
    """Time that the virtual board does not show, because virtual time stands still while it computes.

    pc_ms: least of eight runs of the same .mpy files in MicroPython on an x86 machine like that which scored
    50 340 (pidigits) and 309 382 (pystone) in perf_bench. An ESP32 at 240 MHz scores 592 and 1166…1732
    (micropython pull request 7850, issue 6565): 85…180 times less, at 160 MHz 130…270. `factor` is the one
    place for that.
    """

    start_ms: float = 420.0  # reset to our first line: 70 + 350 (glenn20/upy-esp32-experiments)
    factor: float = 200.0
    wake_pc_ms: float = 1.0  # imports of every wake
    sample_pc_ms: float = 0.6  # imports and arithmetic of a sample
    report_pc_ms: float = 2.2  # imports of a link, encoding, sealing

    def wake_ms(self, sampled: bool) -> float:
        """Milliseconds awake of one wake over and above those measured."""
        does = self.sample_pc_ms if sampled else self.report_pc_ms
        return self.start_ms - VIRTUAL_START_MS + self.factor * (self.wake_pc_ms + does)

    def with_factor(self, factor: float) -> Computing:
        return replace(self, factor=factor)


VIRTUAL_START_MS = 250.0  # of the start that the virtual board shows (held to its onboard modules by a test)
FACTOR_RANGE = (130.0, 270.0)

CHIPS = {
    "esp32": Chip(
        "ESP32", 44.0, 0.8, 10.0, 120.0,
        "data sheets: 27…44 mA at 160 MHz, radio off; WiFi 120 mA: 204 mC in 1.6 s, published measurement",
    ),
    "esp32s3": Chip(
        "ESP32-S3", 44.0, 0.8, 7.0, 120.0,
        "deep sleep: data sheet, from memory; all else as ESP32 (estimate)",
    ),
}  # fmt: skip

RADIOS = {
    "sx127x": Radio(
        "SX1276", 0.2, 1.8, 11.5, 44.0,
        "data sheet; 14 dBm at PA_BOOST 44 mA: LoRaSim's table; listening 10.8…12 mA",
    ),
    "sx126x": Radio(
        "SX1262", 0.6, 1.6, 5.3, 45.0,
        "SWL2001 with DC-DC, boosted RX; 14 dBm by PaConfig 2 2 0 1: 45 mA (estimate)",
    ),
}  # fmt: skip

AS_SOLD = {
    "devkit_rfm95": AsSold(2800.0, "DevKitC V4, MicroPython forum 2021"),
    "heltec_lora32_v3": AsSold(130.0, "110…150 uA, second-hand"),
    "lilygo_t3s3": AsSold(1350.0, "T3-S3 v1.2, LilyGo-LoRa-Series issue 282"),
}

LEAK_UA = 2.0  # regulator and battery divider of a board made for it (estimate)
RANGER_MA = 15.0  # HC-SR04 at 5 V, data sheet
THERMOMETER_MA = 1.5  # DS18B20 converting, data sheet; counted as long as the sensors are on
BOOST = 5.0 / 3.7 / 0.85  # 5 V made from the cell at 85 % (estimate)
SENSORS_MA = RANGER_MA * BOOST + THERMOMETER_MA
ACK_EVERY = 4  # the firmware's default


@dataclass(frozen=True, slots=True)
class Battery:
    """A named cell. usable: share that is left for us in the cold and down to the regulator's end."""

    name: str
    mah: float
    usable: float
    lost_per_year: float  # self-discharge, share of mah
    source: str


BATTERIES = {
    "er26500": Battery(
        "ER26500, Li-SOCl2, size C", 8500.0, 0.8, 0.01,
        "as in Dragino's LDDS75; pulses want a capacitor beside it; 80 %, 1 % a year: estimates",
    ),
    "18650": Battery(
        "18650, Li-ion", 3000.0, 0.8, 0.24, "80 % usable, 2 % lost a month: estimates",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Claim:
    """A maker's claim for a commercial sensor; mah and years only where both are said as numbers."""

    name: str
    says: str
    mah: float | None = None
    years: float | None = None

    @property
    def mean_ua(self) -> float | None:
        """The mean current that the claim implies, if the whole battery is used."""
        if self.mah is None or self.years is None:
            return None
        return 1000 * self.mah / (self.years * 365 * 24)


CLAIMS = (
    Claim("Dragino DDS45-LB", "LoRaWAN, ultrasonic; 8500 mAh Li-SOCl2; up to 5 years", 8500, 5),
    Claim("Dragino LDDS75", "LoRaWAN, ultrasonic; 8500 mAh; up to 10 years", 8500, 10),
    Claim("Daviteq WSSFC-ULA", "Sigfox, litter bins; 2 × AA; up to 10 years"),
    Claim("Decentlab DL-MBX", "LoRaWAN, MaxBotix; 2 × C alkaline; several years"),
    Claim("KELLER ADT1", "LoRaWAN, every 10 min: SF12 over 1.7, SF7 over 5 years"),
    Claim("KELLER ADT1", "LoRaWAN, every 60 min: SF12 over 7, SF7 over 14 years"),
)


class UnknownPart(Exception):
    """A board file names a chip or radio whose currents are not in the tables."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A board's chip and radio."""

    board: str
    title: str
    chip: Chip
    radio: Radio

    @property
    def deep_ua(self) -> float:
        """All asleep, on a board that wastes nothing."""
        return self.deep_sleep_ua({Air.SLEEP: 1.0})

    def deep_sleep_ua(self, asleep: Mapping[Air, float]) -> float:
        """The same with the radio as it was left; asleep: shares of the time."""
        radio_ua = sum(share * 1000 * self._radio_ma(air) for air, share in asleep.items())
        return self.chip.deep_ua + radio_ua + LEAK_UA

    @property
    def as_sold(self) -> AsSold | None:
        return AS_SOLD.get(self.board)

    def current_ma(self, draw: Draw) -> float:
        """Everything together in one state."""
        if draw.wifi:
            core_ma = self.chip.wifi_ma
        else:
            core_ma = self.chip.awake_ma if draw.core is Core.AWAKE else self.chip.light_ma
        return core_ma + self._radio_ma(draw.air) + (SENSORS_MA if draw.sensors else 0.0)

    def _radio_ma(self, air: Air) -> float:
        return {
            Air.SLEEP: self.radio.sleep_ua / 1000,
            Air.STANDBY: self.radio.standby_ma,
            Air.LISTEN: self.radio.listen_ma,
            Air.SEND: self.radio.send_ma,
        }[air]


def parts_of(pins: ModuleType) -> Parts:
    """The parts of a board file; raises UnknownPart."""
    if pins.CHIP not in CHIPS or pins.RADIO not in RADIOS:
        raise UnknownPart(f"{pins.NAME}: no currents for {pins.CHIP} with {pins.RADIO} in energy_currents.py")
    title = (pins.__doc__ or pins.NAME).partition(" (")[0]
    return Parts(pins.NAME, title, CHIPS[pins.CHIP], RADIOS[pins.RADIO])
