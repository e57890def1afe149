"""From echoes to a fill level that can be believed, in integers. Pure."""

from micropython import const

_NEAR_MM = const(30)  # two echoes of one surface differ by less, whatever the distance
_NEAR_DIVISOR = const(16)
_SPREAD_FREE_MM = const(10)  # the ranger's own noise
_SPREAD_STEP_MM = const(2)  # each further step costs one point of quality
_SPREAD_COST_MAX = const(60)


def median(numbers):
    """The middle of a non-empty list; of an even count the lower of the two middle ones."""
    ordered = sorted(numbers)
    return ordered[(len(ordered) - 1) // 2]


def agreeing(distances_mm):
    """The distances that lie near their median; a web or a bag flap is seen once or twice and falls out."""
    middle = median(distances_mm)
    near = max(_NEAR_MM, middle // _NEAR_DIVISOR)
    return [distance for distance in distances_mm if -near <= distance - middle <= near]


def quality(agreed_mm, pings):
    """0…100 %: the share of pings that agree, less what they still differ among themselves."""
    if not agreed_mm:
        return 0
    spread = max(agreed_mm) - min(agreed_mm)
    cost = max(0, spread - _SPREAD_FREE_MM) // _SPREAD_STEP_MM
    return max(0, 100 * len(agreed_mm) // pings - min(cost, _SPREAD_COST_MAX))


def level(distance_mm, empty_mm, full_mm):
    """Fill level 0…100 %, rounded; None while the installer has not told the bin's distances (0)."""
    depth = empty_mm - full_mm
    if not empty_mm or depth <= 0:
        return None
    filled = (200 * (empty_mm - distance_mm) + depth) // (2 * depth)
    return min(100, max(0, filled))
