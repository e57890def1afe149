"""The flash log on MicroPython's own LittleFS, with the power cut at every single write."""

import os

import vfs

from lyhord_node.outbox import SEGMENT, Outbox
from tests.fakes.ram_flash import BLOCK, RamFlash

MICROPYTHON_HEAPS = ("8m",)
MICROPYTHON_DEADLINE_S = 120

_BLOCKS = 24
_SEGMENTS = 3
_EPOCH = 1_767_225_600


class _Numbers:
    """What NVS does for the sample numbers; durable at once."""

    def __init__(self, end=0):
        self.end = end

    def lost(self):
        return self.end

    def reserve(self, number):
        if number >= self.end:
            self.end = number + 256


def _mounted(flash):
    vfs.mount(vfs.VfsLfs2(flash), "/cut")


def _open(numbers, segments=_SEGMENTS):
    return Outbox("/cut/log", numbers.lost, numbers.reserve, segments)


def _fresh():
    flash = RamFlash(_BLOCKS)
    vfs.VfsLfs2.mkfs(flash)
    return flash


def _made():
    """(a new flash, mounted; the numbers beside it)"""
    flash = _fresh()
    _mounted(flash)
    return flash, _Numbers()


def _values(number):
    temperature = None if number % 7 == 0 else number % 500 - 200
    return {1: number % 101, 2: number * 37 % 20000, 3: temperature, 5: 3700}


def _time(number):
    return _EPOCH + 900 * number


def _append(box):
    number = box.next_seq
    assert box.append(_time(number), True, _values(number)) == number
    return number


def _is_written(box):
    if box.failed:  # a box goes on in memory when the flash refuses a note; here the power is gone
        raise OSError(5)


def _check(sample):
    assert sample.synced and sample.time == _time(sample.seq), (sample.seq, sample.time)
    assert sample.values == _values(sample.seq), (sample.seq, sample.values)


class _World:
    """What a program outside the flash knows: it must find all of it again after the cut."""

    def __init__(self):
        self.kept = 0  # samples whose append has returned
        self.stored = 0

    def story(self, box):
        for _ in range(4):
            _append(box)
            self.kept = box.next_seq
        box.mark_stored(20)
        _is_written(box)
        self.stored = 20
        box.note_clock(_time(self.kept), 0)
        _is_written(box)
        for _ in range(3):
            _append(box)
            self.kept = box.next_seq
        box.mark_stored(90)
        _is_written(box)
        self.stored = 90
        _append(box)
        self.kept = box.next_seq


def _prepared():
    """A log with three full segments, so that the story's appends begin a fourth and drop the first."""
    flash, numbers = _made()
    box = _open(numbers)
    for _ in range(_SEGMENTS * (SEGMENT - 1) - 2):
        _append(box)
    vfs.umount("/cut")
    return bytes(flash.data), numbers.end


def _verify(box, world, where):
    assert box.damaged == 0, where
    assert world.kept <= box.next_seq <= world.kept + 1, (where, world.kept, box.next_seq)
    assert box.stored in (world.stored, 20, 90) and box.stored >= world.stored, (where, box.stored)
    # Either the oldest segment is there, or it is gone and its unstored samples are counted.
    found = box.read(0, 1000)
    assert [sample.seq for sample in found] == list(range(found[0].seq, box.next_seq)), where
    assert found[0].seq == box.floor, (where, found[0].seq, box.floor)
    for sample in found:
        _check(sample)
    assert box.dropped in ((0,) if box.floor == 0 else (SEGMENT - 1 - 20, SEGMENT - 1)), (where, box.dropped)


def test_a_power_cut_at_any_write_loses_and_corrupts_nothing():
    image, end = _prepared()
    cuts = recoveries = 0
    cut_at = 0
    while True:
        cut_at += 1
        flash = RamFlash(_BLOCKS)
        flash.data[:] = image
        numbers = _Numbers(end)
        world = _World()
        world.kept = _SEGMENTS * (SEGMENT - 1) - 2
        _mounted(flash)
        box = _open(numbers)
        flash.power_on(cut_at)
        try:
            world.story(box)
        except OSError:
            assert flash.dead
        vfs.umount("/cut")
        if not flash.dead:
            break
        cuts += 1
        # The power may go again, at any write of coming up.
        again = 0
        while True:
            again += 1
            flash.power_on(again)
            _mounted(flash)
            box = _open(numbers)
            if not flash.dead:
                flash.power_on()
                _verify(box, world, (cut_at, again))
                number = _append(box)
                _check(box.read(number, 1)[0])
                vfs.umount("/cut")
                break
            vfs.umount("/cut")
            recoveries += 1
    print("cuts", cuts, "and", recoveries, "while coming up; writes of the story", flash.writes)
    assert cuts > 40


def test_a_cut_while_the_very_first_log_is_made():
    cut_at = 0
    while True:
        cut_at += 1
        flash = _fresh()
        numbers = _Numbers()
        flash.power_on(cut_at)
        _mounted(flash)
        kept = 0
        try:
            box = _open(numbers)
            while kept < 2 and not flash.dead:  # with the power gone nobody reserves a number
                _append(box)
                kept += 1
        except OSError:
            assert flash.dead
        vfs.umount("/cut")
        died = flash.dead
        flash.power_on()
        _mounted(flash)
        box = _open(numbers)
        # Numbers begin at 0 even if the power went between the reservation and the first sample.
        assert kept <= box.next_seq <= kept + 1, (cut_at, kept, box.next_seq)
        for sample in box.read(0, 10):
            _check(sample)
        vfs.umount("/cut")
        if not died:
            break


def test_a_lost_log_goes_on_behind_the_reserved_numbers():
    _, numbers = _made()
    box = _open(numbers)
    for _ in range(5):
        _append(box)
    for name in os.listdir("/cut/log"):
        os.remove("/cut/log/" + name)
    box = _open(numbers)
    assert box.next_seq == box.oldest() == 256
    assert box.kept() == 0
    _append(box)
    assert [sample.seq for sample in box.read(0, 10)] == [256]
    vfs.umount("/cut")


def test_torn_and_rotten_records_are_skipped_and_their_numbers_not_used_again():
    for spoil in ("torn", "rotten", "junk"):
        _, numbers = _made()
        box = _open(numbers)
        for _ in range(10):
            _append(box)
        path = "/cut/log/0000000000"
        with open(path, "rb") as segment:
            data = bytearray(segment.read())
        if spoil == "torn":
            data = data[:-20]
        elif spoil == "rotten":
            data[-30] ^= 1
        else:
            data.extend(b"\x00" * 64)
        with open(path, "wb") as segment:
            segment.write(data)
        box = _open(numbers)
        assert box.damaged == 1
        assert box.next_seq == 256, (spoil, box.next_seq)
        assert _append(box) == 256
        box = _open(numbers)
        assert box.damaged == 0 and box.next_seq == 257, (spoil, box.damaged, box.next_seq)
        left = 10 if spoil == "junk" else 9
        assert [sample.seq for sample in box.read(0, 20)] == list(range(left)) + [256]
        vfs.umount("/cut")


def test_the_log_is_bounded_and_counts_what_it_drops():
    _, numbers = _made()
    box = _open(numbers)
    for _ in range(10 * SEGMENT):
        _append(box)
        assert len(os.listdir("/cut/log")) <= _SEGMENTS
    assert box.dropped == box.floor > 0
    assert box.kept() + box.dropped == box.next_seq == 10 * SEGMENT
    assert box.oldest() == box.floor
    for sample in box.read(0, 1000):
        _check(sample)
    reopened = _open(numbers)
    assert (reopened.dropped, reopened.floor, reopened.next_seq) == (box.dropped, box.floor, box.next_seq)
    # What is stored may go without being counted.
    box.mark_stored(box.next_seq)
    before = box.dropped
    for _ in range(3 * SEGMENT):
        box.mark_stored(_append(box) + 1)
    assert box.dropped == before
    vfs.umount("/cut")


def test_times_from_before_the_clock_was_set_are_put_right():
    _, numbers = _made()
    box = _open(numbers, 8)
    line = 946_684_800
    for i in range(70):  # over the end of a segment
        box.append(line + 10 * i, False, _values(i))
    box.note_clock(_EPOCH + 700, _EPOCH - line)
    assert box.newest == _EPOCH + 700
    box.append(_EPOCH + 700, True, _values(70))
    # After a power cut the line goes on behind the newest record, and is wrong again by some minutes.
    box = _open(numbers, 8)
    assert box.newest == _EPOCH + 700
    box.append(_EPOCH + 701, False, _values(71))
    found = box.read(0, 100)
    assert [sample.time for sample in found] == [_EPOCH + 10 * i for i in range(71)] + [_EPOCH + 701]
    assert [sample.synced for sample in found] == [True] * 71 + [False]
    assert [sample.time for sample in box.read(60, 3)] == [_EPOCH + 600, _EPOCH + 610, _EPOCH + 620]
    box.note_clock(_EPOCH + 1000, 240)
    assert [(sample.time, sample.synced) for sample in box.read(71, 5)] == [(_EPOCH + 941, True)]
    assert [sample.time for sample in box.read(0, 1)] == [_EPOCH]
    vfs.umount("/cut")


def test_no_sample_is_put_before_one_whose_time_is_true():
    for delta, moved in ((5, 5), (-3, -3), (-4, -3), (-20, -3), (-63, -3), (-64, -64), (-86_400, -86_400)):
        for fill in (0, SEGMENT - 4, SEGMENT - 3, SEGMENT - 2):  # the samples in one segment, or in two
            _, numbers = _made()
            box = _open(numbers)
            for _ in range(fill):
                box.mark_stored(box.stored)
                _append(box)
            first = box.append(_EPOCH + 90_000, True, _values(0))
            # The power goes for a moment; the line, which was fast, goes on behind this sample.
            box = _open(numbers)
            box.append(box.newest + 4, False, _values(1))
            box = _open(numbers)
            assert box.note_clock(box.newest + 2 + delta, delta) == moved, (delta, fill)
            times = [sample.time for sample in box.read(first, 2)]
            assert times == [_EPOCH + 90_000, _EPOCH + 90_004 + moved], (delta, fill)
            assert box.newest >= times[1], (delta, fill)
            vfs.umount("/cut")


def test_a_gateway_that_has_more_than_this_node_ever_took():
    _, numbers = _made()
    box = _open(numbers)
    for _ in range(3):
        _append(box)
    box.mark_stored(500)
    assert (box.next_seq, box.stored, box.dropped, box.kept()) == (500, 500, 3, 0)
    assert _append(box) == 500
    box = _open(numbers)
    assert (box.next_seq, box.stored, box.kept()) == (501, 500, 1)
    vfs.umount("/cut")


def test_marks_without_samples_fill_no_segment():
    _, numbers = _made()
    box = _open(numbers)
    box.append(1000, False, _values(0))
    for i in range(3 * SEGMENT):
        box.note_clock(_EPOCH + 1000 + i, _EPOCH if i == 0 else 1)
    assert box.read(0, 1)[0].time == _EPOCH + 1000
    box = _open(numbers)
    assert box.next_seq == 1 and box.newest == _EPOCH + 1000 + 3 * SEGMENT - 1
    assert box.read(0, 1)[0].time == _EPOCH + 1000
    vfs.umount("/cut")


assert BLOCK == 4096


def test_a_full_file_system_costs_the_oldest_samples_and_counts_them():
    _, numbers = _made()
    box = _open(numbers, 32)
    for _ in range(5 * SEGMENT):
        _append(box)
    try:
        for number in range(_BLOCKS):  # a file that does not close for want of room would not be there
            with open("/cut/filler%d" % number, "wb") as filler:
                filler.write(b"\x55" * BLOCK)
    except OSError:
        pass
    for _ in range(3 * SEGMENT):
        _append(box)
    assert box.dropped == box.floor > 0 and not box.failed
    for opened in (box, _open(numbers, 32)):
        assert (opened.dropped, opened.floor, opened.next_seq) == (box.dropped, box.floor, 8 * SEGMENT)
        assert [sample.seq for sample in opened.read(0, 1000)] == list(range(box.floor, 8 * SEGMENT))
    vfs.umount("/cut")


def test_a_flash_that_refuses_takes_samples_and_nothing_else():
    flash, numbers = _made()
    box = _open(numbers)
    for _ in range(10):
        _append(box)
    flash.dead = True
    for _ in range(3):
        try:
            _append(box)
            raise AssertionError("kept in a dead flash")
        except OSError:
            pass
    box.mark_stored(5)
    box.note_clock(_time(10), 3)
    box.note_told(1)
    assert box.failed and (box.stored, box.next_seq, box.told) == (5, 10, 1)
    box.read(0, 10)  # whatever comes, it does not break
    vfs.umount("/cut")
    flash.power_on()
    _mounted(flash)
    box = _open(numbers)
    assert (box.stored, box.next_seq, box.damaged) == (0, 10, 0)
    _append(box)
    assert len(box.read(0, 20)) == 11
    vfs.umount("/cut")


def test_a_log_that_cannot_be_opened_is_none_and_its_numbers_are_not_used_again():
    flash = _fresh()
    _mounted(flash)
    with open("/cut/log", "wb") as file:
        file.write(b"not a folder")
    box = _open(_Numbers(256))
    assert (box.damaged, box.next_seq, box.kept(), box.read(0, 10)) == (1, 256, 0, [])
    assert box.oldest() == 256
    try:
        _append(box)
        raise AssertionError("kept without a log")
    except OSError:
        pass
    box.mark_stored(200)
    os.remove("/cut/log")
    box = _open(_Numbers(256))
    assert _append(box) == 256
    vfs.umount("/cut")
