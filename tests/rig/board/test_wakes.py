"""Pins of a board in deep sleep: which float, which are held, which wake it."""

import pytest

from lyhord_rig import Ports, State
from lyhord_rig.board.ports import ESP32, ESP32_S3
from tests.rig.snippet import Echo


async def test_pins_float_in_deep_sleep_unless_they_are_held(world, boot):
    ports = Ports()
    free, held = [], []
    ports.output(13, free.append, floating=0)
    ports.output(14, held.append, floating=0)
    board = boot(
        """
        import esp32, machine
        if machine.reset_cause() == machine.DEEPSLEEP_RESET:
            machine.Pin(14, machine.Pin.OUT, value=0, hold=False)
            print("woken")
        else:
            machine.Pin(13, machine.Pin.OUT, value=1)
            machine.Pin(14, machine.Pin.OUT, value=1, hold=True)
            esp32.gpio_deep_sleep_hold(True)
            machine.deepsleep(10_000)
        """,
        ports,
    )
    await world.run_for(5)
    assert board.state is State.ASLEEP
    assert (free, held) == ([1, 0], [1])
    await board.expect(rb"woken", 10)
    assert held == [1, 0]


async def test_a_pin_wakes_the_board(world, boot):
    ports = Ports()
    line = ports.line(4)
    board = boot(
        """
        import esp32, machine
        print("wake", machine.wake_reason())
        esp32.wake_on_ext0(machine.Pin(4, machine.Pin.IN), esp32.WAKEUP_ANY_HIGH)
        if machine.wake_reason() == 0:
            machine.deepsleep()
        """,
        ports,
    )
    await world.run_for(1000)
    assert board.state is State.ASLEEP
    world.call_later(1_000_000, line.set, 1)
    await board.expect(rb"wake 2", 2)
    assert board.events.wakes == 1


@pytest.mark.parametrize(
    ("floating", "held", "selected"),
    [(1, False, 1), (0, False, 2), (0, True, 1)],
)
async def test_nss_that_nobody_holds_in_deep_sleep_selects_what_has_no_pull_up(
    world, boot, floating, held, selected
):
    device = Echo(world)
    ports = Ports()
    ports.spi(2, 5, device, floating=floating)
    board = boot(
        f"""
        import esp32, machine
        from machine import Pin
        nss = Pin(5, Pin.OUT, value=1, hold=False)
        if machine.reset_cause() != machine.DEEPSLEEP_RESET:
            nss(0)
            nss(1)
            Pin(5, hold={held})
            esp32.gpio_deep_sleep_hold({held})
            machine.deepsleep(1000)
        print("awake")
        """,
        ports,
    )
    await board.expect(rb"awake", 4)
    assert [what for _, what in device.log].count("select") == selected
    assert device.log[-1][1] == "deselect"


@pytest.mark.parametrize(
    ("soc", "pins", "level", "first", "second"),
    [
        (ESP32, (25, 26), 0, False, True),  # all low
        (ESP32, (25, 26), 1, True, True),  # any high
        (ESP32_S3, (1, 2), 0, True, True),  # any low
    ],
)
async def test_ext1_wakes_by_all_low_on_the_esp32_and_by_any_elsewhere(
    world, boot, soc, pins, level, first, second
):
    ports = Ports(soc)
    lines = [ports.line(pin) for pin in pins]
    for line in lines:
        line.set(1 - level)
    board = boot(
        f"""
        import esp32, machine
        from machine import Pin
        if machine.reset_cause() != machine.DEEPSLEEP_RESET:
            esp32.wake_on_ext1([Pin(pin, Pin.IN) for pin in {pins}], {bool(level)})
            machine.deepsleep(60000)
        print("woken by", machine.wake_reason())
        """,
        ports,
    )
    await world.run_for(1)
    assert board.state is State.ASLEEP
    for line, wakes in zip(lines, (first, second), strict=True):
        assert board.state is State.ASLEEP or first
        line.set(level)
        await world.run_for(1)
        assert (board.events.wakes == 1) == wakes
    await board.expect(rb"woken by 3", 2)


@pytest.mark.parametrize(
    ("soc", "pin", "can"), [(ESP32, 33, 1), (ESP32, 18, 0), (ESP32_S3, 18, 1), (ESP32_S3, 33, 0)]
)
async def test_only_pins_of_the_rtc_wake_the_chip(boot, soc, pin, can):
    board = boot(
        f"""
        import esp32
        from machine import Pin
        try:
            esp32.wake_on_ext0(Pin({pin}, Pin.IN), 0)
            print("can 1")
        except (OSError, ValueError):
            print("can 0")
        """,
        Ports(soc),
    )
    await board.expect(b"can %d" % can, 2)
