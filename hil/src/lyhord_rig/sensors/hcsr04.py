"""An HC-SR04 ultrasonic ranger at its two pins.

A trigger pulse of at least 10 us makes it send a burst; its echo line then goes high for as long as the sound
was under way, or for about 38 ms when nothing came back (module data sheet; beam and target are ideal).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from ..world.clock import World

TRIGGER_US = 10
CYCLE_US = 60_000  # the data sheet's shortest time from one ping to the next
NOTHING_US = 38_000
NEAREST_MM = 20
FARTHEST_MM = 4_000
NOISE_MM = 3
_BURST_US = 450  # from the end of the trigger pulse to the rise of the echo line

TIMED_OUT = -1  # as machine.time_pulse_us: the pulse did not end
NEVER_BEGAN = -2


class Fault(Enum):
    SILENT = "silent"  # never answers
    STUCK = "stuck"  # the echo line stays high


class HcSr04:
    """distance_mm() of the surface, None for none; temperature_dc() of the air in 0.1 °C, which sets c.

    Noise of ±3 mm and stray echoes (share `strays` of the pings: half too near, half none) depend on the
    world's seed, `name` and the number of the ping alone. Connect `trigger` to the trigger pin's output,
    `pulse` and `level` to the echo pin, `power` to what switches its supply. A JSN-SR04T in pulse
    mode reaches from 200 to 6000 mm. nothing_us: how long the echo line stays high without an echo; clones
    without a timeout of their own keep it high for 200 ms, over the next pings.
    """

    def __init__(
        self,
        world: World,
        distance_mm: Callable[[], int | None],
        temperature_dc: Callable[[], int],
        name: str = "hcsr04",
        strays: float = 0.02,
        nearest_mm: int = NEAREST_MM,
        farthest_mm: int = FARTHEST_MM,
        nothing_us: int = NOTHING_US,
    ) -> None:
        self.fault: Fault | None = None
        self.strays = strays
        self.pings = 0
        self.too_short = 0  # trigger pulses of less than 10 us
        self.too_soon = 0  # pings within 60 ms of the one before
        self._world = world
        self._distance_mm = distance_mm
        self._temperature_dc = temperature_dc
        self._reach_mm = (nearest_mm, farthest_mm)
        self._nothing_us = nothing_us
        self._rng = world.rng(name)
        self._powered = True
        self._trigger_us: int | None = None
        self._pinged_us = self._rise_us = self._fall_us = -CYCLE_US
        self._echo_us = 0

    def power(self, on: bool) -> None:
        self._powered = bool(on)
        if not on:
            self._trigger_us = None
            self._fall_us = min(self._fall_us, self._world.now_us)

    def trigger(self, level: int) -> None:
        """The trigger pin's level changed; a ping starts when a long enough pulse ends."""
        now_us = self._world.now_us
        if level:
            self._trigger_us = now_us
            return
        since_us, self._trigger_us = self._trigger_us, None
        if since_us is None or not self._powered:
            return
        if now_us - since_us < TRIGGER_US:
            self.too_short += 1
        elif self.fault is None and now_us >= self._fall_us:  # a new trigger does nothing during an echo
            self._ping(now_us)

    def level(self) -> int:
        """The echo pin."""
        if not self._powered:
            return 0
        return int(self.fault is Fault.STUCK or self._rise_us <= self._world.now_us < self._fall_us)

    def pulse(self, level: int, timeout_us: int) -> int:
        """As machine.time_pulse_us on the echo pin: us; −2: the pulse never begins, −1: it does not end."""
        now_us = self._world.now_us
        edges = [edge for edge in (self._rise_us, self._fall_us) if edge > now_us]
        if not self._powered or self.fault is not None:
            edges = []
        now_level = self.level()
        if now_level == level:
            began_us = now_us
        elif edges and edges[0] - now_us <= timeout_us:
            began_us = edges.pop(0)
        else:
            return NEVER_BEGAN
        if not edges or edges[0] - began_us > timeout_us:
            return TIMED_OUT
        return edges[0] - began_us

    def _ping(self, now_us: int) -> None:
        noise_mm = self._rng.randint(-NOISE_MM, NOISE_MM)
        luck, fraction = self._rng.random(), self._rng.random()
        last_us = self._echo_us
        self.pings += 1
        echo_us = self._true_echo_us(noise_mm)
        if now_us - self._pinged_us < CYCLE_US:
            # The burst before is still bouncing: what arrives first is a ghost of it.
            self.too_soon += 1
            echo_us = int(last_us * (0.2 + 0.6 * fraction))
        elif luck < self.strays / 2:
            echo_us = self._nothing_us
        elif luck < self.strays:
            echo_us = int(echo_us * (0.3 + 0.6 * fraction))
        self._pinged_us = now_us
        self._echo_us = echo_us
        self._rise_us = now_us + _BURST_US
        self._fall_us = self._rise_us + echo_us

    def _true_echo_us(self, noise_mm: int) -> int:
        distance_mm = self._distance_mm()
        if distance_mm is None or not self._reach_mm[0] <= distance_mm <= self._reach_mm[1]:
            return self._nothing_us  # nearer than that the echo is over before it listens
        speed = 3_313_000 + 606 * self._temperature_dc()  # 0.1 mm/s: c = 331.3 + 0.606 T m/s
        return 2 * (distance_mm + noise_mm) * 10_000_000 // speed
