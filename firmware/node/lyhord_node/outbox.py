"""The flash log: every sample is in it before anything is sent, until the gateway has stored it.

    /log/0000001024   one segment, named by the number of its first sample: up to 64 records of 64 bytes
    record            kind | flags | number | time | size | body | zeros | CRC-32

A segment begins with a head record that repeats what counts of all before it, so that coming up
reads little more than the newest segment. Appending opens, writes and closes, which LittleFS makes
durable as a whole; new segments come into being under another name. Whatever does not pass its CRC
is skipped: a torn last record was never acknowledged as kept. Oldest segments go first when the
log, or the file system, is full; what was not stored yet is counted as dropped. A file system that refuses
takes the samples, not the node: `append` says so, and all else goes on in memory.
"""

import os
import struct
from binascii import crc32

from micropython import const

from lyhord_wire import cbor
from lyhord_wire.codes import SAMPLE_NUMBERS, SAMPLES_AHEAD_MAX

_RECORD = const(64)
SEGMENT = const(64)  # records
_PAGE = const(16)  # records that are read at a time
_SEGMENTS = const(32)  # 2048 records in 128 KiB: three weeks of samples every 15 minutes

_HEADER = ">BBIIB"  # kind, flags, number, time, size of the body
_HEADER_SIZE = const(11)
_BODY_MAX = const(49)  # _RECORD - header - CRC
_CRC_AT = const(60)

_HEAD = const(0x48)  # number: next sample; time: newest; body: see _HEAD_BODY
_SAMPLE = const(0x53)  # number, time: the sample's; body: CBOR map of its values
_MARK = const(0x4D)  # number: all samples below are stored at the gateway
_CLOCK = const(0x43)  # number: next sample; time: the line put right; body: seconds added to the line
_TOLD = const(0x54)  # number: how many of the dropped ones the gateway knows of
_HEAD_BODY = ">IIII"  # stored, floor (samples below are gone from the log), dropped, told
_CLOCK_BODY = ">q"

_SYNCED = const(1)  # flag: the record's time is on a line that a downlink had set
_NEW = "new"  # a segment being written
_MOVED_MAX_S = const(60)  # as far as a sample is moved for the order's sake; a clock that jumped is none
_ENOSPC = const(28)


class Kept:
    """A sample in the log, to be used like a `lyhord_wire.report.Sample`.

    `time`: Unix seconds; `synced`: it is true, not an estimate of the line (see `aged`).
    """

    def __init__(self, seq, time, synced, values):
        self.seq = seq
        self.time = time
        self.synced = synced
        self.values = values
        self.age = None

    def aged(self, now):
        """This sample as a report may say it at `now`, Unix seconds: with a true time, or with an age."""
        if not self.synced and self.time is not None:
            self.age = max(0, now - self.time)
            self.time = None
        return self


class Outbox:
    """The log in `folder`. `lost_number()` gives the number to go on with when the log is lost or
    damaged, `reserve(number)` is called before a number is used for the first time.

    next_seq: number of the next sample; stored: all below are safe at the gateway; floor: all below
    are gone from the log; dropped: samples lost unstored, ever; told: how many of them the gateway
    knows of; newest: time of the newest record on the line, None in a new log; damaged: records
    that did not pass their CRC while coming up, or could not be read; failed: something could not be
    written since then.
    """

    def __init__(self, folder, lost_number, reserve, segments=_SEGMENTS):
        self._folder = folder
        self._reserve = reserve
        self._limit = segments
        self._page = bytearray(_PAGE * _RECORD)
        self.next_seq = 0
        self.stored = 0
        self.floor = 0
        self.dropped = 0
        self.reported = 0
        self.newest = None
        self.damaged = 0
        self.failed = False
        self._true = 0  # newest time of a record on a line that was set; 0: not known
        self._guess = 0  # time of the first sample behind it, which waits for a clock record; 0: none
        self._segments = []  # first numbers, ascending
        self._in_newest = 0  # records in the newest segment
        try:
            self._open(lost_number)
        except OSError as fault:
            print("log:", fault)
            self.damaged += 1
            self._segments = []
            self.next_seq = self.floor = max(self.next_seq, lost_number())

    # coming up

    def _open(self, lost_number):
        _make_folder(self._folder)
        for name in os.listdir(self._folder):
            if name.isdigit():
                self._segments.append(int(name))
            else:
                os.remove(self._path(name))  # a segment that was never finished
        self._segments.sort()
        start = self._newest_headed()
        if start is None:
            self._start_over(lost_number())
            return
        for first in self._segments[start:]:
            self._take_over(first)
        if self.next_seq > SAMPLE_NUMBERS:  # kept by a firmware that took any number from a gateway
            self.damaged += 1
            self.stored = 0
            self._start_over(lost_number())
            return
        if self.damaged:
            # A damaged record may have been a sample that was sent: its number is not used again.
            # Whatever is torn stays behind; the new segment's head is what the next start reads.
            self.next_seq = max(self.next_seq, lost_number())
            self._begin_segment()
        self._remove_below_floor()

    def _newest_headed(self):
        """Index of the newest segment whose head is good, from which all that counts can be read."""
        for i in range(len(self._segments) - 1, -1, -1):
            first = next(self._records(self._segments[i]), None)
            if first and first[0] == _HEAD:
                return i
        return None

    def _take_over(self, first):
        self._in_newest = 0
        for kind, flags, number, time, body in self._records(first):
            self._in_newest += 1
            if kind is None:
                self.damaged += 1
            elif kind == _HEAD:
                stored, self.floor, self.dropped, self.reported = struct.unpack(_HEAD_BODY, body)
                self.stored = max(self.stored, stored)
                self.next_seq = max(self.next_seq, number)
            elif kind == _SAMPLE:
                self.next_seq = number + 1
            elif kind == _MARK:
                self.stored = max(self.stored, number)
            elif kind == _TOLD:
                self.reported = number
            if time:
                self._note_time(kind, flags, time)

    def _note_time(self, kind, flags, time):
        self.newest = time
        if flags & _SYNCED:
            self._true, self._guess = time, 0
        elif kind == _SAMPLE and not self._guess:
            self._guess = time

    def _start_over(self, number):
        for first in self._segments:  # without a single head nothing in them can be placed
            os.remove(self._path(_name(first)))
        self._segments = []
        self.next_seq = self.floor = number
        self._begin_segment()

    def _remove_below_floor(self):
        # Also where the power went between a new segment, whose head counts them as gone, and this.
        while len(self._segments) > 1 and self._segments[1] <= self.floor:
            os.remove(self._path(_name(self._segments[0])))
            del self._segments[0]

    # writing

    def append(self, time, synced, values):
        """Keeps a sample and returns its number; it is durable when this returns.

        time: Unix seconds on the line; values: quantity → integer or None. OSError when the flash fails.
        """
        number = self.next_seq
        flags = _SYNCED if synced else 0
        sample = _pack(_SAMPLE, flags, number, time, cbor.encode(values))
        self._reserve(number)
        try:
            self._write(sample)
        except OSError as fault:
            if fault.errno != _ENOSPC or len(self._segments) < 2:
                raise
            self._give_up_oldest()
            self._write(sample)
        self.next_seq = number + 1
        self._note_time(_SAMPLE, flags, time)
        return number

    def mark_stored(self, number):
        """Notes that the gateway has all samples below `number`; less than before is no news. False, and
        nothing is noted, where that is more than this node can ever have taken.

        A gateway that has more than this node remembers to have taken knows of an earlier life of
        the node: the numbers go on behind it, or new samples would pass for old ones.
        """
        if number > min(SAMPLE_NUMBERS, self.next_seq + SAMPLES_AHEAD_MAX):
            return False
        if number > self.next_seq:
            self.dropped += self.kept()
            self.next_seq = self.floor = self.stored = number
            self._in_newest = SEGMENT  # the head of the next one says so
            self._note(_MARK, 0, number, 0, b"")
        elif number > self.stored:
            self._note(_MARK, 0, number, 0, b"")
            self.stored = number
        return True

    def note_reported(self, dropped):
        """Notes that the gateway knows of the first `dropped` samples that were lost."""
        if dropped > self.reported:
            self._note(_TOLD, 0, dropped, 0, b"")
            self.reported = dropped

    def note_clock(self, time, delta):
        """Notes that the line was `delta` seconds behind and shows `time` now.

        Returns by how much the samples move that have waited for this: by more than `delta` where they
        would come before the last one that had a true time, or into its second.
        """
        least = self._true + 1 - self._guess
        if self._true and self._guess and delta < least <= delta + _MOVED_MAX_S:
            delta = least
        time = max(time, (self.newest or 0) + delta)
        self._note(_CLOCK, _SYNCED, self.next_seq, time, struct.pack(_CLOCK_BODY, delta))
        self._note_time(_CLOCK, _SYNCED, time)
        return delta

    def _note(self, kind, flags, number, time, body):
        # Lost with the power, and then the gateway says it again.
        try:
            self._write(_pack(kind, flags, number, time, body))
        except OSError as fault:
            print("log:", fault)
            self.failed = True

    def _write(self, record):
        if not self._segments or self._in_newest >= SEGMENT:
            self._begin_segment()
        records, self._in_newest = self._in_newest, SEGMENT  # behind half a record nothing is written
        with open(self._path(_name(self._segments[-1])), "ab") as segment:
            segment.write(record)
        self._in_newest = records + 1

    def _give_up_oldest(self):
        self.dropped += self._count_unstored(self._segments[0])
        self.floor = max(self.floor, self._segments[1])
        self._remove_below_floor()
        self._in_newest = SEGMENT  # the head of the next one says what is gone

    def _begin_segment(self):
        name = self.next_seq
        again = bool(self._segments) and self._segments[-1] == name
        carried = self._first_clock(name) if again else None  # no sample in it, but older ones need its clock
        full = not again and len(self._segments) >= self._limit
        floor, dropped = self.floor, self.dropped
        if full:
            floor = max(floor, self._segments[1])
            dropped += self._count_unstored(self._segments[0])
        head = struct.pack(_HEAD_BODY, self.stored, floor, dropped, self.reported)
        with open(self._path(_NEW), "wb") as new:
            new.write(_pack(_HEAD, 0 if self._guess else _SYNCED, name, self.newest or 0, head))
            if carried:
                new.write(carried)
        os.rename(self._path(_NEW), self._path(_name(name)))
        if not again:
            self._segments.append(name)
        self._in_newest = 2 if carried else 1
        self.floor, self.dropped = floor, dropped
        self._remove_below_floor()

    def _first_clock(self, first):
        for kind, flags, number, time, body in self._records(first):
            if kind == _CLOCK:
                return _pack(kind, flags, number, time, body)
        return None

    def _count_unstored(self, first):
        count = 0
        for kind, _, number, _, _ in self._records(first):
            if kind == _SAMPLE and number >= self.stored:
                count += 1
        return count

    # reading

    def kept(self):
        """The number of sample numbers that the gateway has not stored yet."""
        return self.next_seq - max(self.stored, self.floor)

    def oldest(self):
        """Number of the oldest sample that is kept and not stored; `next_seq` if there is none."""
        found = self.read(self.stored, 1)
        return found[0].seq if found else self.next_seq

    def read(self, first, count, below=None):
        """Up to `count` samples numbered `first`…`below` - 1, in order, their times put right."""
        below = self.next_seq if below is None else below
        found = []
        waiting = []  # samples whose time waits for the next clock record
        for i in range(self._segment_of(first), len(self._segments)):
            for kind, flags, number, time, body in self._records(self._segments[i]):
                if kind == _CLOCK:
                    delta = struct.unpack(_CLOCK_BODY, body)[0]
                    for sample in waiting:
                        sample.time += delta
                        sample.synced = True
                    waiting = []
                elif kind == _SAMPLE and first <= number < below and len(found) < count:
                    sample = Kept(number, time, bool(flags & _SYNCED), cbor.decode(body))
                    found.append(sample)
                    if not sample.synced:
                        waiting.append(sample)
                if not waiting and (len(found) == count or (kind == _SAMPLE and number >= below)):
                    return found
        return found

    def _segment_of(self, number):
        for i in range(len(self._segments) - 1, 0, -1):
            if self._segments[i] <= number:
                return i
        return 0

    def _records(self, first):
        """Yields (kind, flags, number, time, body) of each record of a segment; kind None: damaged."""
        page = self._page
        view = memoryview(page)
        for offset in range(0, SEGMENT * _RECORD, _PAGE * _RECORD):
            # Closed before anything is yielded: a generator that is left alone would keep the file open.
            try:
                with open(self._path(_name(first)), "rb") as segment:
                    segment.seek(offset)
                    size = segment.readinto(page)
            except OSError:
                yield None, 0, 0, 0, b""
                return
            for at in range(0, size, _RECORD):
                end = at + _CRC_AT
                if at + _RECORD > size or crc32(view[at:end]) != int.from_bytes(view[end : end + 4], "big"):
                    yield None, 0, 0, 0, b""
                    continue
                kind, flags, number, time, length = struct.unpack_from(_HEADER, page, at)
                start = at + _HEADER_SIZE
                yield kind, flags, number, time, bytes(view[start : start + length])
            if size < _PAGE * _RECORD:
                return

    def _path(self, name):
        return self._folder + "/" + name


def _pack(kind, flags, number, time, body):
    if len(body) > _BODY_MAX:
        raise ValueError("sample: over %d bytes" % _BODY_MAX)
    record = bytearray(_RECORD)
    struct.pack_into(_HEADER, record, 0, kind, flags, number, time, len(body))
    record[_HEADER_SIZE : _HEADER_SIZE + len(body)] = body
    record[_CRC_AT:] = crc32(memoryview(record)[:_CRC_AT]).to_bytes(4, "big")
    return record


def _name(first):
    return "%010d" % first


def _make_folder(folder):
    try:
        os.mkdir(folder)
    except OSError:
        os.listdir(folder)  # it was there; anything else shows here
