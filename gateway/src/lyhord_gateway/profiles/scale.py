"""From the wire's integers to a platform's numbers, without float dust.

Dividing two integers in Python is correctly rounded (IEEE 754), and a float prints as the shortest text
that reads back the same; so 214 / 10 is 21.4 and never 21.400000000000002. Multiplying by 0.1 would be.
"""

from dataclasses import dataclass

from lyhord_wire.tables import QUANTITIES, UNITS

RATIO = "/"


@dataclass(frozen=True, slots=True)
class Units:
    """The units of a platform. distance, of all lengths: m, cm or mm; battery, of all voltages: V or mV;
    pressure: Pa or hPa."""

    distance: str = "m"
    battery: str = "V"
    pressure: str = "Pa"

    def of(self, quantity: int) -> str:
        """The SenML unit of a quantity, "" if it has none or this version does not know it."""
        known = QUANTITIES.get(quantity)
        match known.unit if known else "":
            case "m":
                return self.distance
            case "V":
                return self.battery
            case "Pa":
                return self.pressure
            case unit:
                return unit


SI = Units()


def scaled(quantity: int, value: int, fill_scale: int, units: Units = SI) -> int | float:
    """The value in the platform's unit. fill_scale: 1 or 100, for ratios such as the fill level."""
    known = QUANTITIES.get(quantity)
    if known is None:
        return value
    if known.den == 1 and units is SI:
        return value * known.num
    wanted = UNITS[units.of(quantity)]
    num = known.num * wanted.num * (fill_scale if known.unit == RATIO else 1)
    return fraction(value * num, known.den * wanted.den)


def fraction(num: int, den: int) -> int | float:
    """num ÷ den: an integer if it is one, else the nearest float."""
    return num // den if num % den == 0 else num / den


def unit(quantity: int, fill_scale: int, units: Units = SI) -> str:
    """The SenML unit, "" if there is none."""
    name = units.of(quantity)
    return "%" if name == RATIO and fill_scale == 100 else name


def is_boolean(quantity: int) -> bool:
    """True if the quantity's 0 and 1 are no and yes."""
    known = QUANTITIES.get(quantity)
    return known is not None and known.boolean
