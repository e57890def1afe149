"""Alarms, when nodes raise and clear them, and what platforms call them. See `tables.py`."""

from lyhord_wire.rows import words

_BIN, _BUILDING = 1, 2  # kinds of node, `fields.PROFILES`


class Alarm:
    """`raised`, `cleared`: when, in one line each, with names of settings in backquotes. `profile`: the only
    kind of node that usually has it, 0 for every kind. `device_class`: Home Assistant's."""

    def __init__(
        self, key: int, name: str, device_class: str, raised: str, cleared: str, profile: int = 0
    ) -> None:
        self.key = key
        self.name = name
        self.device_class = device_class
        self.raised = raised
        self.cleared = cleared
        self.profile = profile

    @property
    def constant(self) -> str:
        return "ALARM_" + self.name.upper()

    @property
    def label(self) -> str:
        return words(self.name)


# In the order in which they are shown: all that bins have, then what only buildings have.
# One row of a table is one line or two: that is how tables are read.
# fmt: off
ALARMS = {
    row.key: row
    for row in (
        Alarm(1, "full", "problem", "fill ≥ `full_alarm`", "5 % below", _BIN),
        Alarm(3, "fire", "safety",
              "temperature ≥ `fire_alarm`, or 20 °C over a follower that rises by 1 °C a minute at most",
              "5 °C below, and less than 10 °C over the follower"),
        Alarm(5, "battery_low", "battery", "battery < 3300 mV", "> 3450 mV"),
        Alarm(6, "sensor_fault", "problem", "a sensor gives no valid value in three samples in a row",
              "the first sample without"),
        Alarm(4, "tilted", "problem", "lies (switch), or tilt ≥ `tilt_alarm`, in two samples in a row",
              "stands, or 5° below", _BIN),
        Alarm(7, "cold", "cold", "temperature < `frost_alarm`", "1 °C above", _BUILDING),
        Alarm(8, "warm", "heat", "temperature ≥ `warm_alarm`", "1 °C below", _BUILDING),
    )
}
# fmt: on
