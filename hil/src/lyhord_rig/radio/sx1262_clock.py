"""The SX1262's 32 MHz clock, calibrations and device errors (DS.SX1261-2.W.APP rev 2.1, 9.2 and 13.3.6)."""

from __future__ import annotations

from . import sx1262_tables as tab
from .sx1262_tables import DeviceError

_DEFAULT_BAND_HZ = (902_000_000, 928_000_000)  # section 9.2.1: the image calibration of the start
_TOO_MUCH_MV = 400

# The chip waits for the time that it was told and then looks for a clock (section 13.3.6); how long the TCXO
# takes is the TCXO's. Data sheets of 32 MHz TCXOs say 1…10 ms at most (RadioLib issue 659).
TCXO_START_US = 1_000


class Clock:
    """A crystal, or a TCXO that DIO3 supplies when it is told to.

    tcxo_mv: what the board's TCXO needs, None for a crystal; tcxo_start_us: how long it takes. Without
    SetDIO3AsTcxoCtrl a TCXO does not run, with it a crystal does not. `calibrated`: mask of tab.BLOCKS.
    """

    def __init__(self, tcxo_mv: int | None, tcxo_start_us: int = TCXO_START_US) -> None:
        self._tcxo_mv = tcxo_mv
        self._tcxo_start_us = tcxo_start_us
        self.errors = DeviceError(0)
        self.control: tuple[int, int] | None = (
            None  # millivolts at DIO3, and for how long the chip waits (us)
        )
        self.calibrated = 0
        self.image_hz: tuple[int, int] | None = None
        self._band_hz = _DEFAULT_BAND_HZ

    def restart(self, dead: bool) -> None:
        """Power-on, reset, or wake without retention: the chip calibrates itself if the clock runs."""
        self.control = None
        self.errors = DeviceError(0)
        self.calibrated = 0
        self.image_hz = None
        self._band_hz = _DEFAULT_BAND_HZ
        if self.start(dead)[0]:
            self.calibrate(tab.CALIBRATE_ALL)

    def start(self, dead: bool) -> tuple[bool, int]:
        """True if it runs now, and after how long (us); XOSC_START_ERR if it does not."""
        wait_us = 0
        if self._tcxo_mv is None:
            runs = self.control is None
        else:
            voltage_mv, wait_us = self.control or (0, 0)
            runs = voltage_mv >= self._tcxo_mv and wait_us >= self._tcxo_start_us
        if dead or not runs:
            self.errors |= DeviceError.XOSC_START
            return False, wait_us
        return True, wait_us

    def supply(self, code: int, ticks: int) -> str | None:
        """SetDIO3AsTcxoCtrl; returns what is wrong with it for this board."""
        voltage_mv = tab.TCXO_MV[code]
        self.control = (voltage_mv, ticks * tab.TICK_NS // 1000)
        if self._tcxo_mv is None:
            return "SetDIO3AsTcxoCtrl on a board with a crystal"
        if voltage_mv > self._tcxo_mv + _TOO_MUCH_MV:
            return f"{voltage_mv} mV for a TCXO of {self._tcxo_mv} mV"
        return None

    def calibrate(self, blocks: int) -> None:
        self.calibrated |= blocks & tab.BLOCKS
        if blocks & tab.CALIBRATE_IMAGE_BIT:
            self.image_hz = self._band_hz

    def calibrate_image(self, low_hz: int, high_hz: int) -> None:
        self._band_hz = self.image_hz = (low_hz, high_hz)

    def doubts(self, freq_hz: int, receives: bool) -> list[str]:
        """The parts that are not calibrated for sending or receiving at this frequency."""
        found = []
        if self.calibrated != tab.BLOCKS:
            found.append(f"blocks 0x{tab.BLOCKS & ~self.calibrated:02x} are not calibrated")
        is_inside = self.image_hz is not None and self.image_hz[0] <= freq_hz <= self.image_hz[1]
        if receives and not is_inside:
            found.append(f"image is not calibrated for {freq_hz} Hz")
        return found
