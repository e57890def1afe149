"""The SX1262's configuration: its registers, and the parameters of its LoRa modem as one modulation.

Sections and tables of DS.SX1261-2.W.APP rev 2.1. Not modelled: GFSK, implicit header, SF5 and SF6,
bandwidths other than 125, 250 and 500 kHz.
"""

from __future__ import annotations

from . import sx1262_tables as tab
from .model import Modulation

_OFF_ANTENNA_DB = 40


class Unusable(Exception):
    """Parameters with which the chip sends and hears nothing that we know of; the message says why."""


class Registers:
    """The registers that have a name; a warm start forgets some (section 9.6)."""

    def __init__(self) -> None:
        self._values = dict(tab.RESET_VALUES)

    def __contains__(self, address: int) -> bool:
        return address in self._values

    def __getitem__(self, address: int) -> int:
        return self._values.get(address, 0)

    def __setitem__(self, address: int, value: int) -> None:
        self._values[address] = value & 0xFF

    def reset(self) -> None:
        self._values = dict(tab.RESET_VALUES)

    def forget(self) -> None:
        """A warm start."""
        count = min(self[tab.RETENTION], tab.RETENTION_MAX)
        kept = {
            self[tab.RETENTION + 1 + 2 * at] << 8 | self[tab.RETENTION + 2 + 2 * at] for at in range(count)
        }
        for address in tab.FORGOTTEN - kept:
            self[address] = tab.RESET_VALUES[address]


class Modem:
    """Parameters since the last cold start, None or 0 where none were given."""

    def __init__(self) -> None:
        self.registers = Registers()
        self.reset()

    def reset(self) -> None:
        self.registers.reset()
        self.packet_type = tab.GFSK
        self.freq_hz = 0
        self.modulation_params: bytes | None = None
        self.packet_params: bytes | None = None
        self.tx_params: bytes | None = None
        self.pa_config: bytes | None = None
        self.cad_params: bytes | None = None
        self.tx_base = self.rx_base = 0
        self.rf_switch = False
        self.stop_on_preamble = False
        self.fallback = tab.Mode.STANDBY_RC
        self.irq_mask = tab.Irq(0)
        self.dio1_mask = tab.Irq(0)

    def set_packet_type(self, packet_type: int) -> None:
        """A change loses the parameters of the other modem."""
        if packet_type != self.packet_type:
            self.modulation_params = self.packet_params = None
        self.packet_type = packet_type

    def set_freq(self, steps: int) -> None:
        self.freq_hz = (steps * 32_000_000 + (1 << 24)) >> 25

    @property
    def payload_length(self) -> int:
        """The length that is sent, and with an explicit header the most that is received."""
        return self.packet_params[3] if self.packet_params is not None else 0

    @property
    def symbol_timeout(self) -> int:
        """Symbols after which a vain search ends, 0 for none: SynchTimeout, 5 bits and an exponent."""
        value = self.registers[tab.SYNC_TIMEOUT]
        return (value >> 3) << (2 * (value & 7) + 1) if value >> 3 else 0

    def set_symbol_timeout(self, symbols: int) -> None:
        """SetLoRaSymbNumTimeout: rounded up to what the register can hold."""
        mantissa, exponent = (min(symbols, 248) + 1) >> 1, 0
        while mantissa > 31:
            mantissa, exponent = (mantissa + 3) >> 2, exponent + 1
        self.registers[tab.SYNC_TIMEOUT] = mantissa << 3 | exponent

    def modulation(self, doubts: list[str]) -> Modulation:
        """The modulation to send and listen with. `doubts` gathers misuses that go through all the same.

        Raises Unusable.
        """
        if self.packet_type != tab.LORA:
            raise Unusable("packet type is not LoRa")
        if self.modulation_params is None or self.packet_params is None:
            raise Unusable("no modulation or packet parameters since SetPacketType")
        if not 150_000_000 <= self.freq_hz <= 960_000_000:
            raise Unusable(f"{self.freq_hz} Hz")
        sf, bandwidth, coding_rate, low_data_rate = self.modulation_params[:4]
        preamble = self.packet_params[0] << 8 | self.packet_params[1]
        header, _, crc, inverted = self.packet_params[2:6]
        if bandwidth not in tab.BANDWIDTH_KHZ:
            raise Unusable(f"bandwidth code {bandwidth}")
        if not 7 <= sf <= 12:
            raise Unusable(f"spreading factor {sf}")
        if not 1 <= coding_rate <= 4:
            raise Unusable(f"coding rate {coding_rate}")
        if header:
            raise Unusable("implicit header")
        if preamble < 6:
            raise Unusable(f"preamble of {preamble} symbols")
        if max(low_data_rate, crc, inverted) > 1:
            raise Unusable(f"parameters {low_data_rate}, {crc}, {inverted} are not 0 or 1")
        modulation = Modulation(
            self.freq_hz,
            sf,
            tab.BANDWIDTH_KHZ[bandwidth],
            coding_rate + 4,
            preamble,
            self._sync_word(doubts),
            inverted == 1,
            crc == 1,
            low_data_rate == 1,
        )
        if modulation.low_data_rate != (modulation.symbol_us >= 16_000):
            doubts.append(f"LowDataRateOptimize {low_data_rate} at SF{sf}, {modulation.bandwidth_khz} kHz")
        polarity = self.registers[tab.IQ_POLARITY]
        if (polarity & 0x04 == 0) != (inverted == 1):  # section 15.4
            doubts.append(f"InvertIQ {inverted} with 0x{polarity:02x} in register 0x0736")
        return modulation

    def _sync_word(self, doubts: list[str]) -> int:
        msb, lsb = self.registers[tab.SYNC_MSB], self.registers[tab.SYNC_LSB]
        if msb & 0x0F != 4 or lsb & 0x0F != 4:
            doubts.append(f"sync word registers {msb:02x}{lsb:02x}")
        return msb & 0xF0 | lsb >> 4

    def power_dbm(self, bandwidth_khz: int, rf_switch: bool, doubts: list[str]) -> float:
        """Power at the antenna (tables 13-21 and 13-40, workarounds 15.1 and 15.2). Raises Unusable."""
        if self.tx_params is None or self.pa_config is None:
            raise Unusable("no SetPaConfig or SetTxParams")
        asked_dbm = int.from_bytes(self.tx_params[:1], "big", signed=True)
        duty, hp_max, device, lut = self.pa_config
        if not -9 <= asked_dbm <= 22 or self.tx_params[1] >= tab.RAMP_CODES:
            raise Unusable(f"SetTxParams {asked_dbm}, {self.tx_params[1]}")
        full_dbm = _full_dbm(duty, hp_max, asked_dbm)
        if full_dbm is None or lut != 1:
            doubts.append(f"SetPaConfig {self.pa_config.hex()} is in no table")
            full_dbm = 14
        power_dbm: float = full_dbm - (22 - asked_dbm)
        limit_ma = self.registers[tab.OCP] * 2.5
        draws_ma = min((ma for dbm, ma in tab.PA_MA.items() if dbm >= full_dbm), default=tab.PA_MA[22])
        if asked_dbm == 22 and limit_ma < draws_ma:
            doubts.append(f"over-current protection at {limit_ma:g} mA with {full_dbm} dBm")
            power_dbm -= 3
        if device:
            doubts.append("SetPaConfig for the SX1261's amplifier")
            power_dbm -= _OFF_ANTENNA_DB
        if rf_switch and not self.rf_switch:
            doubts.append("TX without DIO2 as RF switch")
            power_dbm -= _OFF_ANTENNA_DB
        if (self.registers[tab.TX_MODULATION] & 0x04 == 0) != (bandwidth_khz == 500):
            doubts.append(f"0x{self.registers[tab.TX_MODULATION]:02x} in 0x0889 at {bandwidth_khz} kHz")
        if self.registers[tab.TX_CLAMP] & 0x1E != 0x1E:
            doubts.append(f"0x{self.registers[tab.TX_CLAMP]:02x} in 0x08D8")
        return power_dbm


def _full_dbm(duty: int, hp_max: int, asked_dbm: int) -> int | None:
    """The power that the amplifier would give if it were asked for 22 dBm; None: no source says it."""
    if (duty, hp_max) in tab.PA_DBM:
        return tab.PA_DBM[duty, hp_max]
    measured = tab.PA_MEASURED_DBM.get((duty, hp_max))
    if measured is None:
        return None
    nearest = min(measured, key=lambda asked: abs(asked - asked_dbm))
    return measured[nearest] + 22 - nearest
