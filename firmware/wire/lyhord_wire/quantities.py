"""Quantities, the units that they have, and what platforms call them. See `tables.py`."""

from lyhord_wire.rows import words

FIRST_DEPLOYMENT_QUANTITY = 32  # from here on a deployment names its own in the gateway's configuration
QUANTITY_MAX = 0xFFFF


class Unit:
    """A SenML unit (RFC 8428 section 12.1; RFC 8798). `code`: UN/CEFACT Recommendation 20; `symbol`: as
    people write it; `num`, `den`: how many of it make one of the unit that the wire's table has; `secondary`:
    of RFC 8798 section 3, and so of a pack with a version of its own."""

    def __init__(self, code: str, symbol: str, num: int = 1, den: int = 1, secondary: bool = False) -> None:
        self.code = code
        self.symbol = symbol
        self.num = num
        self.den = den
        self.secondary = secondary


class Quantity:
    """Something measured. Its value on the wire is an integer between `low` and `high` in steps of
    `num`/`den` of `unit`, a key of `UNITS`, or "".

    `step`: one step as people write it; `label`: where it is not `name` as a word; `boolean`: 0 and 1 are no
    and yes; `counter`: it only grows; `diagnostic`: it tells of the node. Of platforms: `device_class`: Home
    Assistant's, "" for none; `attribute`: NGSI-LD's, where it is not `name`; `controlled`: of the Smart Data
    Model Device's enumeration `controlledProperty`, "" if it has no word.
    """

    def __init__(
        self,
        key: int,
        name: str,
        low: int,
        high: int,
        unit: str,
        num: int,
        den: int,
        step: str,
        label: str = "",
        boolean: bool = False,
        counter: bool = False,
        diagnostic: bool = False,
        device_class: str = "",
        attribute: str = "",
        controlled: str = "",
    ) -> None:
        self.key = key
        self.name = name
        self.low = low
        self.high = high
        self.unit = unit
        self.num = num
        self.den = den
        self.step = step
        self._label = label
        self.boolean = boolean
        self.counter = counter
        self.diagnostic = diagnostic
        self.device_class = device_class
        self._attribute = attribute
        self.controlled = controlled

    @property
    def constant(self) -> str:
        return self.name.upper()

    @property
    def label(self) -> str:
        return self._label or words(self.name)

    @property
    def attribute(self) -> str:
        return self._attribute or self.name


UNITS = {
    "": Unit("", ""),
    "/": Unit("C62", ""),
    "%": Unit("P1", "%", 100, 1),
    "%RH": Unit("", "%"),
    "count": Unit("C62", ""),
    "m": Unit("MTR", "m"),
    "cm": Unit("CMT", "cm", 100, 1, True),
    "mm": Unit("MMT", "mm", 1000, 1, True),
    "Cel": Unit("CEL", "°C"),
    "V": Unit("VLT", "V"),
    "mV": Unit("2Z", "mV", 1000, 1, True),
    "ppm": Unit("59", "ppm", secondary=True),
    "deg": Unit("DD", "°"),
    "Pa": Unit("PAL", "Pa"),
    "hPa": Unit("A97", "hPa", 1, 100, True),
    "lx": Unit("LUX", "lx"),
}

# One row of a table is one line or two: that is how tables are read.
# fmt: off
QUANTITIES = {
    row.key: row
    for row in (
        Quantity(1, "fill_level", 0, 100, "/", 1, 100, "1 %",
                 attribute="fillingLevel", controlled="fillingLevel"),
        Quantity(2, "distance", 0, 20000, "m", 1, 1000, "1 mm", diagnostic=True,
                 # NGSI-LD's `distance` of a Device is its position.
                 device_class="distance", attribute="measuredDistance"),
        Quantity(3, "temperature", -2731, 12500, "Cel", 1, 10, "0.1 °C",
                 device_class="temperature", controlled="temperature"),
        Quantity(4, "humidity", 0, 1000, "%RH", 1, 10, "0.1 %",
                 device_class="humidity", attribute="relativeHumidity", controlled="humidity"),
        Quantity(5, "battery", 0, 20000, "V", 1, 1000, "1 mV", diagnostic=True,
                 device_class="voltage", attribute="batteryVoltage", controlled="batterySupply"),
        Quantity(6, "fill_quality", 0, 100, "/", 1, 100, "1 %", diagnostic=True,
                 attribute="fillingLevelQuality"),
        Quantity(7, "co2", 0, 60000, "ppm", 1, 1, "1 ppm", label="CO₂",
                 device_class="carbon_dioxide", controlled="airPollution"),
        Quantity(8, "tilt", 0, 180, "deg", 1, 1, "1°"),
        Quantity(9, "pressure", 0, 200000, "Pa", 1, 1, "1 Pa", device_class="atmospheric_pressure",
                 attribute="atmosphericPressure", controlled="atmosphericPressure"),
        Quantity(10, "illuminance", 0, 200000, "lx", 1, 1, "1 lx",
                 device_class="illuminance", controlled="light"),
        Quantity(11, "pulse_count", 0, 0xFFFFFFFF, "count", 1, 1, "1", counter=True, attribute="pulseCount"),
        Quantity(12, "occupancy", 0, 1, "", 1, 1, "boolean", boolean=True,
                 device_class="occupancy", controlled="occupancy"),
    )
}
# fmt: on
