"""An eight-channel concentrator in the ether: hears all uplink channels at any spreading factor, and sends.

Half duplex, as an SX1302 with one antenna is: while it sends it hears nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from lyhord_wire.lora import UPLINK_CHANNELS

from ..world.clock import World
from .ether import Ether
from .model import Modulation, Reception

_DEMODULATORS = 8
_SF = range(7, 13)


class Concentrator:
    """on_frame(reception) for each frame with a good CRC. counts: frames heard, damaged, dropped, sent; and
    `overlap`: ordered while another one was on the air, which a good scheduler never does."""

    def __init__(
        self,
        world: World,
        ether: Ether,
        position_m: tuple[float, float],
        name: str,
        on_frame: Callable[[Reception], None],
    ) -> None:
        self._world = world
        self._antenna = ether.attach(position_m, name)
        self._on_frame = on_frame
        self._tunings = [Modulation(freq_hz, sf) for freq_hz, _ in UPLINK_CHANNELS for sf in _SF]
        self._sending = False
        self.counts: Counter[str] = Counter()
        self.deaf = False
        self._listen()

    @property
    def name(self) -> str:
        return self._antenna.name

    def margin_db(self, other_name: str, sf: int) -> float:
        """Of a node's signal above what is needed here."""
        ether = self._antenna.ether
        return ether.margin_db(ether.antennas[other_name], self._antenna, sf)

    def send(self, at_us: int, freq_hz: int, sf: int, power_dbm: float, data: bytes) -> None:
        """A downlink at this virtual time: inverted IQ, no CRC."""
        tuning = Modulation(freq_hz, sf, inverted=True, crc=False)
        self._world.call_at(at_us, self._transmit, tuning, power_dbm, data, label=f"{self.name} downlink")

    def _transmit(self, tuning: Modulation, power_dbm: float, data: bytes) -> None:
        if self._sending:
            self.counts["overlap"] += 1
            return
        self._sending = True
        self.counts["sent"] += 1
        self._antenna.transmit(tuning, power_dbm, data, self._sent)

    def _sent(self) -> None:
        self._sending = False
        self._listen()

    def _listen(self) -> None:
        self._antenna.listen(self._tunings, self, _DEMODULATORS)

    # -- the ether's receiver interface ------------------------------------------------------------

    def preamble_detected(self) -> None:
        """One of eight demodulators has something to do."""

    def header_received(self, modulation: Modulation) -> None:
        """The demodulators take care of themselves."""

    def frame_dropped(self) -> None:
        self.counts["dropped"] += 1

    def frame_received(self, reception: Reception) -> None:
        if not reception.intact:
            self.counts["damaged"] += 1
        elif not self.deaf:
            self.counts["heard"] += 1
            self._on_frame(reception)
