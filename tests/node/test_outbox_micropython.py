"""The flash log on MicroPython's own LittleFS: what it keeps, drops and counts, and a flash that fails it."""

import os

import vfs

from lyhord_node.outbox import SEGMENT
from lyhord_wire.codes import SAMPLE_NUMBERS, SAMPLES_AHEAD_MAX
from tests.fakes.ram_flash import BLOCK
from tests.node.flash_log import (
    BLOCKS,
    SEGMENTS,
    Numbers,
    append,
    check,
    fresh_flash,
    mount,
    mounted,
    open_log,
    time_of,
)

MICROPYTHON_HEAPS = ("8m",)


def test_a_lost_log_goes_on_behind_the_reserved_numbers():
    _, numbers = mounted()
    box = open_log(numbers)
    for _ in range(5):
        append(box)
    for name in os.listdir("/cut/log"):
        os.remove("/cut/log/" + name)
    box = open_log(numbers)
    assert box.next_seq == box.oldest() == 256
    assert box.kept() == 0
    append(box)
    assert [sample.seq for sample in box.read(0, 10)] == [256]
    vfs.umount("/cut")


def test_torn_and_rotten_records_are_skipped_and_their_numbers_not_used_again():
    for spoil in ("torn", "rotten", "junk"):
        _, numbers = mounted()
        box = open_log(numbers)
        for _ in range(10):
            append(box)
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
        box = open_log(numbers)
        assert box.damaged == 1
        assert box.next_seq == 256, (spoil, box.next_seq)
        assert append(box) == 256
        box = open_log(numbers)
        assert box.damaged == 0 and box.next_seq == 257, (spoil, box.damaged, box.next_seq)
        left = 10 if spoil == "junk" else 9
        assert [sample.seq for sample in box.read(0, 20)] == list(range(left)) + [256]
        vfs.umount("/cut")


def test_the_log_is_bounded_and_counts_what_it_drops():
    _, numbers = mounted()
    box = open_log(numbers)
    for _ in range(10 * SEGMENT):
        append(box)
        assert len(os.listdir("/cut/log")) <= SEGMENTS
    assert box.dropped == box.floor > 0
    assert box.kept() + box.dropped == box.next_seq == 10 * SEGMENT
    assert box.oldest() == box.floor
    for sample in box.read(0, 1000):
        check(sample)
    reopened = open_log(numbers)
    assert (reopened.dropped, reopened.floor, reopened.next_seq) == (box.dropped, box.floor, box.next_seq)
    # What is stored may go without being counted.
    box.mark_stored(box.next_seq)
    before = box.dropped
    for _ in range(3 * SEGMENT):
        box.mark_stored(append(box) + 1)
    assert box.dropped == before
    vfs.umount("/cut")


def test_a_gateway_that_has_more_than_this_node_ever_took():
    _, numbers = mounted()
    box = open_log(numbers)
    for _ in range(3):
        append(box)
    box.mark_stored(500)
    assert (box.next_seq, box.stored, box.dropped, box.kept()) == (500, 500, 3, 0)
    assert append(box) == 500
    box = open_log(numbers)
    assert (box.next_seq, box.stored, box.kept()) == (501, 500, 1)
    vfs.umount("/cut")


def test_a_full_file_system_costs_the_oldest_samples_and_counts_them():
    _, numbers = mounted()
    box = open_log(numbers, 32)
    for _ in range(5 * SEGMENT):
        append(box)
    try:
        for number in range(BLOCKS):  # a file that does not close for want of room would not be there
            with open("/cut/filler%d" % number, "wb") as filler:
                filler.write(b"\x55" * BLOCK)
    except OSError:
        pass
    for _ in range(3 * SEGMENT):
        append(box)
    assert box.dropped == box.floor > 0 and not box.failed
    for opened in (box, open_log(numbers, 32)):
        assert (opened.dropped, opened.floor, opened.next_seq) == (box.dropped, box.floor, 8 * SEGMENT)
        assert [sample.seq for sample in opened.read(0, 1000)] == list(range(box.floor, 8 * SEGMENT))
    vfs.umount("/cut")


def test_a_flash_that_refuses_takes_samples_and_nothing_else():
    flash, numbers = mounted()
    box = open_log(numbers)
    for _ in range(10):
        append(box)
    flash.dead = True
    for _ in range(3):
        try:
            append(box)
            raise AssertionError("kept in a dead flash")
        except OSError:
            pass
    box.mark_stored(5)
    box.note_clock(time_of(10), 3)
    box.note_reported(1)
    assert box.failed and (box.stored, box.next_seq, box.reported) == (5, 10, 1)
    box.read(0, 10)  # whatever comes, it does not break
    vfs.umount("/cut")
    flash.power_on()
    mount(flash)
    box = open_log(numbers)
    assert (box.stored, box.next_seq, box.damaged) == (0, 10, 0)
    append(box)
    assert len(box.read(0, 20)) == 11
    vfs.umount("/cut")


def test_a_log_that_cannot_be_opened_is_none_and_its_numbers_are_not_used_again():
    flash = fresh_flash()
    mount(flash)
    with open("/cut/log", "wb") as file:
        file.write(b"not a folder")
    box = open_log(Numbers(256))
    assert (box.damaged, box.next_seq, box.kept(), box.read(0, 10)) == (1, 256, 0, [])
    assert box.oldest() == 256
    try:
        append(box)
        raise AssertionError("kept without a log")
    except OSError:
        pass
    box.mark_stored(200)
    os.remove("/cut/log")
    box = open_log(Numbers(256))
    assert append(box) == 256
    vfs.umount("/cut")


def test_a_gateway_that_has_stored_what_nobody_took_is_not_believed():
    _, numbers = mounted()
    box = open_log(numbers)
    for _ in range(5):
        append(box)
    for number in (5 + SAMPLES_AHEAD_MAX + 1, SAMPLE_NUMBERS + 1, 0x7FFFFFFF, 0x80000001, 1 << 32):
        assert box.mark_stored(number) is False
        assert (box.next_seq, box.stored, box.kept(), box.dropped) == (5, 0, 5, 0)
    # As much as an earlier life of this node may have taken is: the numbers go on behind it.
    assert box.mark_stored(5 + SAMPLES_AHEAD_MAX)
    assert append(box) == 5 + SAMPLES_AHEAD_MAX and box.dropped == 5
    assert open_log(numbers).next_seq == 6 + SAMPLES_AHEAD_MAX
    vfs.umount("/cut")


def test_a_log_that_an_older_firmware_has_led_astray_goes_on_where_the_reserved_numbers_end():
    for poison in (SAMPLE_NUMBERS + 1, 0x7FFFFF00, 0x80000001, 0xFFFFFFFF):
        _, numbers = mounted()
        box = open_log(numbers)
        for _ in range(5):
            append(box)
        box.dropped += box.kept()
        box.next_seq = box.floor = box.stored = poison
        box._begin_segment()
        box = open_log(numbers)
        assert (box.next_seq, box.stored, box.kept(), box.damaged) == (256, 0, 0, 1), poison
        assert append(box) == 256
        box = open_log(numbers)
        assert (box.next_seq, box.damaged) == (257, 0)
        assert [sample.seq for sample in box.read(0, 10)] == [256]
        vfs.umount("/cut")
