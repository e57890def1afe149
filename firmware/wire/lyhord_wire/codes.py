"""Every number that stands for something on the wire: quantities, settings, alarms, status, commands.

Apart from `tables.py`, which has their names and ranges, because a node on most of its wakes needs
no more than these.
"""

FILL_LEVEL = 1
DISTANCE = 2
TEMPERATURE = 3
HUMIDITY = 4
BATTERY = 5
FILL_QUALITY = 6
CO2 = 7
TILT = 8
PRESSURE = 9
ILLUMINANCE = 10
PULSE_COUNT = 11
OCCUPANCY = 12
FIRST_DEPLOYMENT_QUANTITY = 32  # from here on a deployment names its own in the gateway's configuration
QUANTITY_MAX = 0xFFFF

# Sample numbers end below this: one every 10 s for 340 years, and within the 31 bits of a node's NVS.
SAMPLE_NUMBERS = 0x40000000
# A gateway may know of so many samples more than a node that lost its memory: five years, one every 10 s.
SAMPLES_AHEAD_MAX = 0x1000000

SAMPLE_PERIOD = 1
REPORT_PERIOD = 2
FULL_ALARM = 3
FIRE_ALARM = 4
FROST_ALARM = 5
WARM_ALARM = 6
EMPTY_DISTANCE = 7
FULL_DISTANCE = 8
SPREADING_FACTOR = 9
TX_POWER = 10
ACK_EVERY = 11
TILT_ALARM = 12
LINK = 13
CHANNELS = 14
FASTEST_SF = 15

LINK_AUTO = 0
LINK_LORA = 1
LINK_WIFI = 2
LINK_LORA_FIRST = 3

ALARM_FULL = 1
ALARM_FIRE = 3
ALARM_TILTED = 4
ALARM_BATTERY_LOW = 5
ALARM_SENSOR_FAULT = 6
ALARM_COLD = 7
ALARM_WARM = 8

STATUS_VERSION = 0
STATUS_RESET_CAUSE = 1
STATUS_UPTIME = 2
STATUS_BATTERY = 3
STATUS_SETTINGS_VERSION = 4
STATUS_DROPPED = 5
STATUS_RSSI = 6
STATUS_SNR = 7
STATUS_FREE_HEAP = 8
STATUS_FAULTS = 9
STATUS_OLDEST = 10

FAULT_ULTRASONIC = 1
FAULT_TEMPERATURE = 2
FAULT_RADIO = 4
FAULT_CLOCK = 8
FAULT_STORAGE = 16
FAULT_BATTERY = 32
FAULT_SAFE_MODE = 64
FAULT_SETTINGS = 128
FAULT_CODE = 256

COMMAND_RESTART = 1
COMMAND_REPORT_NOW = 2
COMMAND_SEND_ABOUT = 3
COMMAND_BLINK = 4
COMMAND_STOP_ALARMS = 5

PROFILE_BIN = 1
PROFILE_BUILDING = 2

ABOUT_NAME = 0
ABOUT_LATITUDE = 1
ABOUT_LONGITUDE = 2
ABOUT_PROFILE = 3
ABOUT_BOARD = 4
ABOUT_EMPTY_DISTANCE = 5
ABOUT_FULL_DISTANCE = 6
ABOUT_VERSION = 7


def version_number(major: int, minor: int, patch: int) -> int:
    """A firmware version as status and about carry it; minor and patch are 0…255."""
    return major << 16 | minor << 8 | patch
