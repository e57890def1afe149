"""Every number that has a name on the wire: quantities, settings, alarms, status, commands.

The one place where names and ranges stand; the bare numbers are in `codes.py`, the settings in
`settings.py`, and both can be had from here as well. Firmware, gateway, serial console, tools,
`docs/protocol.md` and `docs/lyhord.cddl` read these tables or are tested against them.
"""

from lyhord_wire import codes
from lyhord_wire.codes import *  # noqa: F403 - whoever has the tables has the numbers too
from lyhord_wire.settings import SETTINGS as SETTINGS
from lyhord_wire.settings import Setting as Setting


class Quantity:
    """Something measured. Its value on the wire is an integer between `low` and `high` in steps of
    `num`/`den` of `unit` (a SenML unit, RFC 8428 section 12.1 or RFC 8798)."""

    def __init__(self, key: int, name: str, low: int, high: int, unit: str, num: int, den: int) -> None:
        self.key = key
        self.name = name
        self.low = low
        self.high = high
        self.unit = unit
        self.num = num
        self.den = den


QUANTITIES = {
    quantity.key: quantity
    for quantity in (
        Quantity(codes.FILL_LEVEL, "fill_level", 0, 100, "/", 1, 100),
        Quantity(codes.DISTANCE, "distance", 0, 20000, "m", 1, 1000),
        Quantity(codes.TEMPERATURE, "temperature", -2731, 12500, "Cel", 1, 10),
        Quantity(codes.HUMIDITY, "humidity", 0, 1000, "%RH", 1, 10),
        Quantity(codes.BATTERY, "battery", 0, 20000, "V", 1, 1000),
        Quantity(codes.FILL_QUALITY, "fill_quality", 0, 100, "/", 1, 100),
        Quantity(codes.CO2, "co2", 0, 60000, "ppm", 1, 1),
        Quantity(codes.TILT, "tilt", 0, 180, "deg", 1, 1),
        Quantity(codes.PRESSURE, "pressure", 0, 200000, "Pa", 1, 1),
        Quantity(codes.ILLUMINANCE, "illuminance", 0, 200000, "lx", 1, 1),
        Quantity(codes.PULSE_COUNT, "pulse_count", 0, 0xFFFFFFFF, "count", 1, 1),
        Quantity(codes.OCCUPANCY, "occupancy", 0, 1, "", 1, 1),
    )
}

ALARMS = {
    codes.ALARM_FULL: "full",
    codes.ALARM_FIRE: "fire",
    codes.ALARM_TILTED: "tilted",
    codes.ALARM_BATTERY_LOW: "battery_low",
    codes.ALARM_SENSOR_FAULT: "sensor_fault",
    codes.ALARM_COLD: "cold",
    codes.ALARM_WARM: "warm",
}

STATUS = {
    codes.STATUS_VERSION: "firmware_version",
    codes.STATUS_RESET_CAUSE: "reset_cause",
    codes.STATUS_UPTIME: "uptime",
    codes.STATUS_BATTERY: "battery",
    codes.STATUS_SETTINGS_VERSION: "settings_version",
    codes.STATUS_DROPPED: "dropped",
    codes.STATUS_RSSI: "downlink_rssi",
    codes.STATUS_SNR: "downlink_snr",
    codes.STATUS_FREE_HEAP: "free_heap",
    codes.STATUS_FAULTS: "faults",
    codes.STATUS_OLDEST: "oldest_kept",
}

RESET_CAUSES = {
    0: "power_on",
    1: "hard",
    2: "watchdog",
    3: "deep_sleep",
    4: "soft",
    5: "brown_out",
}

FAULTS = {
    codes.FAULT_ULTRASONIC: "ultrasonic",
    codes.FAULT_TEMPERATURE: "temperature",
    codes.FAULT_RADIO: "radio",
    codes.FAULT_CLOCK: "clock",
    codes.FAULT_STORAGE: "storage",
    codes.FAULT_BATTERY: "battery",
    codes.FAULT_SAFE_MODE: "safe_mode",
    codes.FAULT_SETTINGS: "settings_put_back",
    codes.FAULT_CODE: "code_damaged",
}

COMMANDS = {
    codes.COMMAND_RESTART: "restart",
    codes.COMMAND_REPORT_NOW: "report_now",
    codes.COMMAND_SEND_ABOUT: "send_about",
    codes.COMMAND_BLINK: "blink",
    codes.COMMAND_STOP_ALARMS: "stop_alarms",
}

PROFILES = {codes.PROFILE_BIN: "bin", codes.PROFILE_BUILDING: "building"}

ABOUT = {
    codes.ABOUT_NAME: "name",
    codes.ABOUT_LATITUDE: "latitude",
    codes.ABOUT_LONGITUDE: "longitude",
    codes.ABOUT_PROFILE: "profile",
    codes.ABOUT_BOARD: "board",
    codes.ABOUT_EMPTY_DISTANCE: "empty_distance",
    codes.ABOUT_FULL_DISTANCE: "full_distance",
    codes.ABOUT_VERSION: "firmware_version",
}
