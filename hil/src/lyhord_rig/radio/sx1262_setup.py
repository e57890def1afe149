"""The SX1262's commands outside of sending and listening: parameters, interrupts, calibration.

Sections and tables cited are of DS.SX1261-2.W.APP rev 2.1.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

from ..world.clock import World
from . import sx1262_tables as tab
from .fifo import Fifo
from .sx1262_bus import Fault, Sx1262Bus, Wire
from .sx1262_clock import Clock
from .sx1262_modem import Modem
from .sx1262_tables import Irq, Mode, Result

COMMAND_US = 20
STANDBY = (Mode.STANDBY_RC, Mode.STANDBY_XOSC)
_READ_US = 4
_CALIBRATION_US = 3_500  # section 9.2: all blocks; taken for any of them
_ON_AIR = (Mode.TX, Mode.RX, Mode.CAD)
_FALLBACKS = {0x20: Mode.STANDBY_RC, 0x30: Mode.STANDBY_XOSC, 0x40: Mode.FS}
_MODEM_REGISTERS = {
    tab.IQ_POLARITY,
    tab.SYNC_MSB,
    tab.SYNC_LSB,
    tab.TX_MODULATION,
    tab.TX_CLAMP,
    tab.RX_GAIN,
    tab.SYNC_TIMEOUT,
}


class Sx1262Setup(Sx1262Bus):
    """Everything but the modes. `_handlers`: what a command does; they return BUSY in us, None: usual."""

    def __init__(
        self,
        world: World,
        name: str,
        busy: Wire | None,
        dio1: Wire | None,
        tcxo_mv: int | None,
        tcxo_start_us: int,
    ) -> None:
        super().__init__(world, busy)
        self._noise = world.rng(f"{name}/sx1262")
        self._dio1 = dio1
        self._clock = Clock(tcxo_mv, tcxo_start_us)
        self._modem = Modem()
        self._buffer = Fifo()
        self._mode = Mode.STANDBY_RC
        self._handlers: dict[int, Callable[[bytes], int | None]] = {
            tab.RESET_STATS: self._reset_stats,
            tab.CLEAR_IRQ_STATUS: self._clear_irq,
            tab.CLEAR_DEVICE_ERRORS: self._clear_errors,
            tab.SET_DIO_IRQ_PARAMS: self._set_dio_irq,
            tab.WRITE_REGISTER: self._write_registers,
            tab.WRITE_BUFFER: self._write_buffer,
            tab.SET_RF_FREQUENCY: lambda p: self._modem.set_freq(int.from_bytes(p, "big")),
            tab.SET_CAD_PARAMS: self._set_cad_params,
            tab.CALIBRATE: self._calibrate,
            tab.SET_PACKET_TYPE: self._set_packet_type,
            tab.SET_MODULATION_PARAMS: self._set_modulation,
            tab.SET_PACKET_PARAMS: self._set_packet,
            tab.SET_TX_PARAMS: self._set_tx_params,
            tab.SET_BUFFER_BASE_ADDRESS: self._set_bases,
            tab.SET_RX_TX_FALLBACK_MODE: self._set_fallback,
            tab.SET_PA_CONFIG: self._set_pa_config,
            tab.SET_REGULATOR_MODE: self._set_regulator,
            tab.SET_DIO3_AS_TCXO_CTRL: self._set_tcxo,
            tab.CALIBRATE_IMAGE: self._calibrate_image,
            tab.SET_DIO2_AS_RF_SWITCH_CTRL: self._set_rf_switch,
            tab.STOP_TIMER_ON_PREAMBLE: self._set_stop_on_preamble,
            tab.SET_LORA_SYMB_NUM_TIMEOUT: self._set_symbol_timeout,
        }
        self._clear()

    def _clear(self) -> None:
        self._mode = Mode.STANDBY_RC
        self._buffer.clear()
        self._result = Result.OK
        self._rx_start = self._rx_size = 0
        self._packet_status = bytes(3)
        self._stats = [0, 0, 0]  # received, CRC errors, header errors
        self._irq = Irq(0)

    def _restart(self, kept: bool) -> None:
        self._stop()
        self._clear()
        if kept:
            self._modem.registers.forget()
        else:
            self._modem.reset()
            self._clock.restart(self.fault is Fault.NO_CLOCK)
        self._set_irq(Irq(0))

    @abstractmethod
    def _stop(self) -> None:
        """Neither send nor listen, and forget every timer."""

    @abstractmethod
    def _rssi_now(self) -> int: ...

    # -- what can be seen ----------------------------------------------------------------------------

    @property
    def mode(self) -> Mode:
        return self._mode

    def _status(self) -> int:
        return ((self._mode.value or 0) & 7) << 4 | self._result << 1

    def _answer_to(self, opcode: int) -> bytes:
        match opcode:
            case tab.GET_STATS:
                return b"".join((count & 0xFFFF).to_bytes(2, "big") for count in self._stats)
            case tab.GET_PACKET_TYPE:
                return bytes([self._modem.packet_type])
            case tab.GET_IRQ_STATUS:
                return self._irq.to_bytes(2, "big")
            case tab.GET_RX_BUFFER_STATUS:
                return bytes([self._rx_size, self._rx_start])
            case tab.GET_PACKET_STATUS:
                return self._packet_status
            case tab.GET_RSSI_INST:
                return bytes([self._rssi_now()])
            case tab.GET_DEVICE_ERRORS:
                return self._clock.errors.to_bytes(2, "big")
            case _:
                return b""

    def _peek(self, opcode: int, address: int) -> int:
        if opcode == tab.READ_BUFFER:
            return self._buffer.read(address)
        if address not in self._modem.registers:
            self._violate(f"unknown register 0x{address:04x} read")
        if tab.RANDOM <= address < tab.RANDOM + 4:
            return self._noise.randrange(256)
        return self._modem.registers[address]

    def _set_irq(self, irq: Irq) -> None:
        self._irq = irq
        if self._dio1 is not None:
            self._dio1.set(int(irq & self._modem.dio1_mask != 0))

    def _raise_irq(self, new: Irq) -> None:
        self._set_irq(self._irq | new & self._modem.irq_mask)

    # -- commands ------------------------------------------------------------------------------------

    def _execute(self, opcode: int, parameters: bytes) -> int:
        if opcode in tab.ANSWERS or opcode in (tab.READ_REGISTER, tab.READ_BUFFER):
            return _READ_US
        if opcode == tab.NOP and len(parameters) < tab.LENGTHS[tab.RESET_STATS][0] and not any(parameters):
            return COMMAND_US  # drivers clock zeros to wake the chip, or to read its status
        length = tab.LENGTHS.get(opcode)
        if length is None:
            self._reject(f"{tab.NOT_MODELLED.get(opcode, 'unknown command')} 0x{opcode:02x}")
            return COMMAND_US
        if not length[0] <= len(parameters) <= length[1]:
            self._reject(f"command 0x{opcode:02x} with {len(parameters)} bytes")
            return COMMAND_US
        if opcode in tab.MODEM and self._mode in _ON_AIR:
            # The modem has taken its parameters over: these wait for the next time.
            self._violate(f"command 0x{opcode:02x} in {self._mode.name}")
        self._result = Result.OK
        busy_us = self._handlers[opcode](parameters)
        if self._mode is Mode.SLEEP:
            return 0
        return COMMAND_US if busy_us is None else busy_us

    def _reject(self, what: str, result: Result = Result.INVALID) -> None:
        self._violate(what)
        self._result = result

    def _is_in(self, modes: tuple[Mode, ...], what: str) -> bool:
        if self._mode in modes:
            return True
        self._reject(f"{what} in {self._mode.name}", Result.FAILED)
        return False

    def _reset_stats(self, p: bytes) -> None:
        self._stats = [0, 0, 0]

    def _clear_irq(self, p: bytes) -> None:
        self._set_irq(self._irq & ~int.from_bytes(p, "big"))

    def _clear_errors(self, p: bytes) -> None:
        self._clock.errors = tab.DeviceError(0)

    def _set_dio_irq(self, p: bytes) -> None:
        mask, dio1, dio2, dio3 = (Irq(p[at] << 8 | p[at + 1]) for at in (0, 2, 4, 6))
        if dio2 and self._modem.rf_switch:
            self._violate("interrupt on DIO2, which is the RF switch")
        if dio3 and self._clock.control is not None:
            self._violate("interrupt on DIO3, which supplies the TCXO")
        self._modem.irq_mask, self._modem.dio1_mask = mask, dio1
        self._set_irq(self._irq)

    def _write_registers(self, p: bytes) -> None:
        for address, value in enumerate(p[2:], p[0] << 8 | p[1]):
            if address not in self._modem.registers:
                self._reject(f"unknown register 0x{address:04x} written")
            elif address in tab.READ_ONLY:
                self._reject(f"read-only register 0x{address:04x} written")
            else:
                if address in _MODEM_REGISTERS and self._mode in _ON_AIR:
                    self._violate(f"register 0x{address:04x} written in {self._mode.name}")
                self._modem.registers[address] = value

    def _write_buffer(self, p: bytes) -> None:
        if self._mode is Mode.TX:
            self._violate("buffer written in TX")
        for at, value in enumerate(p[1:], p[0]):
            self._buffer.write(at, value)

    def _set_packet_type(self, p: bytes) -> None:
        if p[0] not in (tab.GFSK, tab.LORA):
            self._reject(f"packet type {p[0]}")
        elif self._is_in((*STANDBY, Mode.FS), "SetPacketType"):
            self._modem.set_packet_type(p[0])

    def _for_lora(self, what: str) -> bool:
        if self._modem.packet_type == tab.LORA:
            return True
        self._reject(f"{what} for LoRa while the packet type is GFSK")
        return False

    def _set_modulation(self, p: bytes) -> None:
        if self._for_lora("SetModulationParams"):
            self._modem.modulation_params = p

    def _set_packet(self, p: bytes) -> None:
        if self._for_lora("SetPacketParams"):
            self._modem.packet_params = p

    def _set_symbol_timeout(self, p: bytes) -> None:
        if self._for_lora("SetLoRaSymbNumTimeout"):
            if p[0] > 248:
                self._violate(f"SetLoRaSymbNumTimeout {p[0]}")
            self._modem.set_symbol_timeout(p[0])

    def _set_cad_params(self, p: bytes) -> None:
        if p[0] > 4 or p[3] > 1:
            self._reject(f"SetCadParams {p.hex()}")
        elif self._for_lora("SetCadParams"):
            self._modem.cad_params = p

    def _set_tx_params(self, p: bytes) -> None:
        self._modem.tx_params = p

    def _set_pa_config(self, p: bytes) -> None:
        if p[0] > 4 or p[1] > 7:
            self._violate(f"SetPaConfig {p.hex()}: may damage the chip")
        self._modem.pa_config = p
        self._modem.registers[tab.OCP] = 0x18 if p[2] else 0x38  # table 5-2: set again with every SetPaConfig

    def _set_bases(self, p: bytes) -> None:
        self._modem.tx_base, self._modem.rx_base = p

    def _set_fallback(self, p: bytes) -> None:
        if p[0] in _FALLBACKS:
            self._modem.fallback = _FALLBACKS[p[0]]
        else:
            self._reject(f"fallback mode 0x{p[0]:02x}")

    def _set_regulator(self, p: bytes) -> None:
        if p[0] > 1:
            self._reject(f"regulator mode {p[0]}")
        else:
            self._is_in(STANDBY, "SetRegulatorMode")

    def _set_rf_switch(self, p: bytes) -> None:
        self._modem.rf_switch = p[0] == 1
        if p[0] > 1:
            self._reject(f"SetDIO2AsRfSwitchCtrl {p[0]}")

    def _set_stop_on_preamble(self, p: bytes) -> None:
        self._modem.stop_on_preamble = p[0] == 1

    # -- clock and calibration -----------------------------------------------------------------------

    def _set_tcxo(self, p: bytes) -> None:
        if p[0] >= len(tab.TCXO_MV):
            self._reject(f"TCXO voltage code {p[0]}")
        elif self._is_in((Mode.STANDBY_RC,), "SetDIO3AsTcxoCtrl"):
            doubt = self._clock.supply(p[0], int.from_bytes(p[1:], "big"))
            if doubt is not None:
                self._violate(doubt)

    def _start_clock(self) -> tuple[bool, int]:
        """True if the 32 MHz run, and how long the chip waited for them (us)."""
        if self._mode is not Mode.STANDBY_RC:
            return True, 0
        is_dead = self.fault is Fault.NO_CLOCK
        runs, wait_us = self._clock.start(is_dead)
        if not runs:
            self._result = Result.FAILED
            if not is_dead:
                self._violate("the 32 MHz clock does not start with what SetDIO3AsTcxoCtrl was told")
        return runs, wait_us

    def _calibrate(self, p: bytes) -> int | None:
        if not self._is_in((Mode.STANDBY_RC,), "Calibrate"):
            return None
        runs, wait_us = self._start_clock()
        if runs:
            self._clock.calibrate(p[0])
        return wait_us + _CALIBRATION_US

    def _calibrate_image(self, p: bytes) -> int | None:
        if not p[0] <= p[1]:
            self._reject(f"CalibrateImage {p.hex()}")
            return None
        if not self._is_in(STANDBY, "CalibrateImage"):
            return None
        runs, wait_us = self._start_clock()
        if runs:
            self._clock.calibrate_image(p[0] * 4_000_000, p[1] * 4_000_000)  # section 9.2.1: steps of 4 MHz
        return wait_us + _CALIBRATION_US
