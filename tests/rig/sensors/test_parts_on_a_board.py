"""The SX1262 and the serial and I2C sensors on boards: firmware reaches them through machine alone."""

import pytest

from lyhord_rig import Ports, State
from lyhord_rig.board.ports import ESP32_S3
from lyhord_rig.radio.ether import Ether
from lyhord_rig.radio.sx1262 import Sx1262
from lyhord_rig.radio.sx1262_tables import Mode as RadioMode
from lyhord_rig.sensors.a02yyuw import A02yyuw
from lyhord_rig.sensors.jsnsr04t import JsnSr04t, Mode
from lyhord_rig.sensors.sensirion import Fault
from lyhord_rig.sensors.sht31 import Sht31
from tests.rig.radio.ether_ear import FLAT

# Just enough of a driver to send one frame on a Heltec WiFi LoRa 32 V3.
RADIO = """
import machine, time
from machine import SPI, Pin
spi = SPI(1, 2_000_000, sck=Pin(9), mosi=Pin(10), miso=Pin(11))
busy = Pin(13, Pin.IN)
dio1 = Pin(14, Pin.IN)
reset = Pin(12, Pin.OUT, value=1)
nss = Pin(8, Pin.OUT, value=1, hold=False)

def command(*data):
    while busy():
        pass
    answer = bytearray(len(data))
    nss(0)
    spi.write_readinto(bytes(data), answer)
    nss(1)
    return answer

rings = []
dio1.irq(lambda pin: rings.append(time.ticks_us()), Pin.IRQ_RISING)
"""
SEND = (
    RADIO
    + """
reset(0)
time.sleep_us(200)
reset(1)
for data in (
    (0x80, 0), (0x97, 2, 0, 1, 0x40), (7, 0, 0), (0x89, 0x7F), (0x98, 0xD7, 0xDB), (0x9D, 1), (0x8A, 1),
    (0x86, 0x36, 0x41, 0x99, 0x9A), (0x8B, 7, 4, 1, 0), (0x95, 2, 2, 0, 1), (0x8E, 22, 4),
    (0x0D, 0x07, 0x40, 0x34, 0x44), (0x0D, 0x08, 0x89, 0x05), (0x0D, 0x08, 0xD8, 0xDE),
    (8, 3, 0xFF, 0, 1, 0, 0, 0, 0), (0x8C, 0, 8, 0, 5, 1, 0), b"\\x0e\\x00hello", (0x83, 0, 0, 0),
):
    command(*data)
while not rings:
    time.sleep_ms(1)
print("sent", rings, command(0x12, 0, 0, 0)[2:])
command(0x84, 4)
{hold}
machine.deepsleep(5000)
"""
)


@pytest.mark.parametrize("held", [True, False])
async def test_an_sx1262_on_an_s3_sends_and_sleeps_as_long_as_nss_is_held(world, boot, held):
    ether = Ether(world, path_loss=FLAT)
    sent = []
    ether.on_event(sent.append)
    ports = Ports(ESP32_S3)
    chip = Sx1262(world, ether.attach((0, 0), "node"), ports.line(13), ports.line(14))
    ports.spi(1, 8, chip, floating=0)
    ports.output(12, chip.reset)
    hold = "import esp32\nPin(8, hold=True)\nesp32.gpio_deep_sleep_hold(True)" if held else ""
    board = boot(SEND.replace("{hold}", hold), ports)
    await board.expect(rb"sent \[\d+\] bytearray\(b'\\x00\\x01'\)", 2)
    assert [event.data for event in sent] == [b"hello"]
    await world.run_for(1)
    assert board.state is State.ASLEEP
    assert chip.mode is (RadioMode.SLEEP if held else RadioMode.STANDBY_RC)
    assert chip.wakes == (0 if held else 1)
    if held:
        assert chip.violations == []


async def test_an_sht31_on_the_i2c_bus(world, boot):
    ports = Ports()
    sensor = Sht31(world, lambda: 215, lambda: 480)
    ports.i2c(0, 0x44, sensor, scl=22, sda=21)
    board = boot(
        """
        import errno, time
        from machine import I2C, Pin
        bus = I2C(0, scl=Pin(22), sda=Pin(21), freq=100000)
        def attempt(command, wait_ms):
            try:
                bus.writeto(0x44, command)
                time.sleep_ms(wait_ms)
                print(bus.readfrom(0x44, 6)[:2])
            except OSError as error:
                print({errno.ENODEV: "nobody", errno.ETIMEDOUT: "stuck"}[error.errno])
        attempt(b"\\x24\\x00", 14)
        time.sleep_ms(5)
        attempt(b"\\x24\\x00", 15)
        time.sleep_ms(5)
        attempt(b"\\x2c\\x06", 1)
        time.sleep(1)
        attempt(b"\\x24\\x00", 15)
        """,
        ports,
    )
    world.call_at(1_000_000, setattr, sensor, "fault", Fault.STUCK)
    raw = repr((665 * 65_535 // 1_750).to_bytes(2, "big"))[2:-1].replace("\\", "\\\\").encode()
    await board.expect(rb"nobody\r\nb'" + raw + rb"'\r\nb'" + raw + rb"'\r\nstuck", 3)
    assert sensor.not_acknowledged == 0


async def test_serial_rangers_on_both_uarts(world, boot):
    ports = Ports()
    free = A02yyuw(world, lambda: 1953, strays=0.0)
    asked = JsnSr04t(world, lambda: 800, Mode.ON_REQUEST)
    ports.uart(1, free, rx=16)
    ports.uart(2, asked, rx=25, tx=26)
    board = boot(
        """
        import select, time
        from machine import UART, Pin
        free = UART(1, 9600, rx=16)
        asked = UART(2, 9600, rx=25, tx=26)
        poll = select.poll()
        poll.register(free, select.POLLIN)
        poll.register(asked, select.POLLIN)
        time.sleep(1)
        print("unasked", free.any() % 4, asked.any())
        free.read()
        asked.write(b"\\x55")
        for uart, event in poll.poll(500):
            print(uart is free, uart is asked, event)
        time.sleep(1)
        frame = free.read()[-4:]
        print(frame[0], frame[1] << 8 | frame[2], asked.read(4)[0], asked.any())
        """,
        ports,
    )
    await board.expect(rb"unasked 0 0", 3)
    await board.expect(rb"(True False|False True) 1", 1)
    match = await board.expect(rb"255 (\d+) 255 0", 3)
    assert 1951 <= int(match[1]) <= 1955
