"""A Semtech SX1262 on its SPI bus, command by command, with its antenna in the ether.

What the chip rejects is rejected in the same way and written down in `violations`. Sections and tables cited
are of DS.SX1261-2.W.APP rev 2.1. Not modelled: GFSK, implicit header (and so its timeout workaround 15.3),
receive duty cycle, continuous wave, the RTC wake-up, gain and the power that modes draw.

    SLEEP --NSS falls--> STANDBY_RC <--> STANDBY_XOSC <--> FS
      ^--SetSleep-- both standbys        any of the three --> TX, RX, CAD --done--> fallback mode
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..world.clock import Handle, World
from . import sx1262_tables as tab
from .ether import Antenna
from .model import Modulation, Reception
from .sx1262_bus import Fault, Wire
from .sx1262_clock import TCXO_START_US
from .sx1262_modem import Unusable
from .sx1262_setup import COMMAND_US, STANDBY, Sx1262Setup
from .sx1262_tables import Irq, Mode, Result

# Table 8-3, us: from a mode to FS, RX (and CAD), TX
_SWITCH_US = {
    Mode.STANDBY_RC: (50, 83, 126),
    Mode.STANDBY_XOSC: (40, 62, 105),
    Mode.FS: (0, 41, 76),
    Mode.RX: (15, 41, 92),
    Mode.CAD: (15, 41, 92),
    Mode.TX: (15, 41, 92),
}
__all__ = ["Fault", "Sx1262", "Wire"]


class Sx1262(Sx1262Setup):
    """The chip behind NSS, with BUSY and DIO1 as wires. It is powered, out of reset and started when made.

    Connect `reset` to the reset pin's output and `power` to whatever switches the supply. violations: what
    the driver did wrong, in words; tests hold it empty. tcxo_mv: the supply that the board's TCXO needs from
    DIO3, None for a crystal; tcxo_start_us: from its supply to its clock. rf_switch: the antenna switch
    hangs on DIO2.
    """

    def __init__(
        self,
        world: World,
        antenna: Antenna,
        busy: Wire | None = None,
        dio1: Wire | None = None,
        tcxo_mv: int | None = 1800,
        rf_switch: bool = True,
        tcxo_start_us: int = TCXO_START_US,
    ) -> None:
        super().__init__(world, antenna.name, busy, dio1, tcxo_mv, tcxo_start_us)
        self._antenna = antenna
        self._rf_switch = rf_switch
        self._handles: list[Handle] = []
        self._handlers |= {
            tab.SET_STANDBY: self._set_standby,
            tab.SET_RX: self._set_rx,
            tab.SET_TX: self._set_tx,
            tab.SET_SLEEP: self._set_sleep,
            tab.SET_FS: self._set_fs,
            tab.SET_CAD: self._set_cad,
        }
        self._restart(False)

    @property
    def antenna(self) -> Antenna:
        return self._antenna

    def _rssi_now(self) -> int:
        if self._listening is None:
            return 0
        return _half_db(self._antenna.level_dbm(self._listening.freq_hz, self._listening.bandwidth_khz))

    # -- modes ---------------------------------------------------------------------------------------

    def _stop(self) -> None:
        for handle in self._handles:
            handle.cancel()
        self._handles.clear()
        self._timer: Handle | None = None
        self._search: Handle | None = None
        self._listening: Modulation | None = None
        self._continuous = False
        self._antenna.idle()

    def _later(self, us: int, fn: Callable[..., object], *args: Any) -> Handle:
        handle = self._world.call_later(us, fn, *args)
        self._handles.append(handle)
        return handle

    def _set_sleep(self, p: bytes) -> None:
        if p[0] & ~0x05:
            self._violate(f"SetSleep 0x{p[0]:02x}")
        if not self._is_in(STANDBY, "SetSleep"):
            return
        self._stop()
        self._mode = Mode.SLEEP
        self._buffer.clear()  # section 7.4: not retained
        self._set_irq(Irq(0))
        self._fall_asleep(p[0] & 0x04 != 0)

    def _set_standby(self, p: bytes) -> int | None:
        if p[0] > 1:
            self._reject(f"SetStandby {p[0]}")
            return None
        runs, wait_us = (True, 0) if p[0] == 0 else self._start_clock()
        self._stop()
        self._mode = Mode.STANDBY_XOSC if p[0] and runs else Mode.STANDBY_RC
        return wait_us + 31 if p[0] else None

    def _enter(
        self, mode: Mode, modulation: Modulation | None, begin: Callable[..., object], *args: Any
    ) -> int:
        """To FS, TX, RX or CAD, then begin(modulation, *args). Returns how long that takes (us)."""
        runs, wait_us = self._start_clock()
        if not runs:
            return max(wait_us, COMMAND_US)
        if modulation is not None:
            for doubt in self._clock.doubts(modulation.freq_hz, mode is Mode.RX):
                self._violate(doubt)
        column = 0 if mode is Mode.FS else 2 if mode is Mode.TX else 1
        wait_us += _SWITCH_US[self._mode][column]
        self._stop()
        self._mode = mode
        self._later(wait_us, begin, modulation, *args)
        return max(wait_us, 1)

    def _fall_back(self) -> None:
        self._stop()
        self._mode = self._modem.fallback

    def _set_fs(self, p: bytes) -> int:
        return self._enter(Mode.FS, None, lambda _: None)

    def _tuned(self, power: list[float] | None = None) -> Modulation | None:
        """The modulation to send (then `power` gets the dBm) or listen with now; None if it refuses to."""
        doubts: list[str] = []
        try:
            modulation = self._modem.modulation(doubts)
            if power is not None:
                power.append(self._modem.power_dbm(modulation.bandwidth_khz, self._rf_switch, doubts))
        except Unusable as error:
            self._reject(str(error), Result.FAILED)
            return None
        for doubt in doubts:
            self._violate(doubt)
        return modulation

    def _timeout(self) -> None:
        self._fall_back()
        self._raise_irq(Irq.TIMEOUT)

    # -- sending -------------------------------------------------------------------------------------

    def _set_tx(self, p: bytes) -> int | None:
        if self._mode is Mode.TX:
            self._violate("SetTx in TX")
        power: list[float] = []
        modulation = self._tuned(power)
        if modulation is None:
            return None
        if self._modem.payload_length == 0:
            self._reject("TX with a payload length of 0", Result.FAILED)
            return None
        if not self._buffer.has(self._modem.tx_base, self._modem.payload_length):
            self._violate("TX of bytes that were not written to the buffer")
        return self._enter(Mode.TX, modulation, self._begin_tx, power[0], int.from_bytes(p, "big"))

    def _begin_tx(self, modulation: Modulation, power_dbm: float, ticks: int) -> None:
        if ticks:
            self._later(ticks * tab.TICK_NS // 1000, self._timeout)
        if self.fault is not Fault.STUCK_TX:
            data = self._buffer.take(self._modem.tx_base, self._modem.payload_length)
            self._antenna.transmit(modulation, power_dbm, data, self._tx_done)

    def _tx_done(self) -> None:
        self._fall_back()
        self._result = Result.TX_DONE
        self._raise_irq(Irq.TX_DONE)

    # -- listening -----------------------------------------------------------------------------------

    def _set_rx(self, p: bytes) -> int | None:
        ticks = int.from_bytes(p, "big")
        if self._mode is Mode.TX:
            self._violate("SetRx in TX")
        modulation = self._tuned()
        if modulation is None:
            return None
        if self._modem.registers[tab.RX_GAIN] not in (0x94, 0x96):
            self._violate(f"0x{self._modem.registers[tab.RX_GAIN]:02x} in 0x08AC")
        if self._rf_switch and not self._modem.rf_switch:
            self._violate("RX without DIO2 as RF switch")
        if ticks == tab.RX_CONTINUOUS and self._modem.symbol_timeout:
            self._violate(f"continuous RX with a timeout of {self._modem.symbol_timeout} symbols")
        return self._enter(Mode.RX, modulation, self._begin_rx, ticks)

    def _begin_rx(self, modulation: Modulation, ticks: int) -> None:
        self._listening = modulation
        self._continuous = ticks == tab.RX_CONTINUOUS
        self._rx_pointer = self._modem.rx_base
        if ticks and not self._continuous:
            self._timer = self._later(ticks * tab.TICK_NS // 1000, self._timeout)
        if self._modem.symbol_timeout:
            symbols_us = self._modem.symbol_timeout * modulation.symbol_us
            self._search = self._later(symbols_us, self._timeout)
        if self._modem.rf_switch or not self._rf_switch:
            self._antenna.listen((modulation,), self)

    def preamble_detected(self) -> None:
        if self._search is not None:
            self._search.cancel()
        if self._modem.stop_on_preamble and self._timer is not None:
            self._timer.cancel()
        self._raise_irq(Irq.PREAMBLE)

    def header_received(self, modulation: Modulation) -> None:
        # Section 13.1.5: the header stops the timer, the preamble alone does not.
        if self._timer is not None:
            self._timer.cancel()
        self._modem.registers[tab.HEADER_CODING_RATE] = (modulation.coding_rate - 4) << 4
        self._modem.registers[tab.HEADER_CRC] = 0x10 if modulation.crc else 0
        self._raise_irq(Irq.HEADER_VALID)

    def frame_dropped(self) -> None:
        self._stats[2] += 1
        if not self._continuous:
            self._fall_back()
        self._raise_irq(Irq.HEADER_ERROR)

    def frame_received(self, reception: Reception) -> None:
        modulation = reception.transmission.modulation
        data, intact = reception.data, reception.intact
        if len(data) > self._modem.payload_length:
            self.frame_dropped()
            return
        if self.fault is Fault.CRC_ERROR:
            data, intact = bytes([data[0] ^ 0xFF]) + data[1:], False
        self._buffer.put(self._rx_pointer, data)
        self._rx_start, self._rx_size = self._rx_pointer, len(data)
        self._rx_pointer = (self._rx_pointer + len(data)) % 256
        snr_q4 = min(max(round(reception.snr_db * 4), -128), 127)
        noise_dbm = reception.rssi_dbm - reception.snr_db
        level_dbm = 10 * math.log10(10 ** (reception.rssi_dbm / 10) + 10 ** (noise_dbm / 10))
        self._packet_status = bytes([_half_db(level_dbm), snr_q4 & 0xFF, _half_db(reception.rssi_dbm)])
        if not self._continuous:
            self._fall_back()
        self._result = Result.DATA_AVAILABLE
        if intact or not modulation.crc:
            self._stats[0] += 1
            self._raise_irq(Irq.RX_DONE)
        else:
            self._stats[1] += 1
            self._raise_irq(Irq.RX_DONE | Irq.CRC_ERROR)

    # -- channel activity ----------------------------------------------------------------------------

    def _set_cad(self, p: bytes) -> int | None:
        modulation = self._tuned()
        if modulation is None:
            return None
        if self._modem.cad_params is None:
            self._reject("SetCad without SetCadParams", Result.FAILED)
            return None
        return self._enter(Mode.CAD, modulation, self._begin_cad, self._modem.cad_params)

    def _begin_cad(self, modulation: Modulation, params: bytes) -> None:
        # Section 6.1.6: 2^n symbols of listening and about half of one to compute.
        # It searches for a preamble, not for the payload behind it.
        self._listening = modulation
        began_us = self._world.now_us
        listens_us = (1 << params[0]) * modulation.symbol_us
        self._later(listens_us + modulation.symbol_us // 2, self._cad_done, params, began_us, listens_us)

    def _cad_done(self, params: bytes, began_us: int, listens_us: int) -> None:
        modulation = self._listening
        ended_us = began_us + listens_us
        detected = modulation is not None and self._antenna.senses(modulation, began_us, ended_us)
        self._fall_back()
        if detected and params[3] == 1 and modulation is not None:
            self._mode = Mode.RX
            self._begin_rx(modulation, int.from_bytes(params[4:7], "big"))
        self._raise_irq(Irq.CAD_DONE | Irq.CAD_DETECTED if detected else Irq.CAD_DONE)


def _half_db(level_dbm: float) -> int:
    """−v/2 dBm in a byte."""
    return min(max(round(-2 * level_dbm), 0), 255)
