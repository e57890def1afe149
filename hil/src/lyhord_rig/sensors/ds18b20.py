"""DS18B20 thermometers, genuine ones and clones, on a 1-Wire bus, slot by slot.

Figures and tables cited are of Maxim's DS18B20 data sheet; the clones' families, their scratchpads and
conversion times are those of C. Petrich's survey (github.com/cpetrich/counterfeit_DS18B20). The bus is a
wired AND: a slot reads 1 only if nobody pulls it low. Not modelled: parasite power, the alarm search, timing
inside a slot, the noise and the offset of some families, undocumented function codes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from ..world.clock import World

FAMILY = 0x28
_FAILED_RAW = 0x07FF
_CONVERT, _WRITE = 0x44, 0x4E


@dataclass(frozen=True, slots=True)
class Make:
    """The peculiarities of one make. power_on: the scratchpad's eight bytes after power-on, without the CRC.

    conversion_us: with 12 bits; at lower resolution in proportion, or the same if it `ignores_bits`.
    counts: byte 6 follows the temperature. overwrites: Write Scratchpad changes byte 6 as well. fixed_config:
    always 12 bits. retains_us: for how long scratchpad and settings outlive the supply.
    """

    power_on: bytes
    conversion_us: int = 750_000  # table 2: the longest
    ignores_bits: bool = False
    counts: bool = False
    overwrites: bool = False
    fixed_config: bool = False
    retains_us: int = 0


class Family(Enum):
    """The survey's names. Times are the longest that it has seen; for E the data sheet's."""

    GENUINE = Make(bytes.fromhex("50054b467fff0c10"), counts=True)  # A1
    A2 = Make(bytes.fromhex("500500007fff0c10"), 505_000, counts=True)
    B1 = Make(bytes.fromhex("50054b467fff0c10"), 728_000, overwrites=True)  # GXCAS, UMW
    B2 = Make(bytes.fromhex("50054b467fff0c10"), 697_000, overwrites=True)  # 7Q-Tek
    C = Make(bytes.fromhex("500555007fff0c10"), 30_000, ignores_bits=True, fixed_config=True)
    D1 = Make(bytes.fromhex("900155057f7e8166"), 11_000, ignores_bits=True, retains_us=300_000_000)
    D2 = Make(bytes.fromhex("900155057f7e8166"), 523_000, ignores_bits=True)
    E = Make(bytes.fromhex("5005ffff7fffffff"))


class Fault(Enum):
    ABSENT = "absent"
    SHORTED = "shorted"  # holds the bus low
    CORRUPT = "corrupt"  # every scratchpad has a flipped bit on the wire
    POWER_ON = "power on"  # conversions never end: its power-on value for ever
    DEAF = "deaf"  # Convert commands do not reach it; everything else does
    SAGS = "sags"  # its supply fails in every conversion: it has been reset, and answers
    FAILED = "failed"  # conversions end in 0x07FF


def crc8(data: bytes) -> int:
    """The bus's CRC: polynomial x⁸+x⁵+x⁴+1, reflected (0x8C), from 0."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8C if crc & 1 else 0)
    return crc


def rom_code(serial: int) -> bytes:
    """Eight bytes: family, 48-bit serial number, CRC."""
    body = bytes((FAMILY,)) + serial.to_bytes(6, "little")
    return body + bytes((crc8(body),))


class _State(Enum):
    DESELECTED = "waits for a reset"
    ROM_COMMAND = "rom command"
    MATCH = "match rom"
    SEARCH = "search rom"
    FUNCTION = "function command"
    WRITE = "write scratchpad"
    SEND = "sends bits"
    CONVERT = "converts"


class Ds18b20:
    """One thermometer; rom: its 8 bytes (see `rom_code`). temperature_dc() in 0.1 °C, −55…125 °C.

    lose: function commands that are lost on the wire from now on: {0x44: 1} the next Convert.
    """

    def __init__(
        self,
        world: World,
        rom: bytes,
        temperature_dc: Callable[[], int],
        family: Family = Family.GENUINE,
    ) -> None:
        if len(rom) != 8 or crc8(rom) != 0:
            raise ValueError("rom: 8 bytes with their CRC")
        self.rom = bytes(rom)
        self.fault: Fault | None = None
        self.conversions = 0
        self.lose: dict[int, int] = {}
        self._world = world
        self._temperature_dc = temperature_dc
        self._make = family.value
        self._eeprom = self._make.power_on[2:5]
        self._powered = True
        self._off_us = 0
        self._power_up()

    def _power_up(self) -> None:
        pad = self._make.power_on
        self._settings = self._eeprom
        self._raw = int.from_bytes(pad[:2], "little")
        self._reserved = bytearray(pad[5:])
        self._lose_conversion()

    def _lose_conversion(self) -> None:
        self._done_us: int | None = None
        self._next_raw = 0
        self._enter(_State.DESELECTED)

    def power(self, on: bool) -> None:
        """Supply on or off; on is the power-on state, 85 °C."""
        if bool(on) == self._powered:
            return
        self._powered = bool(on)
        if not on:
            self._off_us = self._world.now_us
            self._lose_conversion()
        elif self._world.now_us - self._off_us >= self._make.retains_us:
            self._power_up()

    @property
    def scratchpad(self) -> bytes:
        """Nine bytes as they are now (figure 9)."""
        self._settle()
        body = self._raw.to_bytes(2, "little") + self._settings + bytes(self._reserved)
        return body + bytes((crc8(body),))

    # -- the wire --------------------------------------------------------------------------------

    def on_reset(self) -> bool:
        """A reset pulse; True if it answers with presence."""
        if not self._powered or self.fault is Fault.ABSENT:
            return False
        self._enter(_State.ROM_COMMAND)
        return True

    def slot(self, bit: int) -> int:
        """One slot: the master's bit (1 also for a read slot); returns the level that this device leaves."""
        if self.fault is Fault.SHORTED:
            return 0
        if not self._powered or self.fault is Fault.ABSENT or self._state is _State.DESELECTED:
            return 1
        if self._state is _State.SEND:
            return self._send()
        if self._state is _State.CONVERT:
            self._settle()
            return int(self._done_us is None)
        if self._state is _State.SEARCH:
            return self._search(bit)
        self._bits.append(bit)
        if len(self._bits) == self._wanted:
            self._take(sum(bit << at for at, bit in enumerate(self._bits)))
        return 1

    def _enter(self, state: _State, wanted: int = 8, out: bytes = b"") -> None:
        self._state = state
        self._wanted = wanted
        self._bits: list[int] = []
        self._out = [byte >> at & 1 for byte in out for at in range(8)]
        self._at = 0

    def _send(self) -> int:
        if self._at >= len(self._out):
            return 1
        self._at += 1
        return self._out[self._at - 1]

    def _search(self, bit: int) -> int:
        own = self.rom[self._at // 24] >> self._at // 3 % 8 & 1
        step = self._at % 3
        self._at += 1
        if step < 2:
            return own ^ step  # its bit, then the complement
        if bit != own:
            self._enter(_State.DESELECTED)
        elif self._at == 3 * 64:
            self._enter(_State.FUNCTION)
        return 1

    def _take(self, value: int) -> None:
        if self._state is _State.ROM_COMMAND:
            self._rom_command(value)
        elif self._state is _State.MATCH:
            self._enter(_State.FUNCTION if value == int.from_bytes(self.rom, "little") else _State.DESELECTED)
        elif self._state is _State.WRITE:
            high, low, config = value.to_bytes(3, "little")
            config = 0x7F if self._make.fixed_config else config & 0x60 | 0x1F
            self._settings = bytes((high, low, config))
            if self._make.overwrites:
                self._reserved[1] = config
            self._enter(_State.DESELECTED)
        else:
            self._function(value)

    def _rom_command(self, command: int) -> None:
        if command == 0x33:  # read ROM
            self._enter(_State.SEND, out=self.rom)
        elif command == 0x55:
            self._enter(_State.MATCH, wanted=64)
        elif command == 0xCC:  # skip ROM
            self._enter(_State.FUNCTION)
        elif command == 0xF0:
            self._enter(_State.SEARCH)
        else:
            self._enter(_State.DESELECTED)

    def _function(self, command: int) -> None:
        if self.lose.get(command, 0):
            self.lose[command] -= 1
            self._enter(_State.DESELECTED)
        elif command == _CONVERT and self.fault is Fault.DEAF:
            self._enter(_State.DESELECTED)
        elif command == _CONVERT:
            self._convert()
            self._enter(_State.CONVERT)
        elif command == 0xBE:  # read scratchpad
            out = bytearray(self.scratchpad)
            if self.fault is Fault.CORRUPT:
                out[self.conversions % 8] ^= 0x10
            self._enter(_State.SEND, out=bytes(out))
        elif command == _WRITE:
            self._enter(_State.WRITE, wanted=24)
        elif command == 0x48:  # copy scratchpad
            self._eeprom = self._settings
            self._enter(_State.DESELECTED)
        elif command == 0xB8:  # recall
            self._settings = self._eeprom
            self._enter(_State.DESELECTED)
        elif command == 0xB4:  # read power supply: not parasite
            self._enter(_State.SEND)
        else:
            self._enter(_State.DESELECTED)

    # -- conversion ------------------------------------------------------------------------------

    def _convert(self) -> None:
        self._settle()
        make = self._make
        unused = 0 if make.ignores_bits else 3 - (self._settings[2] >> 5 & 3)
        raw = (min(max(self._temperature_dc(), -550), 1250) * 16 + 5) // 10
        self._next_raw = (raw >> unused) << unused
        self._done_us = self._world.now_us + (make.conversion_us >> unused)

    def _settle(self) -> None:
        if self._done_us is None or self.fault is Fault.POWER_ON or self._world.now_us < self._done_us:
            return
        self._done_us = None
        if self.fault is Fault.SAGS:
            self._power_up()
            return
        self.conversions += 1
        raw = _FAILED_RAW if self.fault is Fault.FAILED else self._next_raw
        self._raw = raw & 0xFFFF
        if self._make.counts:
            self._reserved[1] = 0x10 - (raw & 0x0F)


class OneWireBus:
    """Devices on one wire, with the byte and bit functions of MicroPython's `_onewire`."""

    def __init__(self, devices: Sequence[Ds18b20]) -> None:
        self.devices = list(devices)

    def power(self, on: bool) -> None:
        for device in self.devices:
            device.power(on)

    def reset(self) -> bool:
        """True if the wire is low when presence is due: a device answers, or the wire is shorted."""
        present = [device.on_reset() for device in self.devices]
        return any(present) or any(device.fault is Fault.SHORTED for device in self.devices)

    def write_bit(self, value: int) -> None:
        for device in self.devices:
            device.slot(1 if value else 0)

    def read_bit(self) -> int:
        levels = [device.slot(1) for device in self.devices]
        return int(all(levels))

    def write_byte(self, value: int) -> None:
        for at in range(8):
            self.write_bit(value >> at & 1)

    def read_byte(self) -> int:
        return sum(self.read_bit() << at for at in range(8))
