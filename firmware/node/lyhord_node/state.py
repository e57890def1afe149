"""The running state: what the next wake must know and a power cut may take.

It lives in the ESP32's RTC memory (2048 bytes; survives deep sleep, watchdog and software resets,
not power-off) as one checksummed record. Whatever a power cut must not take is in NVS or in the log.
"""

import struct
from binascii import crc32

from micropython import const

_MAGIC = b"LY\x0c"  # the last byte changes with the fields
_LIMIT = const(600)

# The status in two parts: both fit into one frame up to SF9, each into the 64 bytes of SF10 and slower.
STATUS_MATTERS = const(1)  # version, reset cause, settings version, dropped, faults, oldest
STATUS_HEALTH = const(2)  # uptime, battery, how the downlinks are heard, heap
STATUS_ALL = const(3)
ABOUT_ALL = const(0x0F)  # parts that an about report may fall into
_ALARM_SLOTS = const(8)
_USUAL_DC = const(200)
NO_TEMPERATURE = const(-32768)
TRIAL_KEY = "settings_good"  # in NVS: what to go back to while settings are on trial, see probation.py
LEDGERS_KEY = "duty"  # in NVS: the copy of the ledgers for after a power loss

_FORMAT = ">IIqBIIIIIIIIBHhhHBBIHHIBHBhHBHBIIIIBBHhIIBII"
_PARTS = const(6)  # of variable length, behind the values
_BODY = const(3)  # where the values begin, behind the magic


class State:
    """`rtc`: where `save` puts it, anything with `machine.RTC`'s `memory(data)`. Times are on the line of
    `clock.now`; `offset` alone makes Unix seconds of them."""

    def __init__(self, rtc):
        self._rtc = rtc
        self._record = bytearray(_LIMIT)  # once: where memory is in pieces, saving must still be possible
        self.counter = 0  # next frame counter
        self.counter_end = 0  # first counter beyond the block reserved in NVS
        self.offset = 0  # from the line to Unix seconds
        self.clock_set = 0  # it came from a downlink
        self.started = 0  # when this power session began
        self.sample_due = 0
        self.report_due = 0  # on the grid of reports
        self.report_at = 0  # with its random start
        self.not_before = 0  # the duty cycle allows nothing earlier
        self.unsent = 0  # number of the first sample that no report has carried yet
        self.again_first = 0  # range that the gateway asked for again
        self.again_count = 0
        self.since_ack = 0  # reports since the last that asked for an acknowledgement
        self.failures = 0  # acknowledgements in a row that did not come
        self.rssi_dbm = 0  # of the last downlink; 0: none yet
        self.snr_q4 = 0
        self.refused = 0  # downlinks that were not believed
        self.status_pending = STATUS_ALL  # parts of the status that the gateway has not got
        self.about_pending = 0
        self.status_at = 0  # when it got the last health part
        self.reported_battery = 0  # as the gateway knows it
        self.reported_faults = 0
        self.reported_settings = 0
        self.oldest_pending = 0  # the gateway asked for a sample that is gone
        self.faults = 0  # bits as on the wire
        self.faulty_run = 0  # samples in a row with a faulty sensor
        self.temperature_dc = _USUAL_DC  # the last one believed, 0.1 °C
        self.battery_mv = 0
        self.alarms_pending = 0  # the gateway does not know the alarms: 1, and one more per report
        self.unkept = 0  # samples that the log did not take, until the gateway knows
        self.reset_cause = 0  # number on the wire, of the last start that was not out of deep sleep
        self.wakes = 0
        self.ledgers_at = 0  # when the ledgers were packed
        self.free_heap = 0  # after the last report
        self.least_heap = 0  # while it was sent, all modules in memory
        self.occupied = 0  # somebody moved since the last sample
        self.tilted_run = 0  # samples in a row that found the node lying
        self.emptied = 0  # times, since the power came
        self.slow_dc = NO_TEMPERATURE  # what the fire alarm compares with, see alarms.py
        self.judged_at = 0  # when that was brought up to date
        self.trial = 0  # settings on trial: 1, and one more per report without an answer; see probation.py
        self.put_back = 0  # version of the settings that have not passed theirs
        self.rest_until = 0  # of safe mode
        self.wake_at = 0  # when the timer ends this sleep; a contact may end it earlier
        self.alarms = []  # active codes, newest first
        self.silenced = []
        self.ledgers = b""  # packed, see ledgers.py
        self.links = b""  # packed, see link_selector.py
        self.level = b""  # packed, see level_filter.py
        self.pulses = b""  # packed, see drivers/pulse_input.py

    def unix(self, at):
        """Unix seconds of `at`, on the line."""
        return at + self.offset

    def save(self):
        """Writes the state to RTC memory. Due before anything that must not happen twice."""
        record = self._record
        struct.pack_into(
            _FORMAT,
            record,
            _BODY,
            self.counter,
            self.counter_end,
            self.offset,
            self.clock_set,
            self.started,
            self.sample_due,
            self.report_due,
            self.report_at,
            self.not_before,
            self.unsent,
            self.again_first,
            self.again_count,
            self.since_ack,
            self.failures,
            self.rssi_dbm,
            self.snr_q4,
            self.refused,
            self.status_pending,
            self.about_pending,
            self.status_at,
            self.reported_battery,
            self.reported_faults,
            self.reported_settings,
            self.oldest_pending,
            self.faults,
            self.faulty_run,
            self.temperature_dc,
            self.battery_mv,
            self.alarms_pending,
            self.unkept,
            self.reset_cause,
            self.wakes,
            self.ledgers_at,
            self.free_heap,
            self.least_heap,
            self.occupied,
            self.tilted_run,
            self.emptied,
            self.slow_dc,
            self.judged_at,
            self.wake_at,
            self.trial,
            self.put_back,
            self.rest_until,
        )
        record[:_BODY] = _MAGIC
        end = _BODY + struct.calcsize(_FORMAT)
        alarms, silenced = bytes(self.alarms[:_ALARM_SLOTS]), bytes(self.silenced[:_ALARM_SLOTS])
        for part in (alarms, silenced, self.ledgers, self.links, self.level, self.pulses):
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
        (
            self.counter,
            self.counter_end,
            self.offset,
            self.clock_set,
            self.started,
            self.sample_due,
            self.report_due,
            self.report_at,
            self.not_before,
            self.unsent,
            self.again_first,
            self.again_count,
            self.since_ack,
            self.failures,
            self.rssi_dbm,
            self.snr_q4,
            self.refused,
            self.status_pending,
            self.about_pending,
            self.status_at,
            self.reported_battery,
            self.reported_faults,
            self.reported_settings,
            self.oldest_pending,
            self.faults,
            self.faulty_run,
            self.temperature_dc,
            self.battery_mv,
            self.alarms_pending,
            self.unkept,
            self.reset_cause,
            self.wakes,
            self.ledgers_at,
            self.free_heap,
            self.least_heap,
            self.occupied,
            self.tilted_run,
            self.emptied,
            self.slow_dc,
            self.judged_at,
            self.wake_at,
            self.trial,
            self.put_back,
            self.rest_until,
        ) = struct.unpack_from(_FORMAT, data, _BODY)
        self.alarms = list(parts[0])
        self.silenced = list(parts[1])
        self.ledgers, self.links, self.level, self.pulses = parts[2:]


def load(rtc):
    """The State in `rtc`'s memory, or None if there is none, whole, of this version: after a power loss."""
    data = rtc.memory()
    end = _BODY + struct.calcsize(_FORMAT)
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


def kept():
    """The State in this ESP32's RTC memory, or None."""
    from machine import RTC

    return load(RTC())
