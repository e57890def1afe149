"""The flash log on MicroPython's own LittleFS, with the power cut at every single write."""

import vfs

from lyhord_node.outbox import SEGMENT
from tests.fakes.ram_flash import RamFlash
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


def _is_written(box):
    if box.failed:  # a box goes on in memory when the flash refuses a note; here the power is gone
        raise OSError(5)


class _World:
    """The knowledge of a program outside the flash: it must find all of it again after the cut."""

    def __init__(self):
        self.kept = 0  # samples whose append has returned
        self.stored = 0

    def story(self, box):
        self._appends(box, 4)
        self._stores(box, 20)
        box.note_clock(time_of(self.kept), 0)
        _is_written(box)
        self._appends(box, 3)
        self._stores(box, 90)
        self._appends(box, 1)

    def _appends(self, box, count):
        for _ in range(count):
            append(box)
            self.kept = box.next_seq

    def _stores(self, box, below):
        box.mark_stored(below)
        _is_written(box)
        self.stored = below


def _prepared():
    """A log with three full segments, so that the story's appends begin a fourth and drop the first."""
    flash, numbers = mounted()
    box = open_log(numbers)
    for _ in range(SEGMENTS * (SEGMENT - 1) - 2):
        append(box)
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
        check(sample)
    assert box.dropped in ((0,) if box.floor == 0 else (SEGMENT - 1 - 20, SEGMENT - 1)), (where, box.dropped)


def test_a_power_cut_at_any_write_loses_and_corrupts_nothing():
    image, end = _prepared()
    cuts = recoveries = 0
    cut_at = 0
    while True:
        cut_at += 1
        flash = RamFlash(BLOCKS)
        flash.data[:] = image
        numbers = Numbers(end)
        world = _World()
        world.kept = SEGMENTS * (SEGMENT - 1) - 2
        mount(flash)
        box = open_log(numbers)
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
            mount(flash)
            box = open_log(numbers)
            if not flash.dead:
                flash.power_on()
                _verify(box, world, (cut_at, again))
                number = append(box)
                check(box.read(number, 1)[0])
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
        flash = fresh_flash()
        numbers = Numbers()
        flash.power_on(cut_at)
        mount(flash)
        kept = 0
        try:
            box = open_log(numbers)
            while kept < 2 and not flash.dead:  # with the power gone nobody reserves a number
                append(box)
                kept += 1
        except OSError:
            assert flash.dead
        vfs.umount("/cut")
        died = flash.dead
        flash.power_on()
        mount(flash)
        box = open_log(numbers)
        # Numbers begin at 0 even if the power went between the reservation and the first sample.
        assert kept <= box.next_seq <= kept + 1, (cut_at, kept, box.next_seq)
        for sample in box.read(0, 10):
            check(sample)
        vfs.umount("/cut")
        if not died:
            break
