"""The SX127x as a chip: SPI, reset, calibration, and the modem's registers (`sx127x` sends and receives).

Sections cited are of the SX1276/77/78/79 datasheet, rev 7.
"""

from time import sleep_ms

from micropython import const

from drivers.lora_radio import LoraRadio, RadioError
from lyhord_wire.airtime import low_data_rate

_FIFO = const(0x00)
_OP_MODE = const(0x01)
_FRF_MSB = const(0x06)
_FRF_MID = const(0x07)
_FRF_LSB = const(0x08)
_PA_CONFIG = const(0x09)
_OCP = const(0x0B)
_LNA = const(0x0C)
_FIFO_ADDR_PTR = const(0x0D)
_FIFO_TX_BASE = const(0x0E)
_FIFO_RX_BASE = const(0x0F)
_IRQ_FLAGS_MASK = const(0x11)
_MODEM_CONFIG_1 = const(0x1D)
_MODEM_CONFIG_2 = const(0x1E)
_SYMB_TIMEOUT_LSB = const(0x1F)
_PREAMBLE_MSB = const(0x20)
_PREAMBLE_LSB = const(0x21)
_MODEM_CONFIG_3 = const(0x26)
_IF_FREQ_1 = const(0x2F)
_IF_FREQ_2 = const(0x30)
_DETECT_OPTIMIZE = const(0x31)
_DETECTION_THRESHOLD = const(0x37)
_SYNC_WORD = const(0x39)
_IMAGE_CAL = const(0x3B)  # in FSK mode; in LoRa mode the same address inverts IQ
_VERSION = const(0x42)
_PA_DAC = const(0x4D)

_WRITE = const(0x80)
_LONG_RANGE = const(0x80)
_SLEEP = const(0)
_STANDBY = const(1)

_RX_PAYLOAD_CRC_ON = const(0x04)
_IMAGE_CAL_START = const(0x40)
_IMAGE_CAL_RUNNING = const(0x20)

_CHIP_VERSION = const(0x12)
_CALIBRATION_HZ = const(868_000_000)
_CALIBRATION_MS = const(50)


class SX127xChip(LoraRadio):
    """One chip on `spi` (mode 0, at most 10 MHz) with `nss`, `reset` (outputs) and `dio0`; resets it."""

    def __init__(self, spi, nss, reset, dio0):
        super().__init__(dio0)
        self._spi = spi
        self._nss = nss
        self._reset = reset
        self._command = bytearray(2)
        self._address = bytearray(1)
        nss.value(1)
        self.restart()

    def restart(self):
        """Resets the chip, checks it, calibrates its image rejection for 868 MHz, puts it to LoRa sleep.

        About 20 ms. `configure` is due afterwards. RadioError when the chip does not follow.
        """
        self._reset.value(0)
        sleep_ms(1)  # section 7.2.2: low for 100 us, ready 5 ms later
        self._reset.value(1)
        sleep_ms(6)
        version = self._read(_VERSION)
        if version != _CHIP_VERSION:
            raise RadioError("chip version 0x%02x instead of 0x12" % version)
        self._calibrate()
        # LongRangeMode changes only in sleep (section 4.1.6).
        self._write(_OP_MODE, _SLEEP)
        self._set_mode(_SLEEP)
        if self._read(_OP_MODE) != _LONG_RANGE | _SLEEP:
            raise RadioError("no LoRa mode")

    def _calibrate(self):
        # Section 2.1.3.8: in FSK standby, on the band in use; the calibration at power-on is for 434 MHz.
        self._write(_OP_MODE, _STANDBY)
        self._write(_PA_CONFIG, 0)
        self._tune(_CALIBRATION_HZ)
        self._write(_IMAGE_CAL, self._read(_IMAGE_CAL) | _IMAGE_CAL_START)
        for _ in range(_CALIBRATION_MS):
            if not self._read(_IMAGE_CAL) & _IMAGE_CAL_RUNNING:
                return
            sleep_ms(1)
        raise RadioError("image calibration did not end")

    def configure(self, freq_hz, sf, power_dbm=14, invert_iq=False, crc=True, sync_word=0x34, preamble=8):
        """Sets the modem for what follows, sending and receiving; leaves it in standby.

        125 kHz, coding rate 4/5, explicit header. freq_hz 779…1020 MHz (HF port), sf 7…12, power_dbm
        2…20 at PA_BOOST, preamble 6…65535 symbols. crc: frames are sent with a CRC, and received ones
        without are marked as bad. ValueError for arguments outside these ranges.
        """
        if not 779_000_000 <= freq_hz <= 1_020_000_000:
            raise ValueError("freq_hz")
        if not 2 <= power_dbm <= 20:
            raise ValueError("power_dbm")
        self._set_modem(sf, invert_iq, crc, preamble)
        self.standby()
        write = self._write
        self._tune(freq_hz)
        self._set_power(power_dbm)
        write(_LNA, 0x23)  # highest gain until the AGC takes over, HF boost on
        write(_MODEM_CONFIG_1, 0x72)  # 125 kHz, 4/5, explicit header
        self._set_modem_config_2(0)
        write(_MODEM_CONFIG_3, 0x0C if low_data_rate(sf) else 0x04)  # bit 3 LDRO, bit 2 AGC
        # Errata note, section 2.3: no automatic IF (bit 7 of 0x31), or spurious frames are received.
        write(_DETECT_OPTIMIZE, 0x03)
        write(_IF_FREQ_1, 0x40)
        write(_IF_FREQ_2, 0x00)
        write(_DETECTION_THRESHOLD, 0x0A)
        write(_PREAMBLE_MSB, preamble >> 8)
        write(_PREAMBLE_LSB, preamble & 0xFF)
        write(_SYNC_WORD, sync_word)
        # Half duplex: sending and receiving may each use the whole FIFO.
        write(_FIFO_TX_BASE, 0)
        write(_FIFO_RX_BASE, 0)
        write(_IRQ_FLAGS_MASK, 0)

    def standby(self):
        """Stops whatever is going on; the registers stay."""
        was = self._mode
        self._set_mode(_STANDBY)
        if was == _SLEEP:
            sleep_ms(1)  # the crystal oscillator starts: 250 us, table 7

    def sleep(self):
        """0.2 uA; registers stay, the FIFO is lost. Leave the chip like this before a deep sleep."""
        self._set_mode(_SLEEP)

    def _set_mode(self, mode):
        self._write(_OP_MODE, _LONG_RANGE | mode)
        self._mode = mode

    def _tune(self, freq_hz):
        steps = ((freq_hz << 19) + 16_000_000) // 32_000_000
        self._write(_FRF_MSB, steps >> 16)
        self._write(_FRF_MID, steps >> 8 & 0xFF)
        self._write(_FRF_LSB, steps & 0xFF)  # takes effect with this one

    def _set_power(self, power_dbm):
        # Section 3.4.2: 2…17 dBm as 2 + OutputPower; with the high power DAC 5 + OutputPower, up to 20 dBm.
        if power_dbm > 17:
            self._write(_OCP, 0x31)  # 140 mA
            self._write(_PA_DAC, 0x87)
            self._write(_PA_CONFIG, 0xF0 | power_dbm - 5)
        else:
            self._write(_OCP, 0x2B)  # 100 mA
            self._write(_PA_DAC, 0x84)
            self._write(_PA_CONFIG, 0xF0 | power_dbm - 2)

    def _set_modem_config_2(self, timeout_symbols):
        # Spreading factor, CRC and the upper bits of the symbol timeout share a register.
        config = self._sf << 4 | timeout_symbols >> 8
        self._write(_MODEM_CONFIG_2, config | _RX_PAYLOAD_CRC_ON if self._crc else config)
        self._write(_SYMB_TIMEOUT_LSB, timeout_symbols & 0xFF)

    def _read(self, register):
        command = self._command
        command[0] = register
        command[1] = 0
        self._nss.value(0)
        self._spi.write_readinto(command, command)
        self._nss.value(1)
        return command[1]

    def _write(self, register, value):
        command = self._command
        command[0] = register | _WRITE
        command[1] = value
        self._nss.value(0)
        self._spi.write(command)
        self._nss.value(1)

    def _write_fifo(self, data):
        self._write(_FIFO_ADDR_PTR, 0)
        self._address[0] = _FIFO | _WRITE
        self._nss.value(0)
        self._spi.write(self._address)
        self._spi.write(data)
        self._nss.value(1)

    def _read_fifo(self, start, into):
        self._write(_FIFO_ADDR_PTR, start)
        self._address[0] = _FIFO
        self._nss.value(0)
        self._spi.write(self._address)
        self._spi.readinto(into)
        self._nss.value(1)
