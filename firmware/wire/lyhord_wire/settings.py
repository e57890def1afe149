"""The settings with their names and ranges: as much of `tables.py` as a node needs to judge what a downlink
or an installer wants.
"""


class Setting:
    """Something that the gateway or an installer may change: an integer between `low` and `high`."""

    def __init__(self, key: int, name: str, unit: str, low: int, high: int, default: int) -> None:
        self.key = key
        self.name = name
        self.unit = unit
        self.low = low
        self.high = high
        self.default = default


# table: settings
SETTINGS = {
    setting.key: setting
    for setting in (
        Setting(1, "sample_period", "s", 10, 86400, 900),
        Setting(2, "report_period", "s", 10, 86400, 3600),
        Setting(3, "full_alarm", "%", 1, 100, 85),
        Setting(4, "fire_alarm", "0.1 Cel", -400, 1250, 650),
        Setting(5, "frost_alarm", "0.1 Cel", -400, 1250, 50),
        Setting(6, "warm_alarm", "0.1 Cel", -400, 1250, 300),
        Setting(7, "empty_distance", "mm", 0, 20000, 0),
        Setting(8, "full_distance", "mm", 0, 20000, 0),
        Setting(9, "spreading_factor", "", 7, 12, 9),
        Setting(10, "tx_power", "dBm", 2, 20, 14),
        Setting(11, "ack_every", "reports", 1, 255, 4),
        Setting(12, "tilt_alarm", "deg", 1, 180, 30),
        Setting(13, "link", "0 auto, 1 LoRa, 2 WiFi, 3 LoRa first", 0, 3, 0),
        Setting(14, "channels", "bit mask", 1, 255, 255),
        Setting(15, "fastest_sf", "", 7, 12, 12),
    )
}
# end of table
