"""A Semtech SX1276 on its SPI bus, register by register, with its antenna in the ether.

What the chip rejects is rejected in the same way and written down in `violations`. Sections cited are of the
SX1276/77/78/79 datasheet, rev 7. Not modelled: FSK except the calibration, implicit header, frequency
hopping, bandwidths other than 125, 250 and 500 kHz, time to start oscillator and synthesizer, AGC and gain.
"""

from __future__ import annotations

from typing import Protocol

from ..world.clock import Handle, World
from . import sx1276_registers as reg
from .ether import Antenna
from .fifo import Fifo
from .model import Modulation, Reception
from .sx1276_bus import Fault, Sx1276Bus
from .sx1276_registers import Irq, Mode

_CALIBRATION_US = 10_000  # section 2.1.3.8


__all__ = ["Fault", "Sx1276", "Wire"]


class Wire(Protocol):
    """An output pin's wire; a `ports.Line`."""

    def set(self, level: int) -> None: ...


class Sx1276(Sx1276Bus):
    """The chip behind NSS, with DIO0 (and DIO1) as wires. It is powered and out of reset when made.

    Connect `reset` to the reset pin's output and `power` to whatever switches the supply. violations: what
    the driver did wrong, in words; tests hold it empty. pa_boost_only: only PA_BOOST has an antenna (RFM95).
    """

    def __init__(
        self,
        world: World,
        antenna: Antenna,
        dio0: Wire | None = None,
        dio1: Wire | None = None,
        pa_boost_only: bool = True,
    ) -> None:
        super().__init__(world)
        self._antenna = antenna
        self._dio0 = dio0
        self._dio1 = dio1
        self._pa_boost_only = pa_boost_only
        self._registers = reg.Registers()
        self._fifo = Fifo()
        self._timer: Handle | None = None
        self._restart()

    def _restart(self) -> None:
        self._stop()
        self._registers.reset()
        self._fifo.clear()
        self._pointer_stale = False  # a frame came and FifoAddrPtr was not set since
        self._image_cal = 0x82
        self._calibrated_us = 0
        self._flags(0)

    # -- registers -------------------------------------------------------------------------------

    @property
    def antenna(self) -> Antenna:
        return self._antenna

    @property
    def mode(self) -> Mode:
        return Mode(self._registers[reg.OP_MODE] & 7)

    @property
    def is_lora(self) -> bool:
        return self._registers[reg.OP_MODE] & reg.LONG_RANGE != 0

    def _read(self, address: int) -> int:
        if address == reg.FIFO:
            return self._read_fifo()
        if not self.is_lora and reg.FIFO_ADDR_PTR <= address < reg.DIO_MAPPING_1:
            if address != reg.IMAGE_CAL:
                self._violate(f"LoRa register 0x{address:02x} read in FSK mode")
                return 0
            return self._image_cal | (0x20 if self._world.now_us < self._calibrated_us else 0)
        if address == reg.MODEM_STAT:
            return self._modem_stat()
        if address == reg.RSSI and self._listening is not None:
            level_dbm = self._antenna.level_dbm(self._listening.freq_hz, self._listening.bandwidth_khz)
            return min(max(round(level_dbm) - reg.HF_OFFSET_DBM, 0), 255)
        return self._registers[address]

    def _write(self, address: int, value: int) -> None:
        if address == reg.FIFO:
            self._write_fifo(value)
        elif address == reg.OP_MODE:
            self._write_op_mode(value)
        elif not self.is_lora and reg.FIFO_ADDR_PTR <= address < reg.DIO_MAPPING_1:
            self._write_fsk(address, value)
        elif address not in reg.KNOWN:
            self._violate(f"reserved register 0x{address:02x} written")
        elif address in reg.READ_ONLY:
            self._violate(f"read-only register 0x{address:02x} written")
        elif address == reg.IRQ_FLAGS:
            self._flags(self._registers[reg.IRQ_FLAGS] & ~value)
        else:
            if address in reg.MODEM and self.mode > Mode.STANDBY:
                # The modem has taken its values over: the new one waits for the next time.
                self._violate(f"register 0x{address:02x} written in {self.mode.name}")
            self._registers[address] = value
            if address == reg.FIFO_ADDR_PTR:
                self._pointer_stale = False
            if address == reg.DIO_MAPPING_1:
                self._flags(self._registers[reg.IRQ_FLAGS])

    def _write_fsk(self, address: int, value: int) -> None:
        if address != reg.IMAGE_CAL:
            self._violate(f"LoRa register 0x{address:02x} written in FSK mode")
            return
        self._image_cal = value & 0x97  # start clears itself, running is read-only
        if value & 0x40:
            if self.mode is not Mode.STANDBY:
                self._violate(f"calibration in {self.mode.name}")
            self._calibrated_us = self._world.now_us + _CALIBRATION_US

    def _read_fifo(self) -> int:
        if self.mode is Mode.SLEEP:
            self._violate("FIFO read in sleep")
            return 0
        if self._pointer_stale:
            self._violate("FIFO read without FifoAddrPtr set to the frame")
            self._pointer_stale = False
        at = self._registers[reg.FIFO_ADDR_PTR]
        self._registers[reg.FIFO_ADDR_PTR] = at + 1
        return self._fifo.read(at)

    def _write_fifo(self, value: int) -> None:
        if self.mode is Mode.SLEEP:
            self._violate("FIFO written in sleep")
            return
        if self.mode is Mode.TX:
            self._violate("FIFO written in TX")
        at = self._registers[reg.FIFO_ADDR_PTR]
        self._fifo.write(at, value)
        self._registers[reg.FIFO_ADDR_PTR] = at + 1

    def _modem_stat(self) -> int:
        if self._listening is None:
            return 0x10
        if self._header is not None:
            return (self._header.coding_rate - 4) << 5 | 0x0F
        return 0x07 if self._locked else 0x14

    def _flags(self, flags: int, new: Irq = Irq(0)) -> None:  # noqa: B008 - an enum's member
        flags |= new & ~self._registers[reg.IRQ_FLAGS_MASK]
        self._registers[reg.IRQ_FLAGS] = flags
        mapping = self._registers[reg.DIO_MAPPING_1]
        if self._dio0 is not None:
            self._dio0.set(int(flags & reg.DIO0[mapping >> 6] != 0))
        if self._dio1 is not None:
            self._dio1.set(int(flags & reg.DIO1[mapping >> 4 & 3] != 0))

    def _raise_irq(self, new: Irq) -> None:
        self._flags(self._registers[reg.IRQ_FLAGS], new)

    # -- modes -----------------------------------------------------------------------------------

    def _write_op_mode(self, value: int) -> None:
        was = self._registers[reg.OP_MODE]
        mode = Mode(value & 7)
        # To sleep and to the other modem in one write is taken by chips, and widely used drivers do it.
        if (value ^ was) & reg.LONG_RANGE and self.mode is not Mode.SLEEP and mode is not Mode.SLEEP:
            self._violate(f"LongRangeMode changed in {self.mode.name}")  # section 4.1.6: ignored
            value ^= reg.LONG_RANGE
        elif value & reg.LONG_RANGE and not was & reg.LONG_RANGE:
            value &= ~reg.LOW_FREQUENCY  # not taken over by a write that changes to LoRa
        self._registers[reg.OP_MODE] = value
        if mode == Mode(was & 7) and not (value ^ was) & reg.LONG_RANGE:
            return
        self._stop()
        if mode is Mode.SLEEP:
            self._fifo.clear()
        elif mode > Mode.STANDBY and not self.is_lora:
            self._violate(f"{mode.name} in FSK mode")
        elif mode is Mode.TX:
            self._begin_tx()
        elif mode in (Mode.RX_CONTINUOUS, Mode.RX_SINGLE, Mode.CAD):
            self._begin_rx(mode)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._listening: Modulation | None = None
        self._header: Modulation | None = None
        self._locked = False
        self._antenna.idle()

    def _to_standby(self) -> None:
        self._stop()
        self._registers[reg.OP_MODE] = self._registers[reg.OP_MODE] & 0xF8 | Mode.STANDBY

    def _modulation(self, sending: bool) -> Modulation | None:
        doubts: list[str] = []
        if self._registers[reg.OP_MODE] & reg.LOW_FREQUENCY or self._registers.freq_hz < 779_000_000:
            doubts.append(f"low frequency port or {self._registers.freq_hz} Hz")
        try:
            return self._registers.modulation(sending, doubts)
        except reg.Unusable as error:
            doubts.append(str(error))
            return None
        finally:
            for doubt in doubts:
                self._violate(doubt)

    def _begin_tx(self) -> None:
        size = self._registers[reg.PAYLOAD_LENGTH]
        modulation = self._modulation(sending=True)
        if size == 0:
            self._violate("TX with PayloadLength 0")
            self._to_standby()
            return
        if modulation is None or self.fault is Fault.STUCK_TX:
            return
        base = self._registers[reg.FIFO_TX_BASE]
        if not self._fifo.has(base, size):
            self._violate("TX of bytes that were not written to the FIFO")
        doubts: list[str] = []
        power_dbm = self._registers.power_dbm(doubts)
        if self._pa_boost_only and not self._registers[reg.PA_CONFIG] & 0x80:
            doubts.append("RFO selected, which has no antenna")
            power_dbm -= 40
        for doubt in doubts:
            self._violate(doubt)
        self._antenna.transmit(modulation, power_dbm, self._fifo.take(base, size), self._tx_done)

    def _tx_done(self) -> None:
        self._to_standby()
        self._raise_irq(Irq.TX_DONE)

    def _begin_rx(self, mode: Mode) -> None:
        modulation = self._listening = self._modulation(sending=False)
        self._registers[reg.FIFO_RX_BYTE_ADDR] = self._registers[reg.FIFO_RX_BASE]
        if modulation is None:
            return
        if mode is Mode.CAD:
            # Section 4.1.6: a symbol of listening for a preamble, and about one of computing.
            began_us = self._world.now_us
            self._timer = self._world.call_later(
                2 * modulation.symbol_us, self._cad_done, modulation, began_us
            )
            return
        self._antenna.listen((modulation,), self)
        if mode is Mode.RX_SINGLE:
            symbols = self._registers.symbol_timeout
            if symbols < 4:
                self._violate(f"SymbTimeout {symbols}")
            self._timer = self._world.call_later(symbols * modulation.symbol_us, self._rx_timeout)

    def _cad_done(self, modulation: Modulation, began_us: int) -> None:
        detected = self._antenna.senses(modulation, began_us, began_us + modulation.symbol_us)
        self._to_standby()
        self._raise_irq(Irq.CAD_DONE | Irq.CAD_DETECTED if detected else Irq.CAD_DONE)

    def _rx_timeout(self) -> None:
        self._to_standby()
        self._raise_irq(Irq.RX_TIMEOUT)

    # -- what the antenna hears ------------------------------------------------------------------

    def preamble_detected(self) -> None:
        self._locked = True
        if self._timer is not None:
            self._timer.cancel()

    def header_received(self, modulation: Modulation) -> None:
        self._header = modulation
        self._count(reg.HEADER_COUNT_MSB)
        self._raise_irq(Irq.VALID_HEADER)

    def frame_dropped(self) -> None:
        self._locked = False
        self._header = None
        if self.mode is Mode.RX_SINGLE:
            self._rx_timeout()

    def frame_received(self, reception: Reception) -> None:
        modulation = reception.transmission.modulation
        data, intact = reception.data, reception.intact
        self._locked = False
        self._header = None
        if len(data) > self._registers[reg.MAX_PAYLOAD_LENGTH]:
            self.frame_dropped()
            return
        if self.fault is Fault.CRC_ERROR:
            data, intact = bytes([data[0] ^ 0xFF]) + data[1:], False
        start = self._registers[reg.FIFO_RX_BYTE_ADDR]
        self._fifo.put(start, data)
        self._registers[reg.FIFO_RX_CURRENT] = start
        self._registers[reg.FIFO_RX_BYTE_ADDR] = start + len(data)
        self._registers[reg.RX_NB_BYTES] = len(data)
        snr_q4 = min(max(round(reception.snr_db * 4), -128), 127)
        self._registers[reg.PKT_SNR] = snr_q4
        # Section 5.5.5: below the noise the register shows the noise, and the driver adds the SNR.
        level_dbm = reception.rssi_dbm - min(snr_q4, 0) / 4
        self._registers[reg.PKT_RSSI] = min(max(round(level_dbm) - reg.HF_OFFSET_DBM, 0), 255)
        self._registers[reg.HOP_CHANNEL] = 0x40 if modulation.crc else 0
        self._pointer_stale = True
        if self.mode is Mode.RX_SINGLE:
            self._to_standby()
        if intact or not modulation.crc:
            self._count(reg.PACKET_COUNT_MSB)
            self._raise_irq(Irq.RX_DONE)
        else:
            self._raise_irq(Irq.RX_DONE | Irq.CRC_ERROR)

    def _count(self, msb: int) -> None:
        count = (self._registers[msb] << 8 | self._registers[msb + 1]) + 1
        self._registers[msb] = count >> 8
        self._registers[msb + 1] = count
