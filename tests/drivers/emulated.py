"""The rig's emulated parts as a driver on CPython meets them: MicroPython's time and buses over a World.

For what needs thousands of cases. The same drivers on the same parts run in MicroPython on virtual boards
in the `…_on_a_board` tests.
"""

from errno import ENODEV, ETIMEDOUT

from lyhord_rig import World
from tests.fakes.names_of_micropython import install

install()

from drivers import sensor  # noqa: E402 — it needs the names

PERIOD = 1 << 30
_NAMES = ("ticks_us", "ticks_ms", "ticks_diff", "ticks_add", "sleep_ms", "sleep_us")


class WorldTime:
    """MicroPython's `time` over a world that only it moves; ticks begin at start_us and wrap at 30 bits."""

    def __init__(self, world, start_us=0, read_us=10):
        self.world = world
        self._start_us = start_us
        self._read_us = read_us

    def install(self, *modules):
        """Replaces `time`, or the functions of it that a module has imported by name; in `drivers.sensor`, by
        which every sensor is read, as well."""
        for module in (*modules, sensor):
            if hasattr(module, "time"):
                module.time = self
            for name in _NAMES:
                if hasattr(module, name):
                    setattr(module, name, getattr(self, name))
        return self

    def ticks_us(self):
        self.world.advance(self._read_us)
        return self._start_us + self.world.now_us & PERIOD - 1

    def ticks_ms(self):
        self.world.advance(self._read_us)
        return (self._start_us + self.world.now_us) // 1000 & PERIOD - 1

    @staticmethod
    def ticks_diff(end, start):
        return ((end - start + PERIOD // 2) & PERIOD - 1) - PERIOD // 2

    @staticmethod
    def ticks_add(ticks, delta):
        return ticks + delta & PERIOD - 1

    def sleep_ms(self, ms):
        self.world.advance(ms * 1000)

    def sleep_us(self, us):
        self.world.advance(us)


class OneWire:
    """MicroPython's `onewire.OneWire` on an emulated bus. flips: bits of read bytes that change, in turn."""

    def __init__(self, world, bus):
        self._world = world
        self._bus = bus
        self.flips = []

    def reset(self):
        self._world.advance(960)
        return self._bus.reset()

    def readbit(self):
        self._world.advance(70)
        return self._bus.read_bit()

    def writebyte(self, value):
        self._world.advance(560)
        self._bus.write_byte(value)

    def readinto(self, buffer):
        for at in range(len(buffer)):
            self._world.advance(560)
            buffer[at] = self._bus.read_byte() ^ (self.flips.pop(0) if self.flips else 0)

    def select_rom(self, rom):
        self.reset()
        self.writebyte(0x55)
        for value in rom:
            self.writebyte(value)

    @staticmethod
    def crc8(data):
        crc = 0
        for byte in data:
            crc ^= byte
            for _ in range(8):
                crc = crc >> 1 ^ 0x8C if crc & 1 else crc >> 1
        return crc


class I2c:
    """MicroPython's `machine.I2C` with emulated devices by address, at 100 kHz."""

    def __init__(self, world, **devices):
        self._world = world
        self.devices = {int(address[1:], 16): device for address, device in devices.items()}

    def _device(self, address):
        if any(device.holds_bus for device in self.devices.values()):
            self._world.advance(50_000)
            raise OSError(ETIMEDOUT, "held")
        if address not in self.devices:
            raise OSError(ENODEV, "nobody")
        return self.devices[address]

    def writeto(self, address, data):
        self._world.advance(90 * (1 + len(data)))
        if not self._device(address).write(bytes(data)):
            raise OSError(ENODEV, "nobody")

    def readfrom_into(self, address, buffer):
        self._world.advance(90 * (1 + len(buffer)))
        data = self._device(address).read(len(buffer))
        if data is None:
            raise OSError(ENODEV, "nobody")
        buffer[:] = data


class Uart:
    """MicroPython's `machine.UART` with an emulated device on its wires; what does not fit is lost."""

    def __init__(self, device=None, size=256):
        self._device = device
        self._size = size
        self._buffer = b""
        if device is not None:
            device.connect(self.arrive)

    def arrive(self, data):
        self._buffer = (self._buffer + data)[: self._size]

    def any(self):
        return len(self._buffer)

    def readinto(self, buffer, size):
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        buffer[: len(taken)] = taken
        return len(taken) or None

    def write(self, data):
        if self._device is not None:
            self._device.receive(bytes(data))
        return len(data)


def new_world(seed=1):
    """A world without boards."""
    return World(seed=seed, pace=None)
