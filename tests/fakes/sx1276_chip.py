"""An SX1276 at its SPI pins: registers, FIFO, modes and flags, without any radio.

It keeps the chip's rules that drivers break, and notes each breach in `violations`. The rest of the
world is the test: `finish_send`, `deliver`, `time_out`, `break_header`, `brown_out`.
"""

from tests.fakes.pin import Pin

_LONG_RANGE = 0x80
_RESET_VALUES = (
    (0x01, 0x09),
    (0x09, 0x4F),
    (0x0B, 0x2B),
    (0x31, 0xC3),
    (0x33, 0x27),
    (0x39, 0x12),
    (0x3B, 0x1D),
    (0x4D, 0x84),
)
_RX_TIMEOUT, _RX_DONE, _CRC_ERROR, _TX_DONE = 0x80, 0x40, 0x20, 0x08
SLEEP, STANDBY, FS_TX, TX, RX_CONTINUOUS, RX_SINGLE = 0, 1, 2, 3, 5, 6


class Chip:
    """The SPI object and the pins for a driver: `SX127x(chip, chip.nss, chip.reset, chip.dio0)`."""

    ASLEEP, IDLE, RECEIVING = SLEEP, STANDBY, RX_CONTINUOUS

    def __init__(self, version=0x12, calibration_reads=3):
        self.version = version
        self.interrupts = True
        self.calibration_reads = calibration_reads  # how often the calibration is seen running
        self.violations = []
        self.sent = []  # (registers, data) at the moment a transmission began
        self.nss = Pin(self._select)
        self.reset = Pin(self._reset_pin)
        self.dio0 = self.irq_pin = Pin()
        self.power_on()

    def power_on(self):
        self.registers = bytearray(128)
        for register, value in _RESET_VALUES:
            self.registers[register] = value
        self.image_cal = 0x82
        self.calibrated_hz = []
        self.fifo = bytearray(256)
        self.modes = []
        self._address = None
        self._writing = False

    # What happens on the air

    def finish_send(self):
        assert self.mode == TX
        self._set_mode(STANDBY)
        self._raise(_TX_DONE)

    def deliver(self, data, rssi_register=57, snr_register=40, has_crc=True, crc_error=False, at=0):
        assert self.mode in (RX_CONTINUOUS, RX_SINGLE)
        for index, byte in enumerate(data):
            self.fifo[(at + index) & 0xFF] = byte
        self.registers[0x10] = at
        self.registers[0x13] = len(data)
        self.registers[0x19] = snr_register
        self.registers[0x1A] = rssi_register
        self.registers[0x1C] = 0x40 if has_crc else 0
        if self.mode == RX_SINGLE:
            self._set_mode(STANDBY)
        self._raise(_RX_DONE | (_CRC_ERROR if crc_error else 0))

    def time_out(self):
        assert self.mode == RX_SINGLE
        self._set_mode(STANDBY)
        self.registers[0x12] |= _RX_TIMEOUT  # reaches DIO1 only

    def break_header(self):
        assert self.mode == RX_SINGLE
        self._set_mode(STANDBY)

    def brown_out(self):
        self.power_on()

    @property
    def mode(self):
        return self.registers[0x01] & 7

    @property
    def freq_hz(self):
        high, middle, low = self.registers[0x06:0x09]
        return (high << 16 | middle << 8 | low) * 32_000_000 >> 19

    def _raise(self, flags):
        self.registers[0x12] |= flags
        source = _TX_DONE if self.registers[0x40] & 0xC0 == 0x40 else _RX_DONE
        if flags & source and self.interrupts:
            self.dio0.rise()

    def _set_mode(self, mode):
        self.registers[0x01] = self.registers[0x01] & 0xF8 | mode
        self.modes.append(mode)

    def _reset_pin(self, level):
        if level == 0:
            self.power_on()

    # SPI

    def _select(self, level):
        self._address = None
        if level == 1:
            self.dio0.level = 0

    def write(self, data):
        for byte in data:
            self._transfer(byte)

    def readinto(self, buffer):
        for index in range(len(buffer)):
            buffer[index] = self._transfer(0)

    def write_readinto(self, data, buffer):
        for index in range(len(data)):
            buffer[index] = self._transfer(data[index])

    def _transfer(self, byte):
        if self.version != 0x12:
            return self.version  # nobody there: the line floats
        if self._address is None:
            self._address, self._writing = byte & 0x7F, byte & 0x80 != 0
            return 0
        address = self._address
        if address != 0:
            self._address += 1
        elif self.registers[0x01] & 7 == SLEEP:
            self.violations.append("FIFO in sleep")
        if self._writing:
            self._write(address, byte)
            return 0
        return self._read(address)

    def _read(self, address):
        if address == 0:
            pointer = self.registers[0x0D]
            self.registers[0x0D] = pointer + 1 & 0xFF
            return self.fifo[pointer]
        if address == 0x42:
            return self.version
        if address == 0x3B and not self.registers[0x01] & _LONG_RANGE:
            if self.calibrated_hz and self.calibration_reads:
                self.calibration_reads -= 1
                return self.image_cal | 0x20
            return self.image_cal
        return self.registers[address]

    def _write(self, address, value):
        long_range = self.registers[0x01] & _LONG_RANGE
        if address == 0:
            pointer = self.registers[0x0D]
            self.registers[0x0D] = pointer + 1 & 0xFF
            self.fifo[pointer] = value
        elif address == 0x01:
            self._write_mode(value)
        elif address == 0x12:
            self.registers[0x12] &= ~value
        elif address == 0x3B and not long_range:
            if value & 0x40:
                if self.mode != STANDBY:
                    self.violations.append("calibration outside standby")
                self.calibrated_hz.append(self.freq_hz)
        else:
            if self.mode not in (SLEEP, STANDBY) and address != 0x0D:
                self.violations.append("register 0x%02x in mode %d" % (address, self.mode))
            self.registers[address] = value

    def _write_mode(self, value):
        if (value ^ self.registers[0x01]) & _LONG_RANGE and self.mode != SLEEP:
            self.violations.append("LongRangeMode outside sleep")
            return
        self.registers[0x01] = value
        self.modes.append(value & 7)
        if value & 7 == TX:
            size = self.registers[0x22]
            start = self.registers[0x0E]
            data = bytes(self.fifo[(start + index) & 0xFF] for index in range(size))
            self.sent.append((bytes(self.registers), data))
