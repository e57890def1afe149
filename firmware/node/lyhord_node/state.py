"""The running state: what the next wake must know and a power cut may take.

It lives in the ESP32's RTC memory (2048 bytes; survives deep sleep, watchdog and software resets, not
power-off), packed with one checksum. Whatever a power cut must not take is in NVS or in the log.

It consists of records. A record has the name of the module that owns it: that one alone writes its fields
(a test holds it), others read them and ask the owner for a change. docs/decisions/node-state.md has the
fields' meanings. Times are on the line of `clock.now`, in seconds.
"""

import struct
from binascii import crc32

from micropython import const

_MAGIC = b"LY\x0e"  # the last byte changes with the records
_LIMIT = const(600)
_BODY = const(3)  # where the values begin, behind the magic

# The status in two parts: both fit into one frame up to SF9, each into the 64 bytes of SF10 and slower.
STATUS_MATTERS = const(1)  # version, reset cause, settings version, dropped, faults, oldest
STATUS_HEALTH = const(2)  # uptime, battery, how the downlinks are heard, heap
STATUS_ALL = const(3)
ABOUT_ALL = const(0x0F)  # parts that an about report may fall into
NO_TEMPERATURE = const(-32768)
NO_WORD = const(2)  # of a tilt switch: none was read, or it rattled
_USUAL_DC = const(200)

# Record, struct format of its numbers, their names; names with a star are bytes. One text, because each tuple
# and each short text of a program takes memory for ever.
_RECORDS = """\
timebase qBI offset is_set started
counters II next end
waking I wakes
schedule III sample_due report_due report_at
sleeping I wake_at
safe I rest_until
measure hHHB temperature_dc battery_mv emptied lies level*
contacts B occupied pulses*
faults H bits
alarms BBhI faulty_run tilted_run slow_dc judged_at active* silenced*
pending BBBBHBHHI status about alarms oldest unkept reset_cause failures refused unsent
uplink_builder IIBIHHI again_first again_count since_ack health_at battery_mv faults settings
delivery hh rssi_dbm snr_q4
transmit II not_before least_heap
sending I free_heap
link_selector - packed*
ledgers I at packed*
probation BI trial put_back"""


class Record:
    """One record: its fields are attributes."""


def _layouts():
    """Each record's name, struct format, names of its numbers, names of its bytes."""
    for line in _RECORDS.split("\n"):
        words = line.split()
        count = 0 if words[1] == "-" else len(words[1])
        fields = words[2:]
        yield words[0], ">" + words[1][:count], fields[:count], [part[:-1] for part in fields[count:]]


class State:
    """The records. `rtc`: where `save` puts them, anything with `machine.RTC`'s `memory(data)`."""

    def __init__(self, rtc):
        self._rtc = rtc
        self._packed = bytearray(_LIMIT)  # once: where memory is in pieces, saving must still be possible
        for name, _, numbers, parts in _layouts():
            record = Record()
            for field in numbers:
                setattr(record, field, 0)
            for field in parts:
                setattr(record, field, b"")
            setattr(self, name, record)
        self.measure.temperature_dc = _USUAL_DC  # until one is measured
        self.measure.lies = NO_WORD
        self.alarms.slow_dc = NO_TEMPERATURE
        self.pending.status = STATUS_ALL

    def unix(self, at):
        """Unix seconds of `at`, on the line."""
        return at + self.timebase.offset

    def save(self):
        """Writes the state to RTC memory. Due before anything that must not happen twice."""
        packed = self._packed
        packed[:_BODY] = _MAGIC
        end = _BODY
        for name, layout, numbers, parts in _layouts():
            record = getattr(self, name)
            struct.pack_into(layout, packed, end, *[getattr(record, field) for field in numbers])
            end += struct.calcsize(layout)
            for field in parts:
                part = getattr(record, field)
                start = end + 2
                end = start + len(part)
                if end + 4 > _LIMIT:
                    raise ValueError("state: over %d bytes" % _LIMIT)
                packed[start - 2 : start] = len(part).to_bytes(2, "big")
                packed[start:end] = part
        view = memoryview(packed)
        packed[end : end + 4] = crc32(view[:end]).to_bytes(4, "big")
        self._rtc.memory(view[: end + 4])

    def _take(self, data):
        """The records out of packed data; where they end in it."""
        end = _BODY
        for name, layout, numbers, parts in _layouts():
            record = getattr(self, name)
            values = struct.unpack_from(layout, data, end)
            end += struct.calcsize(layout)
            for field in numbers:
                setattr(record, field, values[numbers.index(field)])
            for field in parts:
                start = end + 2
                end = start + int.from_bytes(data[end:start], "big")
                setattr(record, field, bytes(data[start:end]))
        return end


def load(rtc):
    """The State in `rtc`'s memory, or None if there is none, whole, of this version: after a power loss."""
    data = rtc.memory()
    if len(data) < _BODY + 4 or bytes(data[:_BODY]) != _MAGIC:
        return None
    if crc32(data[:-4]) != int.from_bytes(data[-4:], "big"):
        return None
    state = State(rtc)
    return state if state._take(data) + 4 == len(data) else None


def kept():
    """The State in this ESP32's RTC memory, or None."""
    from machine import RTC

    return load(RTC())
