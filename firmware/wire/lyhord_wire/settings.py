"""The settings with their names and ranges: a part of `tables.py` by itself, because a node needs no more
to judge what a downlink wants.
"""

from lyhord_wire import codes


class Setting:
    """Something that the gateway or an installer may change: an integer between `low` and `high`."""

    def __init__(self, key: int, name: str, unit: str, low: int, high: int, default: int) -> None:
        self.key = key
        self.name = name
        self.unit = unit
        self.low = low
        self.high = high
        self.default = default


SETTINGS = {
    setting.key: setting
    for setting in (
        Setting(codes.SAMPLE_PERIOD, "sample_period", "s", 10, 86400, 900),
        Setting(codes.REPORT_PERIOD, "report_period", "s", 10, 86400, 3600),
        Setting(codes.FULL_ALARM, "full_alarm", "%", 1, 100, 85),
        Setting(codes.FIRE_ALARM, "fire_alarm", "0.1 Cel", -400, 1250, 650),
        Setting(codes.FROST_ALARM, "frost_alarm", "0.1 Cel", -400, 1250, 50),
        Setting(codes.WARM_ALARM, "warm_alarm", "0.1 Cel", -400, 1250, 300),
        Setting(codes.EMPTY_DISTANCE, "empty_distance", "mm", 0, 20000, 0),
        Setting(codes.FULL_DISTANCE, "full_distance", "mm", 0, 20000, 0),
        Setting(codes.SPREADING_FACTOR, "spreading_factor", "", 7, 12, 9),
        Setting(codes.TX_POWER, "tx_power", "dBm", 2, 20, 14),
        Setting(codes.ACK_EVERY, "ack_every", "reports", 1, 255, 4),
        Setting(codes.TILT_ALARM, "tilt_alarm", "deg", 1, 180, 30),
        Setting(codes.LINK, "link", "0 auto, 1 LoRa, 2 WiFi, 3 LoRa first", 0, 3, 0),
        Setting(codes.CHANNELS, "channels", "bit mask", 1, 255, 255),
        Setting(codes.FASTEST_SF, "fastest_sf", "", 7, 12, 12),
    )
}
