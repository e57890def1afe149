"""The orders that a node obeys: settings and commands. See `tables.py`."""

from lyhord_wire.settings import Setting as NodeSetting


class Setting(NodeSetting):
    """Something that the gateway or an installer may change: an integer between `low` and `high`."""

    def __init__(
        self, key: int, name: str, unit: str, low: int, high: int, default: int, meaning: str
    ) -> None:
        NodeSetting.__init__(self, key, name, unit, low, high, default)
        self.meaning = meaning

    @property
    def constant(self) -> str:
        return self.name.upper()


class Command:
    """`high`: the greatest value of its only argument, which is 1 at least and may be left out; 0: none."""

    def __init__(self, key: int, name: str, meaning: str, high: int = 0) -> None:
        self.key = key
        self.name = name
        self.meaning = meaning
        self.high = high

    @property
    def constant(self) -> str:
        return "COMMAND_" + self.name.upper()


# One row of a table is one line or two: that is how tables are read.
# fmt: off
SETTINGS = {
    row.key: row
    for row in (
        Setting(1, "sample_period", "s", 10, 86400, 900, "from one sample to the next"),
        Setting(2, "report_period", "s", 10, 86400, 3600, "from one report to the next"),
        Setting(3, "full_alarm", "%", 1, 100, 85, "fill level of the alarm *full*"),
        Setting(4, "fire_alarm", "0.1 Cel", -400, 1250, 650, "temperature of the alarm *fire*"),
        Setting(5, "frost_alarm", "0.1 Cel", -400, 1250, 50, "temperature of the alarm *cold*, in buildings"),
        Setting(6, "warm_alarm", "0.1 Cel", -400, 1250, 300, "temperature of the alarm *warm*, in buildings"),
        Setting(7, "empty_distance", "mm", 0, 20000, 0,
                "from the sensor to the floor of an empty bin; 0: not known"),
        Setting(8, "full_distance", "mm", 0, 20000, 0, "from the sensor to the surface of a full bin"),
        Setting(9, "spreading_factor", "", 7, 12, 9, "of uplinks"),
        Setting(10, "tx_power", "dBm", 2, 20, 14, "of uplinks"),
        Setting(11, "ack_every", "reports", 1, 255, 4,
                "an acknowledgement is requested with every n-th report"),
        Setting(12, "tilt_alarm", "deg", 1, 180, 30, "tilt of the alarm *tilted*"),
        Setting(13, "link", "0 auto, 1 LoRa, 2 WiFi, 3 LoRa first", 0, 3, 0,
                "auto: WiFi first where it is set up"),
        Setting(14, "channels", "bit mask", 1, 255, 255,
                "the uplink channels of section 4, bit 0 for the first of them"),
        Setting(15, "fastest_sf", "", 7, 12, 12,
                "a node may go from `spreading_factor` down to it where the answers' SNR allows"),
    )
}

COMMANDS = {
    row.key: row
    for row in (
        Command(1, "restart", "starts again when the link is closed"),
        Command(2, "report_now", "sends a status"),
        Command(3, "send_about", "sends an about"),
        Command(4, "blink", "blinks, 10 times or as often as the argument says", 100),
        Command(5, "stop_alarms", "the active alarms are silent until their causes have gone"),
    )
}
# fmt: on
