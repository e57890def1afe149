"""Limits of the self-test: one table. A board that needs another limit than the others has its own row."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """low, high: in `unit`, both allowed; None: no limit there. remedy: for whoever has the board in hand."""

    unit: str
    low: int | None
    high: int | None
    remedy: str

    def holds(self, value: int) -> bool:
        """True if the value is within."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


# Quantities by the names that `measure` gives them; on a desk, not in the street.
_ALL = {
    "distance": Limit(
        "mm", 20, 6000, "hold something flat before it, half a metre away; plug, supply; empty_distance"
    ),
    "temperature": Limit(
        "0.1 Cel", -100, 500, "probe plugged in, its resistor in place; 85.0 is a bad clone"
    ),
    "humidity": Limit("0.1 %RH", 50, 950, "SDA and SCL swapped, or breathed upon: wait a minute"),
    "co2": Limit("ppm", 300, 5000, "wait a minute in fresh air, then again"),
    "battery": Limit("mV", 3300, 4400, "charge it; the wrong way round it reads nothing"),
    "heap_free": Limit("bytes", 20_000, None, "flash it again; then another board"),
    # An update's image beside three weeks of samples.
    "flash_free": Limit("bytes", 400_000, None, "something else fills it: lyhord wipe, then flash it again"),
    "clock": Limit("ms", -3000, 3000, "its crystal or its light sleep: another board"),
    "downlink_rssi": Limit("dBm", -115, 0, "antenna screwed on? then nearer to the gateway"),
}
_OF_BOARD: dict[tuple[str, str], Limit] = {}


def limit(board: str, name: str) -> Limit | None:
    """The limit of a board; None where there is none."""
    return _OF_BOARD.get((board, name), _ALL.get(name))
