"""From the wire's integers to a platform's numbers, without float dust.

Dividing two integers in Python is correctly rounded (IEEE 754), and a float prints as the shortest text
that reads back the same; so 214 / 10 is 21.4 and never 21.400000000000002. Multiplying by 0.1 would be.
"""

from dataclasses import dataclass
from types import MappingProxyType

from lyhord_wire import tables
from lyhord_wire.tables import QUANTITIES

RATIO = "/"

# How many make one of the unit in the table of quantities, as numerator and denominator. All are SenML
# units; mm, cm, mV and hPa are secondary ones (RFC 8798 section 3).
_PER_UNIT = MappingProxyType({"cm": (100, 1), "mm": (1000, 1), "mV": (1000, 1), "hPa": (1, 100)})


@dataclass(frozen=True, slots=True)
class Units:
    """What a platform counts in. distance: m, cm or mm; battery: V or mV; pressure: Pa or hPa."""

    distance: str = "m"
    battery: str = "V"
    pressure: str = "Pa"

    def of(self, quantity: int) -> str:
        """The SenML unit of a quantity, "" if it has none or this version does not know it."""
        match quantity:
            case tables.DISTANCE:
                return self.distance
            case tables.BATTERY:
                return self.battery
            case tables.PRESSURE:
                return self.pressure
        known = QUANTITIES.get(quantity)
        return "" if known is None else known.unit


SI = Units()


def scaled(quantity: int, value: int, fill_scale: int, units: Units = SI) -> int | float:
    """The value in the platform's unit. fill_scale: 1 or 100, for ratios such as the fill level."""
    known = QUANTITIES.get(quantity)
    if known is None:
        return value
    if known.den == 1 and units is SI:
        return value * known.num
    times, per = _PER_UNIT.get(units.of(quantity), (1, 1))
    num = known.num * times * (fill_scale if known.unit == RATIO else 1)
    return fraction(value * num, known.den * per)


def fraction(num: int, den: int) -> int | float:
    """num ÷ den: an integer if it is one, else the nearest float."""
    return num // den if num % den == 0 else num / den


def unit(quantity: int, fill_scale: int, units: Units = SI) -> str:
    """The SenML unit, "" if there is none."""
    name = units.of(quantity)
    return "%" if name == RATIO and fill_scale == 100 else name
