"""The rig's radio chips as their drivers on CPython meet them, in a time that wraps; the air is the test's.

Where the ether would be stands `Air`: the test says when a transmission ends, what is heard and how well. For
what needs rare moments and thousands of cases. The same drivers on the same chips run in MicroPython on
virtual boards in the `…_on_a_board` tests.
"""

from dataclasses import replace

import drivers.lora_radio as lora_radio
import drivers.sx126x as sx126x
import drivers.sx126x_chip as sx126x_chip
import drivers.sx127x as sx127x
import drivers.sx127x_chip as sx127x_chip
from lyhord_rig.radio.model import Reception, Transmission
from lyhord_rig.radio.sx1262 import Sx1262
from lyhord_rig.radio.sx1262_tables import Mode as Sx1262Mode
from lyhord_rig.radio.sx1276 import Sx1276
from lyhord_rig.radio.sx1276_registers import Mode as Sx1276Mode
from tests.drivers.emulated import PERIOD, WorldTime, new_world
from tests.fakes.pin import Pin

TWO_SECONDS_BEFORE_THE_WRAP_US = PERIOD - 2_000_000
_SETTLE_US = 2_000  # from SetRx to listening
_DRIVERS = (lora_radio, sx126x, sx126x_chip, sx127x, sx127x_chip)


class RadioTime(WorldTime):
    """`now_us` begins at start_us and does not wrap, what drivers read does. `at` plans what happens then."""

    def __init__(self, start_us=TWO_SECONDS_BEFORE_THE_WRAP_US):
        super().__init__(new_world(), start_us)
        self.start_us, self.read_us = start_us, self._read_us

    @property
    def now_us(self):
        return self.start_us + self.world.now_us

    def at(self, time_us, action):
        self.world.call_at(time_us - self.start_us, action)

    def pass_us(self, us):
        self.world.advance(us)


class Air:
    """An antenna. sent: (modulation, dBm, data) of every transmission that began."""

    name = "radio"

    def __init__(self):
        self.sent = []
        self.on_send = lambda: None
        self.idle()

    def idle(self):
        self.done = self.tuning = self.receiver = None

    def transmit(self, modulation, power_dbm, data, done):
        self.sent.append((modulation, power_dbm, data))
        self.done = done
        self.on_send()

    def listen(self, tunings, receiver):
        (self.tuning,) = tunings
        self.receiver = receiver


class EmulatedRadio:
    """The SPI object and the pins of a driver, and the chip behind them.

    log: every SPI transfer of the driver, as its bytes. interrupts False: edges of the interrupt are lost.
    """

    def __init__(self, time):
        self.time = time
        self.air = Air()
        self.log = []
        self.interrupts = True
        self.irq_pin = Pin()
        self.nss = Pin(self._select)
        self.chip = self._make(time.world)
        self.reset = Pin(self.chip.reset)

    def set(self, level):
        """The chip's interrupt line."""
        if level and not self.irq_pin.level and self.interrupts:
            self.irq_pin.rise()
        elif not level:
            self.irq_pin.level = 0

    # -- SPI

    def _select(self, level):
        if level:
            self.chip.deselect()
        else:
            self.log.append(b"")
            self.chip.select()

    def write(self, data):
        self.log[-1] += bytes(data)
        self.chip.transfer(bytes(data))

    def readinto(self, buffer):
        self.log[-1] += bytes(len(buffer))
        buffer[:] = self.chip.transfer(bytes(len(buffer)))

    def write_readinto(self, data, buffer):
        self.log[-1] += bytes(data)
        buffer[:] = self.chip.transfer(bytes(data))

    # -- what the test does

    @property
    def violations(self):
        return self.chip.violations

    @property
    def sent(self):
        return [data for _, _, data in self.air.sent]

    def finish_send(self):
        self.air.done()

    def deliver(self, data, rssi_dbm=-100.0, snr_db=10.0, has_crc=True, crc_error=False):
        """A whole frame, its end is now."""
        if self.air.receiver is None:
            self.time.pass_us(_SETTLE_US)
        receiver, tuning = self.air.receiver, self.air.tuning
        modulation = replace(tuning, crc=has_crc)
        now_us = self.time.world.now_us
        frame = Transmission("far", 0, now_us, now_us, modulation, 14, data)
        receiver.preamble_detected()
        receiver.header_received(modulation)
        receiver.frame_received(Reception(frame, "radio", now_us, rssi_dbm, snr_db, data, not crc_error))

    def notice_preamble(self):
        if self.air.receiver is None:
            self.time.pass_us(_SETTLE_US)
        self.air.receiver.preamble_detected()

    def break_header(self):
        """A preamble that locks, and a header that cannot be read."""
        self.notice_preamble()
        self.air.receiver.frame_dropped()

    def stop_timer(self):
        """The chip forgets when its single reception is to end."""
        self.time.pass_us(_SETTLE_US)
        self.chip._timer.cancel()

    def brown_out(self):
        self.chip.power(False)
        self.chip.power(True)


class EmulatedSx1276(EmulatedRadio):
    """`SX127x(chip, chip.nss, chip.reset, chip.irq_pin)`."""

    IDLE, ASLEEP, RECEIVING = Sx1276Mode.STANDBY, Sx1276Mode.SLEEP, Sx1276Mode.RX_CONTINUOUS

    def _make(self, world):
        return Sx1276(world, self.air, dio0=self)

    @property
    def mode(self):
        return self.chip.mode

    @property
    def registers(self):
        return self.chip._registers

    def open(self):
        return sx127x.SX127x(self, self.nss, self.reset, self.irq_pin)


class _Busy:
    def __init__(self, radio):
        self._radio = radio

    def value(self):
        return int(self._radio.chip.is_busy)


class EmulatedSx1262(EmulatedRadio):
    """`SX126x(chip, chip.nss, chip.reset, chip.busy, chip.irq_pin)`."""

    IDLE, ASLEEP, RECEIVING = Sx1262Mode.STANDBY_RC, Sx1262Mode.SLEEP, Sx1262Mode.RX

    def __init__(self, time, tcxo_mv=1800):
        self._tcxo_mv = tcxo_mv
        super().__init__(time)
        self.busy = _Busy(self)

    def _make(self, world):
        return Sx1262(world, self.air, dio1=self, tcxo_mv=self._tcxo_mv, rf_switch=self._tcxo_mv is not None)

    @property
    def mode(self):
        return self.chip._mode

    @property
    def registers(self):
        return self.chip._modem.registers

    @property
    def commands(self):
        """(opcode, parameters) of every transfer."""
        return [(transfer[0], transfer[1:]) for transfer in self.log if transfer]

    def last(self, opcode):
        return next((parameters for op, parameters in reversed(self.commands) if op == opcode), None)

    def open(self, tcxo_mv=1800, dio2_switch=True):
        return sx126x.SX126x(
            self, self.nss, self.reset, self.busy, self.irq_pin, tcxo_mv=tcxo_mv, dio2_switch=dio2_switch
        )


def make_sx1276():
    """(time, chip, radio)"""
    time = RadioTime().install(*_DRIVERS)
    chip = EmulatedSx1276(time)
    return time, chip, chip.open()


def make_sx1262():
    """(time, chip, radio)"""
    time = RadioTime().install(*_DRIVERS)
    chip = EmulatedSx1262(time)
    return time, chip, chip.open()


def radio_time(start_us=TWO_SECONDS_BEFORE_THE_WRAP_US):
    """The time of all radio drivers from here on."""
    return RadioTime(start_us).install(*_DRIVERS)


def poll_until_it_ends(time, radio):
    """(result, microseconds) of a single reception that nobody ends from outside."""
    started_us = time.now_us
    result = None
    while result is None:
        time.pass_us(1000)
        assert time.now_us - started_us < 5_000_000
        try:
            result = radio.poll_receive()
        except lora_radio.RadioError as error:
            result = error
    return result, time.now_us - started_us
