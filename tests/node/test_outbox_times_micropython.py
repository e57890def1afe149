"""The flash log's times: put right when the clock is, and never before one that is true."""

import vfs

from lyhord_node.outbox import SEGMENT
from tests.node.flash_log import EPOCH, append, mounted, open_log, values_of

MICROPYTHON_HEAPS = ("8m",)


def test_times_from_before_the_clock_was_set_are_put_right():
    _, numbers = mounted()
    box = open_log(numbers, 8)
    line = 946_684_800
    for i in range(70):  # over the end of a segment
        box.append(line + 10 * i, False, values_of(i))
    box.note_clock(EPOCH + 700, EPOCH - line)
    assert box.newest == EPOCH + 700
    box.append(EPOCH + 700, True, values_of(70))
    # After a power cut the line goes on behind the newest record, and is wrong again by some minutes.
    box = open_log(numbers, 8)
    assert box.newest == EPOCH + 700
    box.append(EPOCH + 701, False, values_of(71))
    found = box.read(0, 100)
    assert [sample.time for sample in found] == [EPOCH + 10 * i for i in range(71)] + [EPOCH + 701]
    assert [sample.synced for sample in found] == [True] * 71 + [False]
    assert [sample.time for sample in box.read(60, 3)] == [EPOCH + 600, EPOCH + 610, EPOCH + 620]
    box.note_clock(EPOCH + 1000, 240)
    assert [(sample.time, sample.synced) for sample in box.read(71, 5)] == [(EPOCH + 941, True)]
    assert [sample.time for sample in box.read(0, 1)] == [EPOCH]
    vfs.umount("/cut")


def test_no_sample_is_put_before_one_whose_time_is_true():
    for delta, moved in ((5, 5), (-3, -3), (-4, -3), (-20, -3), (-63, -3), (-64, -64), (-86_400, -86_400)):
        for fill in (0, SEGMENT - 4, SEGMENT - 3, SEGMENT - 2):  # the samples in one segment, or in two
            _, numbers = mounted()
            box = open_log(numbers)
            for _ in range(fill):
                box.mark_stored(box.stored)
                append(box)
            first = box.append(EPOCH + 90_000, True, values_of(0))
            # The power goes for a moment; the line, which was fast, goes on behind this sample.
            box = open_log(numbers)
            box.append(box.newest + 4, False, values_of(1))
            box = open_log(numbers)
            assert box.note_clock(box.newest + 2 + delta, delta) == moved, (delta, fill)
            times = [sample.time for sample in box.read(first, 2)]
            assert times == [EPOCH + 90_000, EPOCH + 90_004 + moved], (delta, fill)
            assert box.newest >= times[1], (delta, fill)
            vfs.umount("/cut")


def test_marks_without_samples_fill_no_segment():
    _, numbers = mounted()
    box = open_log(numbers)
    box.append(1000, False, values_of(0))
    for i in range(3 * SEGMENT):
        box.note_clock(EPOCH + 1000 + i, EPOCH if i == 0 else 1)
    assert box.read(0, 1)[0].time == EPOCH + 1000
    box = open_log(numbers)
    assert box.next_seq == 1 and box.newest == EPOCH + 1000 + 3 * SEGMENT - 1
    assert box.read(0, 1)[0].time == EPOCH + 1000
    vfs.umount("/cut")
