"""Wiring of sensors to a board, by the names that a node's console takes for them: `set ranger a02yyuw`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType

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


class Sensors:
    """The sensors of one board, each None where none is fitted; name seeds what is random about them.

    fitted: slot → choice as the console takes them; a slot that is not there has none. strays: share of
    an ultrasonic sensor's pings that go astray.
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
        self._world = world
        self._ports = ports
        self._pins = pins
        self._name = name
        self._strays = strays
        self._powered: list[Callable[[bool], object]] = []
        self.ranger = self._ranger(fitted.get("ranger", "none"), surroundings)
        self.thermometer = self._thermometer(fitted.get("thermometer", "none"), surroundings)
        self.meter: PulseMeter | None = None
        self.tilt: TiltSwitch | None = None
        self.motion: MotionDetector | None = None
        self.co2: Scd41 | None = None
        if fitted.get("co2") == "scd41":
            around = surroundings
            self.co2 = Scd41(world, around.co2_ppm, around.temperature_dc, around.humidity_dp)
            ports.i2c(pins.I2C_BUS, SCD41_ADDRESS, self.co2, scl=pins.I2C_SCL, sda=pins.I2C_SDA)
            self._powered.append(self.co2.power)
        if fitted.get("pulses") == "contact":
            self.meter = PulseMeter(world, ports.line(pins.PULSE_INPUT), name=f"meter/{name}")
        if fitted.get("tilt") == "closing":
            self.tilt = TiltSwitch(world, ports.line(pins.TILT_SWITCH), name=f"tilt/{name}")
        if fitted.get("occupancy") == "pir":
            self.motion = MotionDetector(world, ports.line(pins.MOTION))
        ports.output(pins.SENSOR_POWER, self._power, floating=1 - pins.SENSOR_POWER_ON)
        self._power(1 - pins.SENSOR_POWER_ON)

    def _power(self, level: int) -> None:
        for power in self._powered:
            power(level == self._pins.SENSOR_POWER_ON)

    def _ranger(self, choice: str, surroundings: Surroundings) -> Ranger | None:
        if choice == "none":
            return None
        if choice in ("hcsr04", "jsn_sr04t"):
            return self._pulse_ranger(choice, surroundings)
        pins, name = self._pins, f"{choice}/{self._name}"
        strays = self._strays or 0.0
        sensor: A02yyuw | Mb7389 | JsnSr04t
        tx = None
        if choice == "a02yyuw":
            sensor = A02yyuw(self._world, surroundings.distance_mm, name, strays)
            self._ports.output(pins.ULTRASONIC_TRIGGER, sensor.select)
        elif choice == "mb7389":
            sensor = Mb7389(self._world, surroundings.distance_mm, name, strays)
            self._ports.output(pins.ULTRASONIC_TRIGGER, sensor.trigger)
        else:
            mode, header_in_sum = _MODES[choice], choice != "aj_sr04m"
            sensor = JsnSr04t(self._world, surroundings.distance_mm, mode, header_in_sum, name, strays)
            tx = pins.ULTRASONIC_TRIGGER if mode is Mode.ON_REQUEST else None
        self._ports.uart(pins.ULTRASONIC_UART, sensor, rx=pins.ULTRASONIC_ECHO, tx=tx)
        self._powered.append(sensor.power)
        return sensor

    def _pulse_ranger(self, choice: str, surroundings: Surroundings) -> HcSr04:
        pins, ports = self._pins, self._ports
        name = f"hcsr04/{self._name}"
        reach = {} if choice == "hcsr04" else {"nearest_mm": _JSN_NEAREST_MM, "farthest_mm": _JSN_FARTHEST_MM}
        sensor = HcSr04(self._world, surroundings.distance_mm, surroundings.temperature_dc, name, **reach)
        if self._strays is not None:
            sensor.strays = self._strays
        ports.output(pins.ULTRASONIC_TRIGGER, sensor.trigger)
        ports.input(pins.ULTRASONIC_ECHO, sensor.level)
        ports.pulse(pins.ULTRASONIC_ECHO, sensor.pulse)
        self._powered.append(sensor.power)
        return sensor

    def _thermometer(self, choice: str, surroundings: Surroundings) -> Ds18b20 | Sht31 | None:
        pins, ports = self._pins, self._ports
        if choice == "ds18b20":
            serial = self._world.rng(f"rom/{self._name}").getrandbits(24)
            probe = Ds18b20(self._world, rom_code(serial), surroundings.temperature_dc)
            bus = OneWireBus([probe])
            ports.one_wire(pins.ONE_WIRE, bus)
            self._powered.append(bus.power)
            return probe
        if choice == "sht31":
            sensor = Sht31(self._world, surroundings.temperature_dc, surroundings.humidity_dp)
            ports.i2c(pins.I2C_BUS, SHT31_ADDRESS, sensor, scl=pins.I2C_SCL, sda=pins.I2C_SDA)
            self._powered.append(sensor.power)
            return sensor
        return None
