"""A frame on the air and a receiver that waits for one: what the ether keeps books about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from ..world.clock import Handle
from .model import DETECT_SYMBOLS, Loss, Modulation, Reception, Transmission

if TYPE_CHECKING:
    from .ether import Antenna


class Receiver(Protocol):
    """The demodulator behind an antenna."""

    def preamble_detected(self) -> None:
        """It has locked on a frame."""

    def header_received(self, modulation: Modulation) -> None: ...

    def frame_dropped(self) -> None:
        """The header was broken, or the transmitter fell silent: it searches again."""

    def frame_received(self, reception: Reception) -> None: ...


class Flight:
    """A frame on the air."""

    __slots__ = ("antenna", "end_us", "ending", "outcomes", "overlaps", "transmission")

    def __init__(self, antenna: Antenna, transmission: Transmission) -> None:
        self.antenna = antenna
        self.transmission = transmission
        self.end_us = transmission.end_us  # earlier when cut
        self.overlaps: list[Flight] = []
        self.outcomes: dict[Antenna, Loss] = {}  # what its loss would be called, until it is received
        self.ending: Handle | None = None

    def at(self, symbols: float) -> int:
        return self.transmission.start_us + int(symbols * self.transmission.modulation.symbol_us)

    @property
    def critical_us(self) -> int:
        return self.at(self.transmission.modulation.preamble - DETECT_SYMBOLS)

    @property
    def preamble_end_us(self) -> int:
        return self.at(self.transmission.modulation.preamble)

    @property
    def header_end_us(self) -> int:
        return self.at(self.transmission.modulation.preamble + 4.25 + 8)


class Watch:
    """An antenna that listens, since when and for what."""

    __slots__ = ("antenna", "caught", "demodulators", "receiver", "since_us", "tunings")

    def __init__(
        self,
        antenna: Antenna,
        tunings: Sequence[Modulation],
        receiver: Receiver,
        demodulators: int,
        since_us: int,
    ) -> None:
        self.antenna = antenna
        self.tunings = tuple(tunings)
        self.receiver = receiver
        self.demodulators = demodulators
        self.since_us = since_us
        self.caught: list[Flight] = []

    def mismatch(self, frame: Modulation) -> Loss | None:
        best = Loss.TUNING
        for tuning in self.tunings:
            reason = tuning.mismatch(frame)
            if reason is None:
                return None
            if reason is not Loss.TUNING:
                best = reason
        return best
