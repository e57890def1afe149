"""From pings to a fill level that can be believed, in integers. Pure.

    pings → outliers rejected → median → compared with the last samples → Verdict

A flap of a bag, a spider's web, drops on the transducer are nearer than the rubbish, and come
suddenly; rubbish comes in bags, a bin is emptied at once. So a sudden nearer surface is *held*: no
number and a low quality, until the next sample sees it as well. Anything that fits what was there
before, and an emptied bin, counts at once. What no sample can decide alone is in `LevelTracker`, 9 bytes.
"""

import struct

from micropython import const

PACKED_BYTES = const(9)
_FORMAT = ">HHHBBB"

_NOISE_MM = const(30)  # echoes of one rough surface differ by so much at any distance
_MAD_NUM = const(9)  # 4.5 median deviations are 3 standard deviations of normal noise
_MAD_DEN = const(2)
_SAME_MM = const(30)  # two samples of one surface differ by less, ...
_SAME_DIVISOR = const(16)  # ... or by this share of the distance
_SPREAD_FREE_MM = const(10)
_SPREAD_FREE_DIVISOR = const(64)
_SPREAD_STEP_MM = const(2)  # each further step costs one point of quality
_SPREAD_COST_MAX = const(60)
_SUDDEN_MM = const(150)  # or a fifth of the depth; less is a bag or two
_SUDDEN_DIVISOR = const(5)
_MOVE_COST = const(30)  # of the largest move that is not sudden
# Or an eighth of the depth: so far beyond the bottom, or before the full line, is nothing.
_EDGE_MM = const(100)

_FIRST_MAX = const(80)  # nothing to agree with yet
_HELD_MAX = const(20)
_PENALTY_MAX = const(100)
_PENALTY_HELD = const(40)
_PENALTY_JUMP = const(60)  # a confirmed jump is still a flap now and then: a day of agreement forgets it
_PENALTY_SILENT = const(20)
_JUMP_SAMPLES = const(32)  # for so long a return to the old surface means that something was in the way
_OBSTRUCTED_AFTER = const(4)  # samples held in a row: something is in the way for good


class Verdict:
    """The meaning of one sample.

    distance_mm, level (%): None when nothing is to be believed; level also without the bin's distances.
    quality 0…100; heard: pings that agreed; most: they are the majority; spread_mm: among them.
    emptied: since the last sample.
    held: wait for the next sample. faulty: nothing believable from the sensor, or not for long: a fault bit.
    """

    def __init__(self, heard, pings, spread_mm, quality):
        self.distance_mm = None
        self.level = None
        self.quality = quality
        self.heard = heard
        self.most = 2 * heard > pings
        self.spread_mm = spread_mm
        self.emptied = False
        self.held = False
        self.faulty = False


class LevelTracker:
    """The surface in the bin as the last samples saw it. `packed`: what `pack()` gave, or nothing."""

    def __init__(self, packed=b""):
        self._seen_mm = 0  # last one believed; 0: none
        self._before_mm = 0  # the one before a confirmed jump, while that is not long ago
        self._pending_mm = 0  # held, to be confirmed
        self._jump_samples = 0  # left, see _JUMP_SAMPLES
        self._held_run = 0  # samples held in a row
        self._penalty = 0  # 0…100, fades
        if len(packed) == PACKED_BYTES:
            (
                self._seen_mm,
                self._before_mm,
                self._pending_mm,
                self._jump_samples,
                self._held_run,
                self._penalty,
            ) = struct.unpack(_FORMAT, packed)

    def pack(self):
        """PACKED_BYTES bytes for the RTC memory."""
        return struct.pack(
            _FORMAT,
            self._seen_mm,
            self._before_mm,
            self._pending_mm,
            self._jump_samples,
            self._held_run,
            self._penalty,
        )

    def judge(self, distances_mm, pings, empty_mm=0, full_mm=0):
        """Verdict on one sample: the distances (1…20000 mm) that came back from `pings` pings.

        empty_mm, full_mm: the bin's, 0 while unknown.
        """
        depth = empty_mm - full_mm if empty_mm > full_mm else 0
        if depth:
            # Farther than the bottom there is nothing: a second bounce, or the bin is gone.
            farthest = empty_mm + max(_EDGE_MM, depth // 8)
            distances_mm = [mm for mm in distances_mm if mm <= farthest]
        if not distances_mm:
            return self._silent()
        kept = self._behind_obstacle(distances_mm)
        seen_through = kept is not None
        if kept is None:
            kept = agreeing(distances_mm)
        mm = median(kept)
        spread = max(kept) - min(kept)
        quality = ping_quality(len(kept), pings, spread, mm)
        verdict = Verdict(len(kept), pings, spread, quality)
        if seen_through:
            self._penalty = max(self._penalty, _PENALTY_HELD)
        if self._accept(mm, verdict, depth, empty_mm, full_mm):
            self._pending_mm = self._held_run = 0
            verdict.distance_mm = mm
            verdict.level = level(mm, empty_mm, full_mm)
            verdict.quality = max(0, verdict.quality - self._penalty // 2)
        else:
            self._hold(mm, verdict)
        return verdict

    def _behind_obstacle(self, distances_mm):
        """The pings that still found the known surface past something nearer; None unless it is so.

        A web or a flap lets some of the sound through, and nothing invents the old surface twice.
        """
        seen = self._seen_mm
        if not seen:
            return None
        same = same_mm(seen)
        if median(distances_mm) >= seen - same:
            return None
        kept = [mm for mm in distances_mm if -same <= mm - seen <= same]
        return kept if len(kept) > 1 else None

    def _accept(self, mm, verdict, depth, empty_mm, full_mm):
        """True if `mm` is the surface; notes what that means."""
        seen = self._seen_mm
        in_front = depth and mm < full_mm - max(_EDGE_MM, depth // 8)
        if not seen:
            if in_front or not (verdict.most or self._confirms(mm, 0)):
                return False
            verdict.quality = min(verdict.quality, _FIRST_MAX)
            self._seen_mm = mm
            return True
        farther = mm - seen
        sudden = max(_SUDDEN_MM, (depth or seen) // _SUDDEN_DIVISOR)
        same = same_mm(seen)
        if -same <= farther <= same:
            self._steady()
        elif not verdict.most and (farther < 0 or not self._confirms(mm, sudden)):
            return False
        elif -sudden <= farther <= sudden:
            verdict.quality -= verdict.quality * _MOVE_COST * abs(farther) // (100 * sudden)
        elif farther < 0:
            if in_front or not self._confirms(mm, sudden):
                return False
            self._before_mm = seen
            self._jump_samples = _JUMP_SAMPLES
            self._penalty = max(self._penalty, _PENALTY_JUMP)
        elif self._before_mm and mm <= self._before_mm + same_mm(self._before_mm):
            self._before_mm = 0  # what was in the way is gone
            self._penalty //= 2
        elif depth and 4 * (empty_mm - mm) <= depth:
            verdict.emptied = True
            self._before_mm = self._penalty = 0
        elif not self._confirms(mm, sudden):
            return False
        self._seen_mm = mm
        return True

    def _steady(self):
        self._penalty -= min(self._penalty, self._penalty // 8 + 1)
        if self._jump_samples:
            self._jump_samples -= 1
        else:
            self._before_mm = 0

    def _confirms(self, mm, sudden):
        """True if the sample before has seen this surface, or one that has been filled up to it since."""
        pending = self._pending_mm
        return pending != 0 and pending - sudden <= mm <= pending + same_mm(pending)

    def _hold(self, mm, verdict):
        # Drops on the transducer give a few near ghosts, always the same: they do not confirm each other.
        confirmable = verdict.most or mm > self._seen_mm
        self._pending_mm = mm if confirmable else 0
        self._held_run = min(255, self._held_run + 1)
        self._penalty = min(_PENALTY_MAX, self._penalty + _PENALTY_HELD)
        verdict.quality = min(verdict.quality, _HELD_MAX)
        verdict.held = True
        verdict.faulty = self._held_run >= _OBSTRUCTED_AFTER

    def _silent(self):
        self._pending_mm = 0
        self._penalty = min(_PENALTY_MAX, self._penalty + _PENALTY_SILENT)
        verdict = Verdict(0, 1, 0, 0)
        verdict.faulty = True
        return verdict


def median(numbers):
    """The middle of a non-empty list; of an even count the lower of the two middle ones."""
    ordered = sorted(numbers)
    return ordered[(len(ordered) - 1) // 2]


def agreeing(distances_mm):
    """The distances that lie near their median, by the median absolute deviation; never none."""
    middle = median(distances_mm)
    deviation = median([abs(mm - middle) for mm in distances_mm])
    # Two crowds of pings have a deviation as large as their distance: they do not agree.
    near = max(_NOISE_MM, min(deviation * _MAD_NUM // _MAD_DEN, same_mm(middle)))
    return [mm for mm in distances_mm if -near <= mm - middle <= near]


def same_mm(mm):
    """The distance that two samples of one surface at `mm` may lie apart, in millimetres."""
    return max(_SAME_MM, mm // _SAME_DIVISOR)


def ping_quality(heard, pings, spread_mm, mm):
    """0…100: the share of the pings that agree, less what they still differ among themselves."""
    free = max(_SPREAD_FREE_MM, mm // _SPREAD_FREE_DIVISOR)
    cost = max(0, spread_mm - free) // _SPREAD_STEP_MM
    return max(0, 100 * heard // pings - min(cost, _SPREAD_COST_MAX))


def level(distance_mm, empty_mm, full_mm):
    """Fill level 0…100 %, rounded; None while the installer has not told the bin's distances (0)."""
    depth = empty_mm - full_mm
    if not empty_mm or depth <= 0:
        return None
    filled = (200 * (empty_mm - distance_mm) + depth) // (2 * depth)
    return min(100, max(0, filled))
