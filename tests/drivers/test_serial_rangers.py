"""Serial rangers in virtual time: messages in pieces, old, broken and missing ones; what is no distance."""

import drivers.mb7389
import drivers.serial_ranger
from drivers.a02yyuw import A02yyuw
from drivers.jsn_sr04t import JsnSr04t
from drivers.mb7389 import Mb7389
from drivers.ranging import GARBLED, NO_TARGET, SILENT, TOO_NEAR
from lyhord_rig.sensors.serial_ranger import BYTE_US
from lyhord_rig.sensors.serial_ranger import binary_frame as framed
from tests.drivers.emulated import PERIOD, Uart, WorldTime, new_world
from tests.fakes.pin import Pin


class Line(Uart):
    """A UART whose other end is the test: messages come in byte by byte, as 9600 baud have them."""

    def __init__(self, world):
        super().__init__()
        self._world = world
        self.written = b""
        self.on_write = None

    def write(self, data):
        self.written += bytes(data)
        if self.on_write:
            self.on_write(bytes(data))
        return len(data)

    def arrive(self, data, after_us=0):
        """`data` comes in, its first byte `after_us` from now."""
        for index in range(len(data)):
            self._world.call_later(after_us + index * BYTE_US, super().arrive, data[index : index + 1])


def binary_frame(mm, header_in_sum=True):
    return framed(mm, header_in_sum)


def text_frame(mm):
    return b"R%04d\r" % mm


class Clock(WorldTime):
    """now_us: on the line that the ticks count."""

    @property
    def now_us(self):
        return self._start_us + self.world.now_us


def make(now_us=0):
    world = new_world()
    ticks = Clock(world, now_us).install(drivers.serial_ranger, drivers.mb7389)
    return ticks, Line(world)


def poll(ticks, sensor, temperature_dc=200):
    """The result of a ping, and the milliseconds it took."""
    began_us = ticks.now_us
    sensor.air_dc = temperature_dc
    result = sensor.poll()
    while result is None:
        ticks.sleep_ms(5)
        result = sensor.poll()
    return result, (ticks.now_us - began_us) // 1000


def test_a_message_is_a_distance():
    ticks, uart = make()
    for sensor, message in (
        (A02yyuw(uart), binary_frame(1953)),
        (JsnSr04t(uart, request=None, compensates=True), binary_frame(1953)),
        (JsnSr04t(uart, None, header_in_sum=False, compensates=True), binary_frame(1953, False)),
        (Mb7389(uart), text_frame(1953)),
    ):
        sensor.start()
        uart.arrive(message, after_us=90_000)
        assert sensor.poll() is None
        result, took_ms = poll(ticks, sensor)
        assert result == 1953 and 90 <= took_ms <= 105


def test_what_was_measured_before_does_not_count():
    ticks, uart = make()
    sensor = A02yyuw(uart)
    for _ in range(100):
        uart.arrive(binary_frame(500))
        ticks.sleep_ms(100)
    assert uart.any() == 256  # what came later was lost
    sensor.start()
    uart.arrive(binary_frame(700), after_us=60_000)
    assert poll(ticks, sensor)[0] == 700


def test_a_ping_that_begins_inside_a_message_waits_for_a_whole_one():
    for lost_bytes in range(1, 4):
        ticks, uart = make()
        sensor = A02yyuw(uart)
        uart.arrive(binary_frame(2047))
        ticks.sleep_us(1042 * lost_bytes - 500)
        sensor.start()
        uart.arrive(binary_frame(2050), after_us=100_000)
        assert poll(ticks, sensor)[0] == 2050


def test_silence_ends_and_has_a_name():
    for now_us in (0, PERIOD * 1000 - 200_000):  # the second: ticks_ms wraps while it waits
        ticks, uart = make(now_us)
        for sensor, most_ms in ((A02yyuw(uart), 710), (JsnSr04t(uart), 310), (Mb7389(uart), 410)):
            sensor.start()
            result, took_ms = poll(ticks, sensor)
            assert result == SILENT and took_ms <= most_ms


def test_junk_ends_and_has_another_name():
    for junk in (bytes(64), b"\xff" * 64, b"\x55\xaa" * 32, binary_frame(1953, header_in_sum=False)):
        ticks, uart = make()
        sensor = A02yyuw(uart)
        sensor.start()
        uart.arrive(junk, after_us=1000)
        assert poll(ticks, sensor)[0] == GARBLED, junk


def test_a_line_that_never_rests_does_not_hold_the_node():
    ticks, uart = make()

    def endless(buffer, size):
        buffer[:] = bytes(len(buffer))
        return len(buffer)

    uart.any = lambda: 64
    uart.readinto = endless
    for sensor in (A02yyuw(uart), Mb7389(uart)):
        sensor.start()
        result, took_ms = poll(ticks, sensor)
        assert result == GARBLED and took_ms <= 720


def test_what_is_no_distance():
    ticks, uart = make()
    for sensor, message, expected in (
        (A02yyuw(uart), binary_frame(0), NO_TARGET),
        (A02yyuw(uart), binary_frame(29), TOO_NEAR),
        (A02yyuw(uart), binary_frame(30), 30),
        (A02yyuw(uart), binary_frame(4500), 4500),
        (A02yyuw(uart), binary_frame(5500), NO_TARGET),
        (A02yyuw(uart), binary_frame(0xFFFD), NO_TARGET),
        (A02yyuw(uart), binary_frame(0xFFFE), GARBLED),
        (A02yyuw(uart), binary_frame(0xFFFF), GARBLED),
        (JsnSr04t(uart, None), binary_frame(0), NO_TARGET),
        (JsnSr04t(uart, None), binary_frame(249), TOO_NEAR),
        (JsnSr04t(uart, None), binary_frame(4501), NO_TARGET),
        (Mb7389(uart), text_frame(300), TOO_NEAR),
        (Mb7389(uart), text_frame(301), 301),
        (Mb7389(uart), text_frame(4999), 4999),
        (Mb7389(uart), text_frame(5000), NO_TARGET),
        (Mb7389(uart), text_frame(299), GARBLED),
        (Mb7389(uart), text_frame(5001), GARBLED),
    ):
        sensor.start()
        uart.arrive(message)
        assert poll(ticks, sensor)[0] == expected, message


def test_a_sensor_that_counts_with_340_is_corrected_and_the_others_are_not():
    ticks, uart = make()
    for sensor, message, temperature_dc, expected in (
        (JsnSr04t(uart, None), binary_frame(1000), 144, 1000),
        (JsnSr04t(uart, None), binary_frame(1000), -200, 939),
        (JsnSr04t(uart, None), binary_frame(1000), 400, 1046),
        (JsnSr04t(uart, None, compensates=True), binary_frame(1000), -200, 1000),
        (A02yyuw(uart), binary_frame(1000), -200, 1000),
        (Mb7389(uart), text_frame(1000), -200, 1000),
    ):
        sensor.start()
        uart.arrive(message)
        assert poll(ticks, sensor, temperature_dc)[0] == expected, (message, temperature_dc)


def test_on_request_it_is_asked_once_for_each_ping():
    ticks, uart = make()
    uart.on_write = lambda data: uart.arrive(binary_frame(1200), after_us=40_000)
    sensor = JsnSr04t(uart, compensates=True)
    for number in range(1, 4):
        sensor.start()
        assert uart.written == b"\x55" * number
        assert poll(ticks, sensor)[0] == 1200
    assert JsnSr04t(uart, None).start() is None and uart.written == b"\x55" * 3


def test_the_maxbotix_is_triggered_where_its_pin_is_wired():
    ticks, uart = make()
    edges = []
    sensor = Mb7389(uart, Pin(lambda level: edges.append((level, ticks.now_us))))
    assert [level for level, _ in edges] == [0]
    sensor.start()
    assert [level for level, _ in edges] == [0, 1, 0]
    assert 20 <= edges[2][1] - edges[1][1] < 147_000
    uart.arrive(text_frame(800), after_us=140_000)
    assert poll(ticks, sensor)[0] == 800


def test_a_ping_that_nobody_began_is_our_bug():
    ticks, uart = make()
    sensor = A02yyuw(uart)
    for _ in range(2):
        try:
            sensor.poll()
        except RuntimeError:
            sensor.start()
            uart.arrive(binary_frame(700))
            assert poll(ticks, sensor)[0] == 700
            continue
        raise AssertionError("polled without a start")
