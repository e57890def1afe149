"""The fields of the maps: status and its faults, about, instructions. See `tables.py`."""

TEXT_MAX = 24  # bytes of a text in an about

_U32 = 0xFFFFFFFF


class Field:
    """A field of a status, an about or an instructions map: an integer in `low`…`high`, or where `shape`
    names one, something of that shape. An integer of `VERSION` is major « 16 | minor « 8 | patch, of `NAMED`
    the key of another table or the sum of several. Shown as a number of `unit`, `den` of its steps each.
    """

    VERSION = "version"
    NAMED = "named"
    TEXT = "text"  # up to `TEXT_MAX` bytes of UTF-8
    MAP = "map"  # of instructions.py
    ARRAY = "array"

    def __init__(
        self,
        prefix: str,
        key: int,
        name: str,
        meaning: str,
        low: int = 0,
        high: int = 0,
        unit: str = "",
        den: int = 1,
        shape: str = "",
        constant: str = "",
    ) -> None:
        self.key = key
        self.name = name
        self.meaning = meaning
        self.low = low
        self.high = high
        self.unit = unit
        self.den = den
        self.shape = shape
        self._prefix = prefix
        self._constant = constant

    @property
    def constant(self) -> str:
        return self._prefix + (self._constant or self.name.upper())

    def is_whole(self) -> bool:
        """True if the value is an integer between `low` and `high`."""
        return self.shape not in (Field.TEXT, Field.MAP, Field.ARRAY)


# One row of a table is one line or two: that is how tables are read.
# fmt: off
STATUS = {
    row.key: row
    for row in (
        Field("STATUS_", 0, "firmware_version", "major × 65536 + minor × 256 + patch", 0, 0xFFFFFF,
              shape=Field.VERSION, constant="VERSION"),
        Field("STATUS_", 1, "reset_cause", "why the node started, below", 0, 255, shape=Field.NAMED),
        Field("STATUS_", 2, "uptime", "seconds", 0, _U32, "s"),
        Field("STATUS_", 3, "battery", "mV", 0, 20000, "V", 1000),
        Field("STATUS_", 4, "settings_version", "the version of the settings in force", 0, _U32),
        Field("STATUS_", 5, "dropped", "samples dropped since the last status", 0, _U32),
        Field("STATUS_", 6, "downlink_rssi", "dBm, of the last downlink", -300, 100, "dBm", constant="RSSI"),
        Field("STATUS_", 7, "downlink_snr", "dB × 4, of the last downlink", -400, 400, "dB", 4,
              constant="SNR"),
        Field("STATUS_", 8, "free_heap", "bytes", 0, _U32, "B"),
        Field("STATUS_", 9, "faults", "sum of the bits below", 0, _U32, shape=Field.NAMED),
        Field("STATUS_", 10, "oldest_kept",
              "number of the oldest sample that the node still has; sent when an older one was asked for. "
              "The gateway then gives up that gap, and counts it", 0, _U32, constant="OLDEST"),
    )
}

# Bits of the status field `faults`.
FAULTS = {
    row.key: row
    for row in (
        Field("FAULT_", 1, "ultrasonic", "the ranger"),
        Field("FAULT_", 2, "temperature", "a sensor that tells of the air: temperature, humidity, CO2"),
        Field("FAULT_", 4, "radio", "the LoRa radio"),
        Field("FAULT_", 8, "clock", "not used"),
        Field("FAULT_", 16, "storage", "the log in flash"),
        Field("FAULT_", 32, "battery", "the battery's divider"),
        Field("FAULT_", 64, "safe_mode", "six starts in a row came to no end"),
        Field("FAULT_", 128, "settings_put_back", "settings on trial got no answer", constant="SETTINGS"),
        Field("FAULT_", 256, "code_damaged", "a file of the image is not as it was flashed", constant="CODE"),
    )
}

ABOUT = {
    row.key: row
    for row in (
        Field("ABOUT_", 0, "name", "text, up to 24 bytes", shape=Field.TEXT),
        Field("ABOUT_", 1, "latitude", "degrees × 10⁶", -90_000_000, 90_000_000, "deg", 1_000_000),
        Field("ABOUT_", 2, "longitude", "degrees × 10⁶", -180_000_000, 180_000_000, "deg", 1_000_000),
        Field("ABOUT_", 3, "profile", "what kind of node it is, below", 1, 255, shape=Field.NAMED),
        Field("ABOUT_", 4, "board", "text, up to 24 bytes", shape=Field.TEXT),
        Field("ABOUT_", 5, "empty_distance", "mm", 0, 20000, "mm"),
        Field("ABOUT_", 6, "full_distance", "mm", 0, 20000, "mm"),
        Field("ABOUT_", 7, "firmware_version", "as in the status", 0, 0xFFFFFF,
              shape=Field.VERSION, constant="VERSION"),
    )
}

INSTRUCTIONS = {
    row.key: row
    for row in (
        Field("", 0, "time", "Unix seconds, now", 0, _U32),
        Field("", 1, "stored",
              "every sample numbered below this one is stored for good. A node takes no number over 2³⁰, and "
              "none more than 2²⁴ ahead of its own: nobody has taken that many samples", 0, _U32 + 1),
        Field("", 2, "send_again", "[first, count]: send these samples again",
              shape=Field.ARRAY, constant="AGAIN"),
        Field("", 3, "settings", "map from setting (1…255) to an integer in −(2³¹−1)…2³¹−1", shape=Field.MAP),
        Field("", 4, "settings_version", "the version that these settings make", 0, _U32),
        Field("", 5, "command", "[code, arguments…], one to eight integers in −(2³¹−1)…2³¹−1",
              shape=Field.ARRAY),
    )
}
# fmt: on

RESET_CAUSES = {
    0: "power_on",
    1: "hard",
    2: "watchdog",
    3: "deep_sleep",
    4: "soft",
    5: "brown_out",
}

# The kinds of node.
PROFILES = {1: "bin", 2: "building"}


def version_number(major: int, minor: int, patch: int) -> int:
    """A firmware version as status and about carry it; minor and patch are 0…255."""
    return major << 16 | minor << 8 | patch
