"""An SX1262 at its SPI pins: commands, BUSY, buffer, registers and flags, without any radio.

It keeps the chip's rules that drivers break, and notes each breach in `violations`. The rest of the
world is the test: `finish_send`, `deliver`, `notice_preamble`, `time_out`, `break_header`, `brown_out`.
"""

from tests.fakes.pin import Pin

RESET_REGISTERS = (
    (0x0736, 0x0D),
    (0x0740, 0x14),
    (0x0741, 0x24),
    (0x076B, 0x00),
    (0x0889, 0x01),
    (0x08AC, 0x94),
    (0x08D8, 0xC8),
)
FORGOTTEN = ((0x0736, 0x0D), (0x0889, 0x01), (0x08AC, 0x94))  # by a warm start
TX_DONE, RX_DONE, PREAMBLE, HEADER_VALID, HEADER_ERROR, CRC_ERROR, TIMEOUT = 1, 2, 4, 16, 32, 64, 512
SLEEP, STANDBY_RC, STANDBY_XOSC, FS, RX, TX = 0, 2, 3, 4, 5, 6
XOSC_START = 0x20

# Microseconds of BUSY after each command; the start of the TCXO comes on top.
_BUSY_US = {0x89: 3500, 0x98: 3000, 0x82: 62, 0x83: 105, 0xC1: 40, 0x80: 31}


class _Busy:
    def __init__(self, chip):
        self._chip = chip

    def value(self):
        return self._chip.is_busy()


class Chip:
    """SPI object and pins for a driver: `SX126x(chip, chip.nss, chip.reset, chip.busy, chip.dio1)`."""

    ASLEEP, IDLE, RECEIVING = SLEEP, STANDBY_RC, RX

    def __init__(self, ticks, tcxo=True):
        self.ticks = ticks
        self.tcxo = tcxo  # what it has for a clock; a crystal otherwise
        self.clock_broken = False
        self.floating = None  # what an absent chip's SPI line reads as
        self.busy_stuck = None
        self.interrupts = True
        self.violations = []
        self.commands = []  # every command with its parameters
        self.sent = []  # (commands since the one before, data) at the moment a transmission began
        self.dio1 = self.irq_pin = Pin()
        self.busy = _Busy(self)
        self.power_on()
        self.nss = Pin(self._select)
        self.reset = Pin(self._reset_pin)

    def power_on(self):
        self.registers = dict(RESET_REGISTERS)
        self.buffer = bytearray(256)
        self.last = {}  # opcode: parameters
        self.mode = STANDBY_RC
        self.flags = 0
        self.device_errors = XOSC_START if self.tcxo else 0
        self.calibrated = not self.tcxo
        self.rx_at = 0
        self.rx_status = (0, 0)
        self.packet_status = (0, 0, 0)
        self._transfer = None
        self._busy_until_us = self.ticks.now_us + 3500
        self.dio1.level = 0

    def is_busy(self):
        if self.busy_stuck is not None:
            return self.busy_stuck
        return 1 if self.mode == SLEEP or self.ticks.now_us < self._busy_until_us else 0

    # What happens on the air

    def finish_send(self):
        assert self.mode == TX
        self.mode = STANDBY_RC
        self._raise(TX_DONE)

    def notice_preamble(self):
        assert self.mode == RX
        self._raise(PREAMBLE)

    def deliver(self, data, rssi=200, snr=40, signal_rssi=200, has_crc=True, crc_error=False, at=None):
        assert self.mode == RX
        if at is not None:
            self.rx_at = at
        for index, byte in enumerate(data):
            self.buffer[(self.rx_at + index) & 0xFF] = byte
        self.rx_status = len(data), self.rx_at
        self.rx_at = (self.rx_at + len(data)) & 0xFF
        self.packet_status = rssi, snr, signal_rssi
        self.registers[0x076B] = 0x10 if has_crc else 0
        self._leave_single()
        self._raise(PREAMBLE | HEADER_VALID | RX_DONE | (CRC_ERROR if crc_error else 0))

    def time_out(self):
        assert self.mode == RX and self.rx_steps not in (0, 0xFFFFFF)
        self._leave_single()
        self._raise(TIMEOUT)

    def break_header(self):
        self._leave_single()
        self._raise(PREAMBLE | HEADER_ERROR)

    def brown_out(self):
        self.power_on()

    @property
    def rx_steps(self):
        a, b, c = self.last[0x82]
        return a << 16 | b << 8 | c

    @property
    def freq_hz(self):
        return int.from_bytes(self.last[0x86], "big") * 1_000_000 >> 20

    def _leave_single(self):
        assert self.mode == RX
        if self.rx_steps != 0xFFFFFF:
            self.mode = STANDBY_RC

    def _raise(self, flags):
        mask, pin_mask = (int.from_bytes(self.last[0x08][at : at + 2], "big") for at in (0, 2))
        self.flags |= flags & mask
        if self.flags & pin_mask and self.interrupts and not self.dio1.level:
            self.dio1.rise()

    def _reset_pin(self, level):
        if level == 0:
            self.power_on()

    # SPI

    def _select(self, level):
        if level == 0:
            if self.mode == SLEEP:
                self._wake()
            self._transfer = bytearray()
        elif self._transfer is not None:
            transfer, self._transfer = self._transfer, None
            if transfer and self.floating is None:
                self._execute(transfer[0], bytes(transfer[1:]))

    def _wake(self):
        self.mode = STANDBY_RC
        self._busy_until_us = self.ticks.now_us + 340
        for register, value in FORGOTTEN:
            self.registers[register] = value
        for index in range(256):
            self.buffer[index] = 0xA5

    def write(self, data):
        self._byte_check()
        self._transfer.extend(data)

    def readinto(self, into):
        self._byte_check()
        for index in range(len(into)):
            into[index] = self._answer(bytes(self._transfer)) if self.floating is None else self.floating
            self._transfer.append(0)

    def _byte_check(self):
        if self.is_busy() and self.floating is None:
            self.violations.append("SPI while busy")

    def _status(self):
        return self.mode << 4 | 2

    def _answer(self, before):
        """The byte that comes after `before` has been clocked in."""
        op, at = before[0], len(before)
        if op in (0x12, 0x13, 0x14, 0x17):
            words = {
                0x12: (self.flags >> 8, self.flags & 0xFF),
                0x13: self.rx_status,
                0x14: self.packet_status,
                0x17: (self.device_errors >> 8, self.device_errors & 0xFF),
            }[op]
            return self._status() if at == 1 else words[at - 2]
        if op == 0x1D:
            return self._status() if at < 4 else self.registers[(before[1] << 8 | before[2]) + at - 4]
        if op == 0x1E:
            return self._status() if at < 3 else self.buffer[(before[1] + at - 3) & 0xFF]
        self.violations.append("read of 0x%02x" % op)
        return 0

    def _execute(self, op, parameters):
        self.commands.append((op, parameters))
        self.last[op] = parameters
        busy_us = _BUSY_US.get(op, 10)
        if op in (0x80, 0x82, 0x83, 0xC1, 0x84):
            busy_us += self._go(op, parameters)
        elif op == 0x02:
            self.flags &= ~int.from_bytes(parameters, "big")
            if not self.flags:
                self.dio1.level = 0
        elif op == 0x07:
            self.device_errors = 0
        elif op == 0x0D:
            self._write_registers(parameters[0] << 8 | parameters[1], parameters[2:])
        elif op == 0x0E:
            for index in range(1, len(parameters)):
                self.buffer[(parameters[0] + index - 1) & 0xFF] = parameters[index]
        elif op in (0x89, 0x96, 0x97, 0x98):
            if self.mode != STANDBY_RC:
                self.violations.append("0x%02x outside STDBY_RC" % op)
            self._calibrate(op)
        elif self.mode in (RX, TX) and op not in (0x12, 0x13, 0x14, 0x17, 0x1D, 0x1E):
            self.violations.append("0x%02x in mode %d" % (op, self.mode))
        self._busy_until_us = self.ticks.now_us + busy_us

    def _go(self, op, parameters):
        was = self.mode
        if op == 0x84:
            if was not in (STANDBY_RC, STANDBY_XOSC):
                self.violations.append("sleep from mode %d" % was)
            assert parameters == b"\x04"
        self.mode = {
            0x80: STANDBY_RC + parameters[0] if parameters else 0,
            0x82: RX,
            0x83: TX,
            0xC1: FS,
            0x84: SLEEP,
        }[op]
        starts_clock = was == STANDBY_RC and self.mode >= STANDBY_XOSC
        if starts_clock and not self._has_clock():
            self.device_errors |= XOSC_START
            self.mode = STANDBY_RC
        elif self.mode in (RX, TX) and not self.calibrated:
            self.violations.append("not calibrated with its clock")
        if self.mode == TX:
            self._send()
        if starts_clock and self.tcxo and 0x97 in self.last:
            return int.from_bytes(self.last[0x97][1:], "big") * 125 // 8
        return 0

    def _has_clock(self):
        return not self.clock_broken and self.tcxo == (0x97 in self.last)

    def _calibrate(self, op):
        if op == 0x89:
            self.calibrated = self._has_clock()
            if not self.calibrated:
                self.device_errors |= XOSC_START

    def _send(self):
        base, size = self.last[0x8F][0], self.last[0x8C][3]
        data = bytes(self.buffer[(base + index) & 0xFF] for index in range(size))
        self.sent.append((dict(self.last), dict(self.registers), data))

    def _write_registers(self, register, values):
        for value in values:
            if register not in self.registers or register == 0x076B:
                self.violations.append("register 0x%04x written" % register)
            self.registers[register] = value
            register += 1
