"""Pulse input and tilt switch on pins in virtual time."""

import drivers.tilt_switch
from drivers.pulse_input import PulseInput
from drivers.tilt_switch import TiltSwitch
from tests.fakes.ticks import Ticks


class Contact:
    """An input pin with a pull-up and a contact to ground."""

    IRQ_RISING = 1
    IRQ_FALLING = 2

    def __init__(self, level=1):
        self.level = level
        self.handler = None

    def value(self):
        return self.level

    def irq(self, handler=None, trigger=0):
        assert handler is None or trigger == self.IRQ_RISING | self.IRQ_FALLING
        self.handler = handler

    def go(self, level):
        self.level = level
        if self.handler:
            self.handler(self)


def make(contact, **more):
    ticks = Ticks()
    pulses = PulseInput(contact, **more)
    pulses._ticks_ms = ticks.ticks_ms
    pulses._counter._ticks_diff = ticks.ticks_diff
    return ticks, pulses


def pulse(ticks, contact, long_ms=50):
    for level in (0, 1):
        contact.go(level)
        ticks.sleep_ms(long_ms)


def test_pulses_while_awake():
    contact = Contact()
    ticks, pulses = make(contact)
    for number in range(1, 6):
        pulse(ticks, contact)
        assert pulses.read() == number


def test_a_sleep_arms_the_level_that_the_contact_does_not_have():
    contact = Contact()
    ticks, pulses = make(contact)
    pulse(ticks, contact)
    packed, wake_level = pulses.sleep()
    assert wake_level == 0 and contact.handler is None

    contact.level = 0  # it closes, and wakes the chip
    ticks, pulses = make(contact, packed=packed, woken=True)
    assert pulses.read() == 2
    packed, wake_level = pulses.sleep()
    assert wake_level == 1  # a contact that rests closed does not keep the chip awake

    contact.level = 1
    ticks, pulses = make(contact, packed=packed, woken=True)
    assert pulses.read() == 2 and pulses.sleep()[1] == 0


def test_a_bounce_at_the_moment_of_sleep_is_counted_at_the_wake():
    contact = Contact()
    ticks, pulses = make(contact)
    contact.go(0)
    packed, wake_level = pulses.sleep()
    assert wake_level == 0 == contact.level  # so the chip wakes at once
    ticks, pulses = make(contact, packed=packed, woken=True)
    assert pulses.read() == 1


def test_a_contact_that_rests_closed_at_power_on_is_no_pulse():
    contact = Contact(level=0)
    ticks, pulses = make(contact)
    assert pulses.read() == 0
    ticks.sleep_ms(50)
    contact.go(1)
    ticks.sleep_ms(50)
    contact.go(0)
    ticks.sleep_ms(50)
    assert pulses.read() == 1


def test_an_output_that_is_high_while_it_pulses():
    contact = Contact(level=0)
    ticks, pulses = make(contact, closed_level=1)
    for level in (1, 0):
        contact.go(level)
        ticks.sleep_ms(50)
    assert pulses.read() == 1 and pulses.sleep()[1] == 1


def test_tilted_upright_and_rattling():
    ticks = Ticks()
    ticks.install(drivers.tilt_switch)
    assert TiltSwitch(Contact(level=0)).read() is True
    assert TiltSwitch(Contact(level=1)).read() is False
    assert TiltSwitch(Contact(level=1), tilted_level=1).read() is True
    contact = Contact(level=0)
    for at_ms in (1, 7, 15):
        ticks.at(ticks.now_us + at_ms * 1000, lambda: contact.go(1))
        assert TiltSwitch(contact).read() is None
        contact.level = 0
