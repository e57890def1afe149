"""Contacts that are watched also while the node sleeps: a meter's pulses, and a motion detector.

                  ┌─ a meter's contact has changed (ext0) ──────▶ counted ─┐
    deep sleep ◀──┼─ the PIR's line is high (ext1) ─▶ noted, once a sample ┤ what is left of the sleep
        │         └────────────────────────────────────────────────────────┘
        └─ timer ─▶ the cycle

Awake, interrupts do the same. A node with a meter waits awake, because light sleep hears none, and on mains
it does not sleep deeply either. docs/sensors.md says what may be missed.
"""

from time import sleep_ms

from micropython import const

from lyhord_node import clock, config
from lyhord_wire.codes import OCCUPANCY, PULSE_COUNT

_SETTLE_MS = const(20)  # a contact bounces for 5 ms
_LEAST_S = const(5)  # a shorter rest of the sleep is left to the cycle
_LOOK_BACK = const(1024)  # samples; a torn record costs a block of numbers


def open_contacts(board, power, nvs, state):
    """The Contacts of this node, or None where none are fitted. state: None after a power loss."""
    has_meter = config.text(nvs, "pulses") == "contact"
    has_pir = config.text(nvs, "occupancy") == "pir"
    if not has_meter and not has_pir:
        return None
    if has_meter:
        power.light = False
    return Contacts(board, state, has_meter, has_pir, config.text(nvs, "supply") == "mains")


def serve(board, power, nvs, state):
    """Does not return where a contact has woken the node and nothing else is due."""
    from machine import TIMER_WAKE, wake_reason

    left_s = state.sleeping.wake_at - clock.now()
    if wake_reason() in (0, TIMER_WAKE) or left_s < _LEAST_S:
        return
    contacts = open_contacts(board, power, nvs, state)
    if contacts is None:
        return
    sleep_ms(_SETTLE_MS)
    contacts.sleep(state)
    state.save()
    power.deep_sleep(left_s)


class Contacts:
    """stays_awake: a meter and mains; deep sleep would miss pulses and save nothing."""

    def __init__(self, board, state, has_meter, has_pir, on_mains):
        from machine import EXT1_WAKE, PIN_WAKE, Pin, wake_reason

        self.stays_awake = has_meter and on_mains
        self._meter = None
        self._pir = None
        woken = wake_reason() if state else 0
        if has_meter:
            from drivers.pulse_input import PulseInput

            self._meter_pin = Pin(board.PULSE_INPUT, Pin.IN)
            packed = state.contacts.pulses if state else b""
            self._meter = PulseInput(self._meter_pin, packed, packed != b"" and woken == PIN_WAKE)
        if has_pir:
            from drivers.pir import Pir

            self._pir_pin = Pin(board.MOTION, Pin.IN)
            self._pir = Pir(self._pir_pin, woken == EXT1_WAKE or (state and state.contacts.occupied))

    def go_on(self, outbox):
        """After a power loss: the meter goes on where the newest sample with a count was."""
        back = 8
        found = []
        while self._meter and not found and back <= _LOOK_BACK:
            found = outbox.read(max(0, outbox.next_seq - back), back)
            back *= 2
        for sample in reversed(found):
            count = sample.values.get(PULSE_COUNT)
            if count is not None:
                self._meter.go_on_from(count)
                return

    def read(self, values, powered_s):
        """Puts what they say into `values`; powered_s: seconds since the power came."""
        if self._meter:
            values[PULSE_COUNT] = self._meter.read()
        if self._pir:
            values[OCCUPANCY] = self._pir.occupancy(powered_s)

    def taken(self):
        """A sample has been kept: who moves from now on belongs to the next one."""
        if self._pir:
            self._pir.forget()

    def note(self, state):
        """Puts into `state` what a restart must know."""
        if self._meter:
            state.contacts.pulses = self._meter.pack()
        if self._pir:
            state.contacts.occupied = int(self._pir.read())

    def sleep(self, state):
        """Before deep sleep: puts into `state` what the next wake must know, and arms the wakes."""
        import esp32

        if self._meter:
            state.contacts.pulses, level = self._meter.sleep()
            esp32.wake_on_ext0(self._meter_pin, level)
        if self._pir:
            state.contacts.occupied = int(self._pir.sleep())
            if not state.contacts.occupied:
                esp32.wake_on_ext1((self._pir_pin,), esp32.WAKEUP_ANY_HIGH)
