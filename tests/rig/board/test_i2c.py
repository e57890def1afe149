"""A board's I2C buses: machine.I2C and SoftI2C, with devices that answer, refuse, stretch and hold."""

import pytest

from lyhord_rig import Ports


class Memory:
    """Registers with an address pointer, as most I2C chips have."""

    def __init__(self):
        self.holds_bus = False
        self.answers = True
        self.slow_us = 0
        self.cells = bytearray(range(16))
        self.at = 0

    def write(self, data):
        if self.answers and data:
            self.at = data[0]
            self.cells[self.at : self.at + len(data) - 1] = data[1:]
        return self.answers

    def read(self, size):
        return bytes(self.cells[self.at : self.at + size]) if self.answers else None

    def stretch_us(self):
        return self.slow_us


def bench(boot, main, **pins):
    ports = Ports()
    memory = Memory()
    ports.i2c(0, 0x44, memory, **pins)
    return boot(main, ports), memory


@pytest.mark.parametrize(
    "bus", ["I2C(0, scl=Pin(22), sda=Pin(21))", "SoftI2C(Pin(22), Pin(21), freq=100000)"]
)
async def test_every_kind_of_transfer(boot, bus):
    board, _ = bench(
        boot,
        f"""
        from machine import I2C, Pin, SoftI2C
        bus = {bus}
        print("scan", bus.scan())
        print(bus.writeto(0x44, b"\\x04"), bus.readfrom(0x44, 3))
        bus.writeto_mem(0x44, 2, b"xy")
        buf = bytearray(4)
        bus.readfrom_mem_into(0x44, 1, buf)
        print(buf, bus.readfrom_mem(0x44, 2, 2))
        bus.readfrom_into(0x44, buf)
        print(buf)
        """,
    )
    await board.expect(rb"scan \[68\]\r\n1 b'\\x04\\x05\\x06'", 2)
    await board.expect(rb"bytearray\(b'\\x01xy\\x04'\) b'xy'", 1)
    await board.expect(rb"bytearray\(b'xy\\x04\\x05'\)", 1)


TRY = """
import errno, time
from machine import I2C, Pin
def attempt(fn, *args):
    began = time.ticks_us()
    try:
        print("ok", fn(*args), time.ticks_diff(time.ticks_us(), began))
    except OSError as error:
        name = {errno.ENODEV: "ENODEV", errno.ETIMEDOUT: "ETIMEDOUT"}[error.errno]
        print(name, time.ticks_diff(time.ticks_us(), began))
"""


async def test_without_acknowledgement_there_is_no_device(world, boot):
    board, memory = bench(
        boot,
        TRY
        + """
attempt(I2C(0).writeto, 0x45, b"1")
attempt(I2C(1).readfrom, 0x44, 1)
attempt(I2C(0).readfrom, 0x44, 1)
time.sleep(1)
attempt(I2C(0).readfrom, 0x44, 1)
attempt(I2C(0).writeto, 0x44, b"1")
print(I2C(0).scan())
""",
    )
    world.call_at(1_000_000, setattr, memory, "answers", False)
    await board.expect(rb"ENODEV \d+\r\nENODEV \d+\r\nok b'\\x00' \d+\r\nENODEV \d+\r\nENODEV \d+\r\n\[\]", 3)


async def test_pins_must_be_those_of_the_bus(boot):
    board, _ = bench(
        boot,
        TRY
        + """
attempt(I2C(0, scl=Pin(22), sda=Pin(21)).readfrom, 0x44, 1)
attempt(I2C(0, scl=Pin(21), sda=Pin(22)).readfrom, 0x44, 1)
attempt(I2C(0).readfrom, 0x44, 1)
""",
        scl=22,
        sda=21,
    )
    await board.expect(rb"ok b'\\x00' \d+\r\nENODEV \d+\r\nENODEV", 2)


@pytest.mark.parametrize(
    ("slow_us", "answer"), [(15_000, rb"ok b'\\x00' 15\d\d\d"), (50_001, rb"ETIMEDOUT 50\d\d\d")]
)
async def test_a_device_may_stretch_the_clock_for_50_ms(boot, slow_us, answer):
    board, memory = bench(boot, TRY + "attempt(I2C(0).readfrom, 0x44, 1)\n")
    memory.slow_us = slow_us
    await board.expect(answer, 2)


async def test_a_bus_that_is_held_down_times_out(boot):
    board, memory = bench(boot, TRY + "attempt(I2C(0, timeout=1000).writeto, 0x45, b'1')\n")
    memory.holds_bus = True
    await board.expect(rb"ETIMEDOUT 1\d\d\d\r", 2)


async def test_time_on_the_bus(boot):
    board, _ = bench(boot, TRY + "attempt(I2C(0, freq=100000).writeto, 0x44, b'1' * 9)\n")
    match = await board.expect(rb"ok 9 (\d+)\r", 2)
    assert 900 <= int(match[1]) <= 960  # 90 bits
