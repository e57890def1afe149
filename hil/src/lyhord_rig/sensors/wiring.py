"""Wiring of sensors to a board, by the names that a node's console takes for them: `set ranger a02yyuw`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ..board.ports import Ports
from ..world.clock import World
from .a02yyuw import A02yyuw
from .contact import PulseMeter, TiltSwitch
from .ds18b20 import Ds18b20, OneWireBus, rom_code
from .hcsr04 import HcSr04
from .jsnsr04t import JsnSr04t, Mode
from .mb7389 import Mb7389
from .motion import MotionDetector
from .scd41 import ADDRESS as SCD41_ADDRESS
from .scd41 import Scd41
from .serial_ranger import SerialRanger
from .sht31 import ADDRESS as SHT31_ADDRESS
from .sht31 import Sht31

BIN = {"ranger": "hcsr04", "thermometer": "ds18b20"}
BUILDING = {"thermometer": "sht31", "pulses": "contact", "occupancy": "pir"}

_JSN_NEAREST_MM = 200
_JSN_FARTHEST_MM = 6_000
_MODES = {
    "jsn_sr04t_auto": Mode.AUTOMATIC,
    "jsn_sr04t_asked": Mode.ON_REQUEST,
    "jsn_sr04t_v3": Mode.ON_REQUEST,
    "aj_sr04m": Mode.ON_REQUEST,
}

Ranger = HcSr04 | A02yyuw | Mb7389 | JsnSr04t


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The conditions to measure: mm (None: no target), 0.1 °C, 0.1 %RH, ppm."""

    distance_mm: Callable[[], int | None] = lambda: None
    temperature_dc: Callable[[], int] = lambda: 200
    humidity_dp: Callable[[], int] = lambda: 500
    co2_ppm: Callable[[], int] = lambda: 500


@dataclass(frozen=True, slots=True)
class Bench:
    """The bench of a sensor: the board's ports and pins, and the world around it.

    name seeds what is random about it. strays: share of an ultrasonic sensor's pings that go astray.
    switched: takes what hangs on the switched supply, told of each change.
    """

    world: World
    ports: Ports
    pins: ModuleType
    around: Surroundings
    name: str
    strays: float | None
    switched: Callable[[Callable[[bool], object]], None]


class Sensors:
    """The sensors of one board by their slots, each None where none is fitted.

    fitted: slot → choice as the console takes them; a slot that is not there has none. name, strays: see
    Bench.
    """

    def __init__(
        self,
        world: World,
        ports: Ports,
        pins: ModuleType,
        fitted: Mapping[str, str],
        surroundings: Surroundings,
        name: str,
        strays: float | None = None,
    ) -> None:
        self.fitted = dict(fitted)
        self._pins = pins
        self._powered: list[Callable[[bool], object]] = []
        bench = Bench(world, ports, pins, surroundings, name, strays, self._powered.append)
        self.parts = parts = {
            slot: WIRED[choice](bench, choice) for slot, choice in fitted.items() if choice in WIRED
        }
        self.ranger: Ranger | None = parts.get("ranger")
        self.thermometer: Ds18b20 | Sht31 | None = parts.get("thermometer")
        self.co2: Scd41 | None = parts.get("co2")
        self.meter: PulseMeter | None = parts.get("pulses")
        self.tilt: TiltSwitch | None = parts.get("tilt")
        self.motion: MotionDetector | None = parts.get("occupancy")
        ports.output(pins.SENSOR_POWER, self._power, floating=1 - pins.SENSOR_POWER_ON)
        self._power(1 - pins.SENSOR_POWER_ON)

    def _power(self, level: int) -> None:
        for power in self._powered:
            power(level == self._pins.SENSOR_POWER_ON)


def _pulse_ranger(bench: Bench, choice: str) -> HcSr04:
    pins, ports = bench.pins, bench.ports
    reach = {} if choice == "hcsr04" else {"nearest_mm": _JSN_NEAREST_MM, "farthest_mm": _JSN_FARTHEST_MM}
    around = bench.around
    sensor = HcSr04(bench.world, around.distance_mm, around.temperature_dc, f"hcsr04/{bench.name}", **reach)
    if bench.strays is not None:
        sensor.strays = bench.strays
    ports.output(pins.ULTRASONIC_TRIGGER, sensor.trigger)
    ports.input(pins.ULTRASONIC_ECHO, sensor.level)
    ports.pulse(pins.ULTRASONIC_ECHO, sensor.pulse)
    bench.switched(sensor.power)
    return sensor


def _a02yyuw(bench: Bench, choice: str) -> A02yyuw:
    sensor = A02yyuw(bench.world, bench.around.distance_mm, f"{choice}/{bench.name}", bench.strays or 0.0)
    bench.ports.output(bench.pins.ULTRASONIC_TRIGGER, sensor.select)
    _on_uart(bench, sensor)
    return sensor


def _mb7389(bench: Bench, choice: str) -> Mb7389:
    sensor = Mb7389(bench.world, bench.around.distance_mm, f"{choice}/{bench.name}", bench.strays or 0.0)
    bench.ports.output(bench.pins.ULTRASONIC_TRIGGER, sensor.trigger)
    _on_uart(bench, sensor)
    return sensor


def _jsn_sr04t(bench: Bench, choice: str) -> JsnSr04t:
    mode, header_in_sum = _MODES[choice], choice != "aj_sr04m"
    name, strays = f"{choice}/{bench.name}", bench.strays or 0.0
    sensor = JsnSr04t(bench.world, bench.around.distance_mm, mode, header_in_sum, name, strays)
    _on_uart(bench, sensor, bench.pins.ULTRASONIC_TRIGGER if mode is Mode.ON_REQUEST else None)
    return sensor


def _on_uart(bench: Bench, sensor: SerialRanger, tx: int | None = None) -> None:
    bench.ports.uart(bench.pins.ULTRASONIC_UART, sensor, rx=bench.pins.ULTRASONIC_ECHO, tx=tx)
    bench.switched(sensor.power)


def _ds18b20(bench: Bench, _choice: str) -> Ds18b20:
    serial = bench.world.rng(f"rom/{bench.name}").getrandbits(24)
    probe = Ds18b20(bench.world, rom_code(serial), bench.around.temperature_dc)
    bus = OneWireBus([probe])
    bench.ports.one_wire(bench.pins.ONE_WIRE, bus)
    bench.switched(bus.power)
    return probe


def _sht31(bench: Bench, _choice: str) -> Sht31:
    sensor = Sht31(bench.world, bench.around.temperature_dc, bench.around.humidity_dp)
    _on_i2c(bench, SHT31_ADDRESS, sensor)
    return sensor


def _scd41(bench: Bench, _choice: str) -> Scd41:
    around = bench.around
    sensor = Scd41(bench.world, around.co2_ppm, around.temperature_dc, around.humidity_dp)
    _on_i2c(bench, SCD41_ADDRESS, sensor)
    return sensor


def _on_i2c(bench: Bench, address: int, sensor: Sht31 | Scd41) -> None:
    pins = bench.pins
    bench.ports.i2c(pins.I2C_BUS, address, sensor, scl=pins.I2C_SCL, sda=pins.I2C_SDA)
    bench.switched(sensor.power)


# choice: what wires its emulator. A new emulated sensor is its file and its line.
WIRED: dict[str, Callable[[Bench, str], Any]] = {
    "hcsr04": _pulse_ranger,
    "jsn_sr04t": _pulse_ranger,
    "jsn_sr04t_auto": _jsn_sr04t,
    "jsn_sr04t_asked": _jsn_sr04t,
    "jsn_sr04t_v3": _jsn_sr04t,
    "aj_sr04m": _jsn_sr04t,
    "a02yyuw": _a02yyuw,
    "mb7389": _mb7389,
    "ds18b20": _ds18b20,
    "sht31": _sht31,
    "scd41": _scd41,
    "contact": lambda bench, _: PulseMeter(
        bench.world, bench.ports.line(bench.pins.PULSE_INPUT), name=f"meter/{bench.name}"
    ),
    "closing": lambda bench, _: TiltSwitch(
        bench.world, bench.ports.line(bench.pins.TILT_SWITCH), name=f"tilt/{bench.name}"
    ),
    "pir": lambda bench, _: MotionDetector(bench.world, bench.ports.line(bench.pins.MOTION)),
}
