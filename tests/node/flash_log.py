"""A flash log on MicroPython's own LittleFS in RAM, and samples whose numbers tell their time and values."""

import vfs

from lyhord_node.outbox import Outbox
from tests.fakes.ram_flash import RamFlash

BLOCKS = 24
SEGMENTS = 3
EPOCH = 1_767_225_600


class Numbers:
    """The part of NVS that keeps sample numbers; durable at once."""

    def __init__(self, end=0):
        self.end = end

    def lost(self):
        return self.end

    def reserve(self, number):
        if number >= self.end:
            self.end = number + 256


def mount(flash):
    vfs.mount(vfs.VfsLfs2(flash), "/cut")


def open_log(numbers, segments=SEGMENTS):
    return Outbox("/cut/log", numbers.lost, numbers.reserve, segments)


def fresh_flash():
    flash = RamFlash(BLOCKS)
    vfs.VfsLfs2.mkfs(flash)
    return flash


def mounted():
    """(a new flash, mounted; the numbers beside it)"""
    flash = fresh_flash()
    mount(flash)
    return flash, Numbers()


def values_of(number):
    temperature = None if number % 7 == 0 else number % 500 - 200
    return {1: number % 101, 2: number * 37 % 20000, 3: temperature, 5: 3700}


def time_of(number):
    return EPOCH + 900 * number


def append(box):
    number = box.next_seq
    assert box.append(time_of(number), True, values_of(number)) == number
    return number


def check(sample):
    assert sample.synced and sample.time == time_of(sample.seq), (sample.seq, sample.time)
    assert sample.values == values_of(sample.seq), (sample.seq, sample.values)
