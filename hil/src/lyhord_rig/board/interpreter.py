"""Runs in a process of its own: has MicroPython loaded and forks one board out of itself per request.

    python -I -S interpreter.py FOLDER SOCKET ROM

FOLDER: where `micropython_run` lies. SOCKET: number of the inherited socket over which requests come and
process ids go back. ROM: the onboard modules as a ROM file system, which MicroPython runs where it lies
in memory.

On the ESP32 the flash chip is read without a system call too: the image is mapped into memory, and to
MicroPython it looks like one file in another ROM file system. Writes go to the image itself and show there.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import json
import mmap
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable

_REQUEST_MAX = 65536
# MicroPython's extmod/vfs_rom.c: magic, then records of kind, length and payload
_ROM_MAGIC = b"\xd2\xcd\x31"
_DATA_POINTER = 3  # payload: size and place, counted from behind the head
_FILE = 5
_ADDRESSES = 1 << 64
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    sys.path.insert(0, sys.argv[1])
    import micropython_run

    requests = socket.socket(fileno=int(sys.argv[2]))
    with open(sys.argv[3], "rb") as file:
        rom = file.read()
    children: set[int] = set()
    while True:
        data, fds, _, _ = socket.recv_fds(requests, _REQUEST_MAX, 2)
        if not data:  # the world is gone
            break
        _reap(children)
        pid = os.fork()
        if not pid:
            requests.close()
            _be_a_board(micropython_run.run_main, json.loads(data), fds, rom)
        children.add(pid)
        handle = os.pidfd_open(pid)  # before anybody can have reaped it
        socket.send_fds(requests, [array.array("i", [pid]).tobytes()], [handle])
        for fd in (*fds, handle):
            os.close(fd)
    for pid in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _reap(children: set[int]) -> None:
    for pid in list(children):
        if os.waitpid(pid, os.WNOHANG)[0]:
            children.remove(pid)


def _be_a_board(
    run: Callable[[list[str]], int], request: dict[str, object], fds: list[int], rom: bytes
) -> None:
    """Does not return. fds: the link to the world, and the console."""
    code = 1
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # a board that computes hears no hang-up
        os.setsid()
        link, console = fds
        nothing = os.open(os.devnull, os.O_RDONLY)
        for number, fd in enumerate((nothing, console, console)):
            os.dup2(fd, number)
        os.close(nothing)
        os.close(console)
        image = str(request["image"])
        with open(image, "r+b") as file:
            flash = mmap.mmap(file.fileno(), 0)
        head = _one_file(flash)
        places = [_address(rom), len(rom), ctypes.addressof(head), len(head)]
        arguments = [str(link), image, str(request["blocks"]), *map(str, places)]
        code = run(["-c", "-X", f"heapsize={request['heap']}", str(request["start"]), *arguments])
    except BaseException:  # noqa: BLE001 - a forked process must not return into its parent's loop
        traceback.print_exc()
    os._exit(code)


def _address(data: bytes) -> int:
    return id(data) + bytes.__basicsize__ - 1


def _one_file(data: mmap.mmap) -> ctypes.Array[ctypes.c_char]:
    """A ROM file system with one file, `flash`, whose data is that mapping."""
    target = ctypes.addressof(ctypes.c_char.from_buffer(data))
    head = ctypes.create_string_buffer(64)
    behind = ctypes.addressof(head) + len(_ROM_MAGIC) + 1  # the length of a body this short is one byte
    place = _number((target - behind) % _ADDRESSES)
    pointer = _record(_DATA_POINTER, _number(len(data)) + place)
    body = _record(_FILE, _number(5) + b"flash" + pointer)
    rom = _ROM_MAGIC + _number(len(body)) + body
    ctypes.memmove(head, rom, len(rom))
    return head


def _number(value: int) -> bytes:
    """Seven bits per byte, most significant first; bit 7: more follows."""
    out = [value & 0x7F]
    while value := value >> 7:
        out.append(value & 0x7F | 0x80)
    return bytes(reversed(out))


def _record(kind: int, payload: bytes) -> bytes:
    return _number(kind) + _number(len(payload)) + payload


if __name__ == "__main__":
    main()
