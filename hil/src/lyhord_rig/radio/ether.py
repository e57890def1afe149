"""The radio ether: every antenna of a street, and what each hears of the others.

A frame is received when the antenna listens, tuned to it, from before its last five preamble symbols until
its end; is strong enough; is 6 dB stronger than every frame that overlaps it from those five symbols on;
finds a free demodulator; and is not hit by the seeded extra loss. Hit after its header it arrives damaged.
Whatever is decided by chance depends on the seed, the two antennas and the number of the sender's frame
alone, so other traffic does not change it.

Not modelled: fading from frame to frame, interference between spreading factors, sums of several interferers,
Doppler and frequency drift, propagation delay, the gain of antennas.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

from ..world.clock import World
from .air import Flight, Receiver, Watch
from .duty import Regulator
from .links import Links
from .model import (
    CAPTURE_DB,
    DETECT_SYMBOLS,
    STREET,
    Event,
    Loss,
    Lost,
    Modulation,
    PathLoss,
    Reception,
    Transmission,
    noise_floor_dbm,
    sensitivity_dbm,
)


class Antenna:
    """One radio's place in the ether. Half duplex: it sends, listens or is idle."""

    def __init__(self, ether: Ether, name: str, position_m: tuple[float, ...]) -> None:
        self.ether = ether
        self.name = name
        self.position_m = position_m
        self.sent = 0
        self.flight: Flight | None = None
        self.watch: Watch | None = None
        self.listened: Watch | None = None  # the last one: what it misses while it sends

    def transmit(
        self, modulation: Modulation, power_dbm: float, data: bytes, done: Callable[[], object] | None = None
    ) -> Transmission:
        """Begin to send 1…255 bytes now; done() at the end unless `idle()` cuts it off before."""
        return self.ether._transmit(self, modulation, power_dbm, data, done)

    def listen(self, tunings: Sequence[Modulation], receiver: Receiver, demodulators: int = 1) -> None:
        """Listen from now on, anew if it listened before. A concentrator: many tunings, 8 demodulators."""
        self.ether._listen(self, tunings, receiver, demodulators)

    def idle(self) -> None:
        """Stop listening or sending at once; a frame cut off is received by nobody."""
        self.ether._idle(self)

    def level_dbm(self, freq_hz: int, bandwidth_khz: int = 125) -> float:
        """Power in the channel at this moment, noise included."""
        return self.ether._level_dbm(self, freq_hz, bandwidth_khz)

    def senses(self, tuning: Modulation, from_us: int, to_us: int) -> bool:
        """True if a symbol of a preamble with this modulation, strong enough, came in this time (for CAD)."""
        return self.ether._senses(self, tuning, from_us, to_us)


class Ether:
    """loss: seeded probability (0…1) that a reception fails for no other reason; fading_db: what every path
    loses beyond its own loss, a lorry before the gateway or wet leaves. Both may be changed at any time.

    Counted: `sent` transmissions (`cut` of them cut off), `heard` receptions (`damaged` of them not intact),
    `lost` by reason. `regulator` holds the duty cycle.
    """

    def __init__(self, world: World, loss: float = 0.0, path_loss: PathLoss = STREET) -> None:
        self.world = world
        self.loss = loss
        self.fading_db = 0.0
        self.regulator = Regulator()
        self.antennas: dict[str, Antenna] = {}
        self.sent = 0
        self.cut = 0
        self.heard = 0
        self.damaged = 0
        self.lost: Counter[Loss] = Counter()
        self._links = Links(world.rng("ether").randbytes(16), path_loss)
        self._listeners: list[Callable[[Event], object]] = []
        self._air: list[Flight] = []
        self._awake: dict[Antenna, None] = {}  # those that listen or send, in the order in which they began

    def attach(self, position_m: Sequence[float], name: str | None = None) -> Antenna:
        """A new antenna at (x, y) or (x, y, z) metres; its name (unique) seeds its luck."""
        name = name if name is not None else f"antenna-{len(self.antennas)}"
        if name in self.antennas:
            raise ValueError(f"antenna {name} exists")
        antenna = self.antennas[name] = Antenna(self, name, tuple(float(m) for m in position_m))
        return antenna

    def on_event(self, fn: Callable[[Event], object]) -> None:
        """fn(event) for each Transmission (when it starts), and each Reception and Lost (when it ends)."""
        self._listeners.append(fn)

    def link_loss_db(self, one: Antenna, other: Antenna) -> float:
        """Path loss with shadowing, the same in both directions, in steps of 0.01 dB."""
        own_db = self._links.loss_db((one.name, one.position_m), (other.name, other.position_m))
        return round(own_db + self.fading_db, 2)

    def margin_db(self, sender: Antenna, receiver: Antenna, sf: int, power_dbm: float = 14) -> float:
        """The signal's margin above what the receiver needs at 125 kHz; below 0 nothing arrives."""
        return round(power_dbm - self.link_loss_db(sender, receiver) - sensitivity_dbm(sf), 2)

    # -- what antennas do ------------------------------------------------------------------------

    def _transmit(
        self,
        antenna: Antenna,
        modulation: Modulation,
        power_dbm: float,
        data: bytes,
        done: Callable[[], object] | None,
    ) -> Transmission:
        if not 1 <= len(data) <= 255:
            raise ValueError(f"{len(data)} bytes")
        self._idle(antenna)
        now_us = self.world.now_us
        end_us = now_us + modulation.airtime_us(len(data))
        number = antenna.sent
        transmission = Transmission(antenna.name, number, now_us, end_us, modulation, power_dbm, bytes(data))
        flight = Flight(antenna, transmission)
        for other in self._air:
            if other.transmission.modulation.interferes(modulation):
                other.overlaps.append(flight)
                flight.overlaps.append(other)
            if other.outcomes.get(antenna) is Loss.LEFT:
                other.outcomes[antenna] = Loss.HALF_DUPLEX
        antenna.sent += 1
        self.sent += 1
        antenna.flight = flight
        self._air.append(flight)
        flight.ending = self.world.call_at(end_us, self._finish, flight, done)
        for receiver in self._awake:
            if receiver.watch is not None:
                self._offer(flight, receiver.watch)
            elif receiver.listened is not None and receiver.listened.mismatch(modulation) is None:
                flight.outcomes[receiver] = Loss.HALF_DUPLEX
        self._awake[antenna] = None
        self._tell(transmission)
        return transmission

    def _listen(
        self, antenna: Antenna, tunings: Sequence[Modulation], receiver: Receiver, demodulators: int
    ) -> None:
        self._idle(antenna)
        watch = antenna.watch = Watch(antenna, tunings, receiver, demodulators, self.world.now_us)
        self._awake[antenna] = None
        for flight in self._air:
            self._offer(flight, watch)

    def _idle(self, antenna: Antenna) -> None:
        self._awake.pop(antenna, None)
        if antenna.watch is not None:
            antenna.watch.caught.clear()
            antenna.listened, antenna.watch = antenna.watch, None
        if antenna.flight is not None:
            self._cut(antenna.flight)

    # -- how a frame fares -----------------------------------------------------------------------

    def _offer(self, flight: Flight, watch: Watch) -> None:
        frame = flight.transmission.modulation
        reason = watch.mismatch(frame)
        is_late = watch.since_us > flight.critical_us
        if reason is not None:
            # Whoever turns to another channel in the middle of a frame has lost nothing.
            if watch.since_us <= flight.transmission.start_us:
                flight.outcomes[watch.antenna] = reason
        elif self._power_dbm(flight, watch.antenna) < sensitivity_dbm(frame.sf, frame.bandwidth_khz):
            flight.outcomes[watch.antenna] = Loss.WEAK
        elif is_late:
            flight.outcomes[watch.antenna] = Loss.LATE
        elif self.loss > 0 and self._chance(flight, watch.antenna, "loss") < self.loss:
            flight.outcomes[watch.antenna] = Loss.CHANCE
        else:
            flight.outcomes[watch.antenna] = Loss.LEFT
            heard_us = max(flight.transmission.start_us, watch.since_us)
            self.world.call_at(heard_us + DETECT_SYMBOLS * frame.symbol_us, self._lock, flight, watch)

    def _lock(self, flight: Flight, watch: Watch) -> None:
        if watch is not watch.antenna.watch or flight not in self._air:
            return
        now_us = self.world.now_us
        symbol_us = flight.transmission.modulation.symbol_us
        if self._is_jammed(flight, watch.antenna, now_us - DETECT_SYMBOLS * symbol_us, now_us):
            reason = Loss.COLLISION
        elif len(watch.caught) >= watch.demodulators:
            reason = Loss.BUSY
        else:
            flight.outcomes[watch.antenna] = Loss.LEFT
            watch.caught.append(flight)
            self.world.call_at(flight.header_end_us, self._header, flight, watch)
            watch.receiver.preamble_detected()
            return
        flight.outcomes[watch.antenna] = reason
        if now_us < flight.preamble_end_us:  # the last five symbols may still be clean
            self.world.call_at(flight.preamble_end_us, self._lock, flight, watch)

    def _header(self, flight: Flight, watch: Watch) -> None:
        if flight not in watch.caught:
            return
        if self._is_jammed(flight, watch.antenna, flight.critical_us, self.world.now_us):
            flight.outcomes[watch.antenna] = Loss.COLLISION
            watch.caught.remove(flight)
            watch.receiver.frame_dropped()
        else:
            watch.receiver.header_received(flight.transmission.modulation)

    def _finish(self, flight: Flight, done: Callable[[], object] | None) -> None:
        self._land(flight)
        for antenna in list(flight.outcomes):
            watch = antenna.watch
            if watch is not None and flight in watch.caught:
                watch.caught.remove(flight)
                del flight.outcomes[antenna]
                reception = self._receive(flight, antenna)
                self._tell(reception)
                watch.receiver.frame_received(reception)
        self._lose(flight)
        if done is not None:
            done()

    def _cut(self, flight: Flight) -> None:
        if flight.ending is not None:
            flight.ending.cancel()
        flight.end_us = self.world.now_us
        self.cut += 1
        self._land(flight)
        for antenna, reason in list(flight.outcomes.items()):
            watch = antenna.watch
            if watch is None or reason is not Loss.LEFT:
                continue
            flight.outcomes[antenna] = Loss.CUT
            if flight in watch.caught:
                watch.caught.remove(flight)
                watch.receiver.frame_dropped()
        self._lose(flight)

    def _land(self, flight: Flight) -> None:
        self._air.remove(flight)
        self._awake.pop(flight.antenna, None)
        flight.antenna.flight = None
        sent = flight.transmission
        freq_hz = sent.modulation.freq_hz
        self.regulator.record(sent.transmitter, freq_hz, sent.power_dbm, sent.start_us, flight.end_us)

    def _receive(self, flight: Flight, antenna: Antenna) -> Reception:
        sent = flight.transmission
        power_dbm = self._power_dbm(flight, antenna)
        intact = not self._is_jammed(flight, antenna, flight.header_end_us, flight.end_us)
        data = sent.data
        if not intact:
            at = int(self._chance(flight, antenna, "damage") * len(data))
            data = data[:at] + bytes([data[at] ^ 0x5A]) + data[at + 1 :]
            self.damaged += 1
        self.heard += 1
        snr_db = round(power_dbm - noise_floor_dbm(sent.modulation.bandwidth_khz), 2)
        return Reception(sent, antenna.name, flight.end_us, power_dbm, snr_db, data, intact)

    def _lose(self, flight: Flight) -> None:
        flight.overlaps.clear()
        for antenna, reason in flight.outcomes.items():
            self.lost[reason] += 1
            self._tell(Lost(flight.transmission, antenna.name, flight.end_us, reason))

    # -- power and chance ------------------------------------------------------------------------

    def _is_jammed(self, flight: Flight, antenna: Antenna, from_us: int, to_us: int) -> bool:
        wanted_dbm = self._power_dbm(flight, antenna)
        return any(
            round(wanted_dbm - self._power_dbm(other, antenna), 2) < CAPTURE_DB
            for other in flight.overlaps
            if other.transmission.start_us < to_us and other.end_us > from_us and other.antenna is not antenna
        )

    def _power_dbm(self, flight: Flight, antenna: Antenna) -> float:
        return round(flight.transmission.power_dbm - self.link_loss_db(flight.antenna, antenna), 2)

    def _level_dbm(self, antenna: Antenna, freq_hz: int, bandwidth_khz: int) -> float:
        milliwatts = 10 ** (noise_floor_dbm(bandwidth_khz) / 10)
        for flight in self._air:
            if flight.antenna is antenna:
                continue
            if abs(flight.transmission.modulation.freq_hz - freq_hz) < bandwidth_khz * 500:
                milliwatts += 10 ** (self._power_dbm(flight, antenna) / 10)
        return round(10 * math.log10(milliwatts), 2)

    def _senses(self, antenna: Antenna, tuning: Modulation, from_us: int, to_us: int) -> bool:
        least_dbm = sensitivity_dbm(tuning.sf, tuning.bandwidth_khz)
        symbol_us = tuning.symbol_us
        return any(
            self._power_dbm(flight, antenna) >= least_dbm
            for flight in self._air
            if flight.antenna is not antenna
            and tuning.interferes(flight.transmission.modulation)
            and min(to_us, flight.preamble_end_us) - max(from_us, flight.transmission.start_us) >= symbol_us
        )

    def _chance(self, flight: Flight, antenna: Antenna, purpose: str) -> float:
        sent = flight.transmission
        return self._links.luck(purpose, sent.transmitter, antenna.name, sent.number)

    def _tell(self, event: Event) -> None:
        for fn in self._listeners:
            fn(event)
