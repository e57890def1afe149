"""A board's UART: machine.UART and select.poll in virtual time, with a device at its pins."""

import pytest

from lyhord_rig import Ports

BYTE_US = 1_041  # 10 bits at 9600


class Talker:
    """Sends what a test tells it to, and keeps what it hears."""

    baud = 9600

    def __init__(self, world):
        self.world = world
        self.heard = []
        self.deliver = lambda data: None

    def connect(self, deliver):
        self.deliver = deliver

    def receive(self, data):
        self.heard.append((self.world.now_us, data))

    def say_at(self, us, data):
        for at, value in enumerate(data):
            self.world.call_at(us + at * BYTE_US, lambda value=value: self.deliver(bytes([value])))


def bench(world, boot, main, **pins):
    ports = Ports()
    talker = Talker(world)
    ports.uart(1, talker, **pins)
    return boot(main, ports), talker


async def test_bytes_come_one_by_one_and_reads_take_what_is_there(world, boot):
    board, talker = bench(
        world,
        boot,
        """
        import time
        from machine import UART
        uart = UART(1, 9600, rx=16, tx=17)
        print("empty", uart.any(), uart.read(), uart.read(3), uart.readinto(bytearray(2)))
        time.sleep_ms(1000)
        print("any", uart.any())
        buf = bytearray(4)
        print("three", uart.read(3), uart.readinto(buf), buf, uart.read())
        """,
    )
    talker.say_at(500_000, b"abcdef")
    await board.expect(rb"empty 0 None None None", 2)
    await board.expect(rb"any 6", 2)
    await board.expect(rb"three b'abc' 3 bytearray\(b'def\\x00'\) None", 1)
    assert board.uarts.dropped == 0


async def test_a_read_waits_for_all_it_wants_until_its_timeout(world, boot):
    board, talker = bench(
        world,
        boot,
        """
        import time
        from machine import UART
        uart = UART(1, 9600, rx=16, tx=17, timeout=100)
        def took(n):
            began = time.ticks_ms()
            data = uart.read(n)
            print(data, time.ticks_diff(time.ticks_ms(), began))
        took(4)
        time.sleep_ms(1000 - time.ticks_ms())
        took(4)
        took(4)
        print(uart.readline(), uart.readline())
        """,
    )
    talker.say_at(1_020_000, b"abcdef")
    talker.say_at(1_150_000, b"gh\ni")
    await board.expect(rb"None 100", 2)
    await board.expect(rb"b'abcd' 23", 2)
    await board.expect(rb"b'ef' 100", 2)
    await board.expect(rb"b'gh\\n' b'i'", 2)


async def test_poll_wakes_at_the_first_byte(world, boot):
    board, talker = bench(
        world,
        boot,
        """
        import select, sys, time
        from machine import UART
        uart = UART(1, baudrate=9600, rx=16, tx=17)
        poll = select.poll()
        poll.register(uart, select.POLLIN)
        poll.register(sys.stdin, select.POLLIN)
        print(poll.poll(100))
        ready = poll.poll(5000)
        print(time.ticks_us(), ready[0][0] is uart, ready[0][1], len(ready), uart.any())
        """,
    )
    talker.say_at(1_234_567, b"xyz")
    await board.expect(rb"\[\]", 2)
    match = await board.expect(rb"(\d+) True 1 1 1", 2)
    assert 1_234_567 <= int(match[1]) < 1_234_700


async def test_what_is_written_arrives_when_it_has_left(world, boot):
    board, talker = bench(
        world,
        boot,
        """
        import time
        from machine import UART
        uart = UART(1, 9600, rx=16, tx=17)
        began = time.ticks_us()
        print(uart.write(b"U" * 10), uart.write("V"), uart.txdone())
        uart.flush()
        print(uart.txdone(), time.ticks_diff(time.ticks_us(), began))
        """,
    )
    match = await board.expect(rb"10 1 False\r\nTrue (\d+)", 2)
    assert [data for _, data in talker.heard] == [b"U" * 10, b"V"]
    (first, _), (second, _) = talker.heard
    assert second - first == BYTE_US
    assert int(match[1]) == pytest.approx(11 * BYTE_US, abs=100)


async def test_the_buffer_is_bounded_and_counts_what_it_drops(world, boot):
    board, talker = bench(
        world,
        boot,
        """
        import time
        from machine import UART
        uart = UART(1, 9600, rx=16, tx=17, rxbuf=200)
        time.sleep(2)
        print("has", uart.any())
        """,
    )
    talker.say_at(300_000, bytes(201))
    await board.expect(rb"has 200", 3)
    assert board.uarts.dropped == 1


@pytest.mark.parametrize(
    ("settings", "right"),
    [
        ("9600", True),
        ("9800", True),
        ("9900", False),
        ("115200", False),
        ("9600, parity=0", False),
        ("9600, stop=2", False),
        ("9600, bits=7", False),
        ("9600, invert=UART.INV_RX", False),
    ],
)
async def test_another_bit_rate_or_frame_is_noise(world, boot, settings, right):
    board, talker = bench(
        world,
        boot,
        f"""
        import time
        from machine import UART
        uart = UART(1, {settings}, rx=16, tx=17)
        uart.write(b"12")
        time.sleep(1)
        print("got", uart.read())
        """,
    )
    talker.say_at(500_000, b"R1")
    match = await board.expect(rb"got (.*)\r\n", 2)
    assert (match[1] == b"b'R1'") == right
    assert (talker.heard[0][1] == b"12") == right


async def test_a_uart_on_other_pins_meets_nobody(world, boot):
    board, talker = bench(
        world,
        boot,
        """
        import time
        from machine import UART, Pin
        uart = UART(1, 9600, rx=Pin(4), tx=Pin(2))
        uart.write(b"12")
        time.sleep(1)
        print("got", uart.read())
        uart.init(9600, rx=16, tx=17)
        uart.write(b"34")
        time.sleep(1)
        print("then", uart.read())
        """,
        rx=16,
        tx=17,
    )
    talker.say_at(500_000, b"R1")
    talker.say_at(1_500_000, b"R2")
    await board.expect(rb"got None\r\nthen b'R2'", 3)
    assert [data for _, data in talker.heard] == [b"34"]


async def test_bytes_in_light_sleep_and_without_uart_are_lost(world, boot):
    board, talker = bench(
        world,
        boot,
        """
        import machine, time
        from machine import UART
        time.sleep(1)
        uart = UART(1, 9600, rx=16, tx=17)
        print("none", uart.read())
        machine.lightsleep(1000)
        print("light", uart.read())
        time.sleep(1)
        print("awake", uart.read())
        uart.deinit()
        """,
    )
    for at_us, data in ((500_000, b"a"), (2_000_000, b"b"), (2_500_000, b"c")):
        talker.say_at(at_us, data)
    await board.expect(rb"none None\r\nlight None\r\nawake b'c'", 5)
    assert board.uarts.dropped == 2


async def test_uart_0_is_the_console(world, boot):
    board, _ = bench(
        world,
        boot,
        """
        from machine import UART
        for id in (0, 3):
            try:
                UART(id, 9600)
            except (OSError, ValueError):
                print("no", id)
        """,
    )
    await board.expect(rb"no 0\r\nno 3", 2)
