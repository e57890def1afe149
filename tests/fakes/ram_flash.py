"""A NOR flash in memory for MicroPython's VfsLfs2; its power can be cut in the middle of any write."""

BLOCK = 4096
_DEAD = -5  # EIO

_BLOCK_COUNT = 4
_BLOCK_SIZE = 5
_ERASE = 6


class RamFlash:
    """`blocks` of 4096 bytes. `writes` counts programs and erases; `cut_at` n: the n-th of them is done
    by half, and from then on nothing works until `power_on`."""

    def __init__(self, blocks):
        self.data = bytearray(b"\xff" * (blocks * BLOCK))
        self.writes = 0
        self.cut_at = None
        self.dead = False

    def power_on(self, cut_at=None):
        self.writes = 0
        self.cut_at = cut_at
        self.dead = False

    def readblocks(self, block, buffer, offset=0):
        if self.dead:
            return _DEAD
        at = block * BLOCK + offset
        buffer[:] = memoryview(self.data)[at : at + len(buffer)]
        return 0

    def writeblocks(self, block, buffer, offset=0):
        return self._change(block * BLOCK + offset, buffer)

    def ioctl(self, operation, argument):
        if operation == _BLOCK_COUNT:
            return len(self.data) // BLOCK
        if operation == _BLOCK_SIZE:
            return BLOCK
        if operation == _ERASE:
            return self._change(argument * BLOCK, b"\xff" * BLOCK)
        return 0

    def _change(self, at, data):
        if self.dead:
            return _DEAD
        self.writes += 1
        if self.writes == self.cut_at:
            self.dead = True
            data = memoryview(data)[: len(data) // 2]
        self.data[at : at + len(data)] = data
        return _DEAD if self.dead else 0
