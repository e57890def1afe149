"""Starting MicroPython processes for boards: one process has the interpreter loaded and forks the others.

A start out of deep sleep is what virtual boards do most; loading CPython and the interpreter each time would
take three quarters of it.
"""

from __future__ import annotations

import array
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from ..deadline import DEADLINE_S
from ..tied import tied
from ..world.clock import World
from .rom import interpreter_folder, onboard_folder

_CPUCLOCK_SCHED = 2


class Life:
    """One process, from its start to its end. `pid` may be another process's after `close`."""

    def __init__(self, pid: int, handle: int) -> None:
        self.pid = pid
        self._handle = handle
        self._poll = select.poll()
        self._poll.register(handle, select.POLLIN)

    def kill(self) -> None:
        """Ends it, and returns when it can write nothing more."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, signal.SIGKILL)
        self.ended(None)

    def ended(self, timeout_s: float | None) -> bool:
        """Waits for its end; False if it lives on after timeout_s (None: wait for ever)."""
        return bool(self._poll.poll(None if timeout_s is None else timeout_s * 1000))

    def processor_s(self) -> float:
        """The processor time that it has used until now, seconds."""
        # clock_getcpuclockid(3), which Python has not: the complement of the process number, shifted by 3
        # (linux/posix-timers.h), for the clock of the scheduler.
        try:
            return time.clock_gettime(~self.pid << 3 | _CPUCLOCK_SCHED)
        except OSError:  # it has ended, and somebody reads its link's end in a moment
            return 0.0

    def close(self) -> None:
        os.close(self._handle)


class Interpreters:
    """Belongs to a world and ends with it; the process starts when the first board does."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None
        self._folder = Path()

    @classmethod
    def of(cls, world: World) -> Interpreters:
        """Those of this world."""
        for service in world.services:
            if isinstance(service, cls):
                return service
        made = cls()
        world.services.append(made)
        world.on_close.append(made.close)
        return made

    def start(self, image: Path, blocks: int, heap_kib: int, link: int, console: int) -> Life:
        """A board's process. link, console: file descriptors that it inherits."""
        if self._requests is None:
            self._folder = onboard_folder()
            self._requests = self._load(self._folder)
        request = {
            "image": str(image),
            "blocks": blocks,
            "heap": f"{heap_kib}k",
            "start": str(self._folder / "start.py"),
        }
        socket.send_fds(self._requests, [json.dumps(request).encode()], [link, console])
        data, handles, _, _ = socket.recv_fds(self._requests, 64, 1)
        if not handles:
            raise RuntimeError("the process that starts boards has ended")
        return Life(array.array("i", data)[0], handles[0])

    def _load(self, folder: Path) -> socket.socket:
        requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        program = str(Path(__file__).with_name("interpreter.py"))
        arguments = [interpreter_folder(), str(theirs.fileno()), str(folder / "rom.img")]
        with theirs:
            self._process = subprocess.Popen(
                tied(sys.executable, "-I", "-S", program, *arguments),
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                env={"TZ": "UTC"},
                start_new_session=True,
            )
        return requests

    def close(self) -> None:
        """Ends the process and with it every board that is left."""
        if self._process is not None and self._requests is not None:
            self._requests.close()
            self._process.wait(DEADLINE_S)
            self._requests = self._process = None
