"""The running state: what the next wake must know and a power cut may take.

It lives in the ESP32's RTC memory (2048 bytes; survives deep sleep, watchdog and software resets,
not power-off) as one checksummed record. Whatever a power cut must not take is in NVS or in the log.
"""

import struct
from binascii import crc32

from micropython import const

_MAGIC = b"LY\x09"  # the last byte changes with the values
_LIMIT = const(600)

# The status in two parts: both fit into one frame up to SF9, each into the 64 bytes of SF10 and slower.
STATUS_MATTERS = const(1)  # version, reset cause, settings version, dropped, faults, oldest
STATUS_HEALTH = const(2)  # uptime, battery, how the downlinks are heard, heap
STATUS_ALL = const(3)
ABOUT_ALL = const(0x0F)  # parts that an about report may fall into
_ALARM_SLOTS = const(8)
_USUAL_DC = const(200)
NO_TEMPERATURE = const(-32768)
LEDGERS_KEY = "duty"  # in NVS: the copy of the ledgers for after a power loss

_WORDS = (
    "counter",  # next frame counter
    "counter_end",  # first counter beyond the block reserved in NVS
    "started",  # when this power session began
    "sample_due",
    "report_due",  # on the grid of reports
    "report_at",  # with its random start
    "not_before",  # the duty cycle allows nothing earlier
    "unsent",  # number of the first sample that no report has carried yet
    "again_first",  # range that the gateway asked for again
    "again_count",
    "status_at",  # when it got the last health part
    "told_settings",
    "wakes",
    "ledgers_at",  # when the ledgers were packed
    "free_heap",  # after the last report
    "least_heap",  # while it was sent, all modules in memory
    "judged_at",  # when that was brought up to date
    "wake_at",  # when the timer ends this sleep; a contact may end it earlier
)
_HALVES = (
    "failures",  # acknowledgements in a row that did not come
    "refused",  # downlinks that were not believed
    "told_battery",  # as the gateway knows it
    "battery_mv",
    "unkept",  # samples that the log did not take, until the gateway knows
    "emptied",  # times, since the power came
)
_SIGNED_HALVES = (
    "rssi_dbm",  # of the last downlink; 0: none yet
    "snr_q4",
    "temperature_dc",  # the last one believed, 0.1 °C
    "slow_dc",  # what the fire alarm compares with, see alarms.py
)
_BYTES = (
    "clock_set",  # the line came from a downlink
    "since_ack",  # reports since the last that asked for an acknowledgement
    "status_due",  # parts of the status that the gateway has not got
    "about_due",
    "told_faults",
    "oldest_due",  # the gateway asked for a sample that is gone
    "faults",  # bits as on the wire
    "faulty_run",  # samples in a row with a faulty sensor
    "alarms_due",  # the gateway does not know the alarms as they are: 1, and one more per report
    "reset_cause",  # number on the wire, of the last start that was not out of deep sleep
    "occupied",  # somebody moved since the last sample
    "tilted_run",  # samples in a row that found the node lying
)
# How `struct` packs them, in the order of the record.
_VALUES = ((">I", _WORDS), (">H", _HALVES), (">h", _SIGNED_HALVES), (">B", _BYTES))
_PARTS = const(6)  # of variable length, behind the values
_BODY = const(3)  # where the values begin, behind the magic


class State:
    """`rtc`: where `save` puts it, anything with `machine.RTC`'s `memory(data)`. Times are on the line."""

    def __init__(self, rtc):
        self._rtc = rtc
        self._record = bytearray(_LIMIT)  # once: where memory is in pieces, saving must still be possible
        for _, names in _VALUES:
            for name in names:
                setattr(self, name, 0)
        self.status_due = STATUS_ALL
        self.temperature_dc = _USUAL_DC
        self.slow_dc = NO_TEMPERATURE
        self.alarms = []  # active codes, newest first
        self.silenced = []
        self.ledgers = b""  # packed, see ledgers.py
        self.links = b""  # packed, see plan.py
        self.surface = b""  # packed, see echo.py
        self.pulses = b""  # packed, see drivers/pulse_input.py

    def save(self):
        """Writes the state to RTC memory. Due before anything that must not happen twice."""
        record = self._record
        record[:_BODY] = _MAGIC
        end = _BODY
        for kind, names in _VALUES:
            for name in names:
                struct.pack_into(kind, record, end, getattr(self, name))
                end += struct.calcsize(kind)
        alarms, silenced = bytes(self.alarms[:_ALARM_SLOTS]), bytes(self.silenced[:_ALARM_SLOTS])
        for part in (alarms, silenced, self.ledgers, self.links, self.surface, self.pulses):
            start = end + 2
            end = start + len(part)
            if end + 4 > _LIMIT:
                raise ValueError("state: over %d bytes" % _LIMIT)
            record[start - 2 : start] = len(part).to_bytes(2, "big")
            record[start:end] = part
        view = memoryview(record)
        record[end : end + 4] = crc32(view[:end]).to_bytes(4, "big")
        self._rtc.memory(view[: end + 4])

    def _take(self, data, parts):
        at = _BODY
        for kind, names in _VALUES:
            for name in names:
                setattr(self, name, struct.unpack_from(kind, data, at)[0])
                at += struct.calcsize(kind)
        self.alarms = list(parts[0])
        self.silenced = list(parts[1])
        self.ledgers, self.links, self.surface, self.pulses = parts[2:]


def load(rtc):
    """The State in `rtc`'s memory, or None if there is none, whole, of this version: after a power loss."""
    data = rtc.memory()
    end = _BODY
    for kind, names in _VALUES:
        end += struct.calcsize(kind) * len(names)
    if len(data) < end or bytes(data[:_BODY]) != _MAGIC:
        return None
    parts = []
    for _ in range(_PARTS):
        start = end + 2
        end = start + int.from_bytes(data[end:start], "big")
        parts.append(bytes(data[start:end]))
    if end + 4 != len(data) or crc32(data[:end]) != int.from_bytes(data[end:], "big"):
        return None
    state = State(rtc)
    state._take(data, parts)
    return state
