# Starts the board: flash image as "/", these modules as "/_rig", then boot.py and main.py as on the ESP32.
import builtins
import gc
import io
import os
import random
import sys

import _link
import micropython
import vfs
from micropython import const

_HELLO = const(1)
_HALT = const(5)
_RESTART = const(6)
_KBD_INTR = const(9)
_FLASH_WRITE = const(30)
_FLASH_ERASE = const(31)
_FLASH_TORN = const(32)
_STDIN_READ = const(34)
_STDOUT_RAW = const(35)
_SOFT_RESET = const(5)
_CTRL_C = const(3)
_BLOCK = const(4096)
_CHIP = const(29)
_LEAST_BLOCK = const(3)
_EXACT = const(128)  # bytes: what the largest free block is measured to
_BOOT_US = const(250000)
_NAMES = const(868)  # with those of all these modules as many as fill the first pools, 1260


class Flash:
    def __init__(self, path, mapped, blocks):
        self._file = open(path, "r+b")
        self._mapped = mapped  # the same bytes, read without a system call
        self._blocks = blocks
        self._blank = b"\xff" * 512

    def readblocks(self, block, buf, offset=0):
        self._mapped.seek(block * _BLOCK + offset)
        self._mapped.readinto(buf)

    def writeblocks(self, block, buf, offset=None):
        if offset is None:
            self.ioctl(6, block)
            offset = 0
        was = _link.mask(True)
        size = _link.call(_FLASH_WRITE, block * _BLOCK + offset, len(buf))
        _link.mask(was)
        self._file.seek(block * _BLOCK + offset)
        if size == len(buf):
            self._file.write(buf)
        else:
            self._file.write(memoryview(buf)[:size])
            _link.call(_FLASH_TORN)

    def ioctl(self, op, arg):
        if op == 4:
            return self._blocks
        if op == 5:
            return _BLOCK
        if op == 6:
            was = _link.mask(True)
            size = _link.call(_FLASH_ERASE, arg)
            _link.mask(was)
            self._file.seek(arg * _BLOCK)
            for _ in range(size // 512):
                self._file.write(self._blank)
            if size < _BLOCK:
                _link.call(_FLASH_TORN)
            return 0
        return 0


class Bytes:
    """sys.stdin.buffer"""

    _fd = -1

    def read(self, n=-1):
        if n < 0:
            return self.readline()
        out = b""
        while len(out) < n:
            out += _link.call(_STDIN_READ, n - len(out), -1)
        return out

    def readinto(self, buf):
        buf[:] = self.read(len(buf))
        return len(buf)

    def readline(self):
        out = b""
        while not out.endswith(b"\n"):
            out += _link.call(_STDIN_READ, 1, -1)
        return out


class Stdin:
    _fd = -1

    def __init__(self):
        self.buffer = Bytes()

    def read(self, n=-1):
        if n < 0:
            return self.readline()
        out = b""
        for _ in range(n):
            head = self.buffer.read(1)
            more = 3 if head[0] >= 0xF0 else 2 if head[0] >= 0xE0 else 1 if head[0] >= 0xC0 else 0
            out += head + self.buffer.read(more) if more else head
        return str(out, "utf-8")

    def readline(self):
        return str(self.buffer.readline(), "utf-8")


class RawOut:
    """sys.stdout.buffer: no newline translation, unlike print."""

    _fd = -1

    def write(self, data):
        _link.call(_STDOUT_RAW, 0, 0, data)
        return len(data)

    def flush(self):
        return None


class Stdout(io.IOBase):
    _fd = -1

    def __init__(self, real):
        self._real = real
        self.buffer = RawOut()

    def write(self, data):
        return self._real.write(data)

    def flush(self):
        return None


class Overlay:
    """A built-in module with some names replaced."""

    def __init__(self, real):
        self._real = real

    def __getattr__(self, name):
        return getattr(self._real, name)


def _mem_free():
    # Whoever asks how much is free is told, and the world how much of it is in one piece.
    free = gc.mem_free()
    low, high = 0, free
    while high - low > _EXACT:
        middle = (low + high) // 2
        try:
            bytearray(middle)
            low = middle
        except MemoryError:
            high = middle
    gc.collect()
    _link.call(_CHIP, _LEAST_BLOCK, low)
    return free


def _kbd_intr(char):
    _link.call(_KBD_INTR, char)


def _input(prompt=""):
    print(prompt, end="")
    return sys.modules["sys"].stdin.readline().rstrip("\r\n")


def _fill_names():
    # Names are interned for ever, in pools of which each is twice as large as the one before. The ESP32 has
    # those of its modules in flash, so here they must not be what makes the firmware's need another pool: the
    # firmware begins with an empty one, with room for about as many as fill all of the ESP32's so far.
    import _names

    del sys.modules["_names"]
    for number in range(_NAMES):
        getattr(_link, "%d" % number, None)


def start(fd, image, mapped, blocks, rom):
    _fill_names()
    flash = Flash(image, mapped, blocks)
    vfs.umount("/_rig")
    vfs.umount("/")
    _link.open_link(fd, sys.print_exception)
    _link.charge(_BOOT_US)
    seed = _link.call(_HELLO)
    _link.boot = _link.second()
    _link.rtc = _link.call(_HELLO, 1)
    random.seed(seed)

    over = Overlay(sys)
    over.stdin = Stdin()
    over.stdout = over.stderr = Stdout(sys.stdout)
    over.platform = "esp32"
    over.argv = []
    sys.modules["sys"] = over
    over = Overlay(micropython)
    over.kbd_intr = _kbd_intr
    sys.modules["micropython"] = over
    over = Overlay(gc)
    over.mem_free = _mem_free
    sys.modules["gc"] = over
    builtins.input = _input

    try:
        vfs.mount(vfs.VfsLfs2(flash), "/")
    except OSError as error:
        sys.print_exception(error)
        _link.call(_HALT, 1)
    vfs.mount(rom, "/_rig")
    sys.path[:] = ["/_rig", "", ".frozen", "/lib"]
    gc.collect()
    scope = {"__name__": "__main__"}
    failed = 0
    for name in ("boot.py", "main.py"):
        if name in os.listdir("/"):
            failed |= _run(name, scope)
    while True:
        try:
            _link.call(_HALT, failed)
        except KeyboardInterrupt:
            failed = 0


def _run(name, scope):
    try:
        _kbd_intr(_CTRL_C)
        execfile("/" + name, scope)  # noqa: F821 - a builtin here
    except SystemExit:
        _link.call(_RESTART, _SOFT_RESET)
    except KeyboardInterrupt as error:
        sys.print_exception(error)
    except BaseException as error:  # noqa: BLE001 - the ESP32 prints it and drops to its prompt
        sys.print_exception(error)
        return 1
    finally:
        _kbd_intr(-1)
    return 0
