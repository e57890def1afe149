"""Names of what a node shows at its console: as much of `tables.py` as it needs for that."""

# table: names
QUANTITIES = {
    1: "fill_level",
    2: "distance",
    3: "temperature",
    4: "humidity",
    5: "battery",
    6: "fill_quality",
    7: "co2",
    8: "tilt",
    9: "pressure",
    10: "illuminance",
    11: "pulse_count",
    12: "occupancy",
}

ALARMS = {
    1: "full",
    3: "fire",
    4: "tilted",
    5: "battery_low",
    6: "sensor_fault",
    7: "cold",
    8: "warm",
}

FAULTS = {
    1: "ultrasonic",
    2: "temperature",
    4: "radio",
    8: "clock",
    16: "storage",
    32: "battery",
    64: "safe_mode",
    128: "settings_put_back",
    256: "code_damaged",
}

RESET_CAUSES = {
    0: "power_on",
    1: "hard",
    2: "watchdog",
    3: "deep_sleep",
    4: "soft",
    5: "brown_out",
}
# end of table
