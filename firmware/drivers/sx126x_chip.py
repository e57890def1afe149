"""The SX1262 as a chip: SPI and BUSY, reset, calibration, sleep, the modem's settings (see `sx126x`).

Sections cited are of the SX1261/62 datasheet, rev 2.1.
"""

from time import sleep_ms, sleep_us, ticks_add, ticks_diff, ticks_us

from micropython import const

from drivers.lora_radio import SLEEP, STANDBY, LoraRadio, RadioError
from lyhord_wire.airtime import low_data_rate

# Commands, section 11
_CLEAR_DEVICE_ERRORS = const(0x07)
_GET_IRQ_STATUS = const(0x12)
_GET_DEVICE_ERRORS = const(0x17)
_WRITE_REGISTER = const(0x0D)
_READ_REGISTER = const(0x1D)
_SET_STANDBY = const(0x80)
_SET_SLEEP = const(0x84)
_SET_RF_FREQUENCY = const(0x86)
_CALIBRATE = const(0x89)
_SET_PACKET_TYPE = const(0x8A)
_SET_MODULATION = const(0x8B)
_SET_TX_PARAMS = const(0x8E)
_SET_BUFFER_BASE = const(0x8F)
_SET_PA_CONFIG = const(0x95)
_SET_REGULATOR = const(0x96)
_SET_TCXO = const(0x97)
_CALIBRATE_IMAGE = const(0x98)
_SET_DIO2_SWITCH = const(0x9D)
_STOP_TIMER_ON_PREAMBLE = const(0x9F)

_RC = const(0)
_XOSC = const(1)
_WARM = const(4)
_LORA = const(1)
_DC_DC = const(1)
_ALL_BLOCKS = const(0x7F)
_863_870_MHZ = const(0xD7DB)
_PA_14_DBM = const(0x02020001)
_PA_22_DBM = const(0x04070001)
_125_KHZ = const(4)
_CODING_RATE_4_5 = const(1)
_RAMP_40_US = const(2)
_MODE_STANDBY_RC = const(2)

_SYNC_WORD = const(0x0740)
_TX_CLAMP = const(0x08D8)

_OWN_SYNC_WORD = const(0x3444)

_TCXO_MV = (1600, 1700, 1800, 2200, 2400, 2700, 3000, 3300)
_TCXO_START_STEPS = const(320)  # of 15.625 us: 5 ms
# The longest that BUSY is high by rights: a whole calibration, seen up to 18 ms, and the TCXO's start.
_BUSY_US = const(50_000)
_BUSY_LOOK_US = const(50)


class SX126xChip(LoraRadio):
    """One chip with its pins, see `SX126x`; resets it at once."""

    def __init__(self, spi, nss, reset, busy, dio1, tcxo_mv=None, dio2_switch=False):
        super().__init__(dio1)
        self._spi = spi
        self._nss = nss
        self._reset = reset
        self._busy = busy
        self._tcxo_mv = tcxo_mv
        self._dio2_switch = dio2_switch
        self._status = None  # what the last GetIrqStatus gave
        nss.value(1)
        self.restart()

    def restart(self):
        """Resets the chip, checks and calibrates it for 863…870 MHz, puts it to sleep.

        About 40 ms. `configure` is due afterwards. RadioError when the chip does not follow, or its
        oscillator does not start.
        """
        self._reset.value(0)
        sleep_ms(1)  # section 8.1: 100 us
        self._reset.value(1)
        sleep_ms(4)  # 3.5 ms until it takes commands, BUSY high meanwhile
        self._mode = STANDBY
        self._set(_SET_STANDBY, _RC)
        self._check()
        self._set(_SET_REGULATOR, _DC_DC)
        if self._tcxo_mv is not None:
            self._set(_SET_TCXO, _TCXO_MV.index(self._tcxo_mv) << 24 | _TCXO_START_STEPS, 4)
        # At power-on the chip has looked for a crystal and found none (section 13.3.6): that error is due,
        # and what was calibrated without a clock has to be calibrated again.
        self._set(_CLEAR_DEVICE_ERRORS, 0, 2)
        self._set(_CALIBRATE, _ALL_BLOCKS)
        self._set(_CALIBRATE_IMAGE, _863_870_MHZ, 2)
        errors = self._get(_GET_DEVICE_ERRORS, 3)
        if errors[1] or errors[2]:
            raise RadioError("device errors 0x%02x%02x" % (errors[1], errors[2]))
        if self._dio2_switch:
            self._set(_SET_DIO2_SWITCH, 1)
        self._set(_SET_PACKET_TYPE, _LORA)
        self._set(_SET_BUFFER_BASE, 0, 2)  # half duplex: sending and receiving may each use the whole buffer
        self._set(_STOP_TIMER_ON_PREAMBLE, 1)
        # Section 15.2: a mismatched antenna would make the PA clamp its power too early.
        self._set_register(_TX_CLAMP, self._get_register(_TX_CLAMP) | 0x1E)
        self.sleep()

    def _check(self):
        # The chip has no readable version that tells it from others: it must be where it was told to go, and
        # keep what is written.
        self._irq_flags()
        status = self._status[0]
        self._set_sync_word(_OWN_SYNC_WORD)
        word = self._get_register(_SYNC_WORD) << 8 | self._get_register(_SYNC_WORD + 1)
        if status >> 4 & 7 != _MODE_STANDBY_RC or word != _OWN_SYNC_WORD:
            raise RadioError("no SX126x: status 0x%02x, register 0x%04x" % (status, word))

    def configure(self, freq_hz, sf, power_dbm=14, invert_iq=False, crc=True, sync_word=0x34, preamble=8):
        """Sets the modem for what follows, sending and receiving; leaves it in standby, its clock on.

        125 kHz, coding rate 4/5, explicit header. freq_hz 863…870 MHz, for which the chip is calibrated,
        sf 7…12, power_dbm -9…22, preamble 6…65535 symbols. crc: frames are sent with a CRC, and received
        ones without are marked as bad. ValueError for arguments outside these ranges.
        """
        if not 863_000_000 <= freq_hz <= 870_000_000:
            raise ValueError("freq_hz")
        if not -9 <= power_dbm <= 22:
            raise ValueError("power_dbm")
        self._set_modem(sf, invert_iq, crc, preamble)
        # With the clock on, or the TCXO's start would delay what follows by 5 ms.
        self._idle(_XOSC)
        self._set(_SET_RF_FREQUENCY, ((freq_hz << 20) + 500_000) // 1_000_000, 4)  # 2^25 / 32 MHz
        # Table 13-21: with 22 in SetTxParams each setting of the PA gives its own power most efficiently, and
        # each dB less there is a dB less on the air. The PA's setting also sets its over-current limit.
        if power_dbm > 14:
            self._set(_SET_PA_CONFIG, _PA_22_DBM, 4)
        else:
            self._set(_SET_PA_CONFIG, _PA_14_DBM, 4)
            power_dbm += 8
        self._set(_SET_TX_PARAMS, (power_dbm & 0xFF) << 8 | _RAMP_40_US, 2)
        ldro = 1 if low_data_rate(sf) else 0
        self._set(_SET_MODULATION, sf << 24 | _125_KHZ << 16 | _CODING_RATE_4_5 << 8 | ldro, 4)
        # An SX127x's 0xXY is 0xX4Y4 here.
        self._set_sync_word((sync_word & 0xF0) << 8 | (sync_word & 0x0F) << 4 | 0x0404)

    def standby(self):
        """Stops whatever is going on; the settings stay. 0.6 mA, the clock is off."""
        self._idle(_RC)

    def sleep(self):
        """0.6 uA; settings stay, the buffer is lost. Leave the chip like this before a deep sleep, NSS high.

        Never raises: a chip that does not follow will not answer the next command either.
        """
        if self._mode == SLEEP:
            return
        try:
            self.standby()
            self._set(_SET_SLEEP, _WARM)
        except RadioError:
            self._reset.value(0)  # the one thing left that stops it from sending; `restart` lets it go
        self._mode = SLEEP
        sleep_ms(1)  # section 9.3: deaf for 500 us

    def _idle(self, clock):
        if self._mode == SLEEP:
            self._wake()
        self._set(_SET_STANDBY, clock)
        self._mode = STANDBY

    def _wake(self):
        # Asleep, BUSY is high and NSS wakes (section 9.3); awake, BUSY falls.
        self._nss.value(0)
        try:
            self._wait_ready()
        finally:
            self._nss.value(1)
        self._mode = STANDBY

    def _wait_ready(self):
        # BUSY rises at most 600 ns after the command before (section 8.3.1): no Python is faster than that.
        if not self._busy.value():
            return
        until_us = ticks_add(ticks_us(), _BUSY_US)
        while self._busy.value():
            if ticks_diff(until_us, ticks_us()) < 0:
                raise RadioError("chip stays busy")
            sleep_us(_BUSY_LOOK_US)

    def _write(self, command, data=None):
        self._wait_ready()
        self._nss.value(0)
        self._spi.write(command)
        if data is not None:
            self._spi.write(data)
        self._nss.value(1)

    def _read(self, command, into):
        self._wait_ready()
        self._nss.value(0)
        self._spi.write(command)
        self._spi.readinto(into)
        self._nss.value(1)
        return into

    def _set(self, command, value, size=1):
        self._write(bytes((command,)) + value.to_bytes(size, "big"))

    def _get(self, command, size):
        return self._read(bytes((command,)), bytearray(size))

    def _irq_flags(self):
        # Not GetStatus, which after SetRx has been seen to make the chip send: this gives the status as well.
        status = self._status = self._get(_GET_IRQ_STATUS, 3)
        return status[1] << 8 | status[2]

    def _set_sync_word(self, word):
        self._set(_WRITE_REGISTER, _SYNC_WORD << 16 | word, 4)

    def _set_register(self, register, value):
        self._set(_WRITE_REGISTER, register << 8 | value, 3)

    def _get_register(self, register):
        return self._read(bytes((_READ_REGISTER, register >> 8, register & 0xFF, 0)), bytearray(1))[0]
