"""The monitor: lines with the time from several boards, through pulled cables, never a byte to them."""

import os
import re
import signal
import subprocess
import sys
import time
import tty
from collections.abc import Callable
from pathlib import Path

from lyhord_rig.deadline import DEADLINE_S
from lyhord_rig.tied import tied
from tests.tools.conftest import Ran

LYHORD = str(Path(sys.executable).parent / "lyhord")


class Line:
    """A board's end of a pty whose path stays when the cable is pulled and plugged."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.plug()

    def plug(self) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path.symlink_to(os.ttyname(self._slave))

    def pull(self) -> None:
        self.path.unlink()
        os.close(self._slave)
        os.close(self._master)

    def say(self, data: bytes) -> None:
        os.write(self._master, data)

    def heard_anything(self) -> bool:
        os.set_blocking(self._master, False)
        try:
            return bool(os.read(self._master, 1))
        except BlockingIOError:
            return False


def shown(log: Path, pattern: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not re.search(pattern, log.read_text() if log.exists() else "", re.M):
        assert time.monotonic() < deadline, (pattern, log.read_text() if log.exists() else "")
        time.sleep(0.02)


def test_two_boards_are_heard_through_a_pulled_cable_and_told_nothing(tmp_path: Path) -> None:
    one, two = Line(tmp_path / "ttyUSB0"), Line(tmp_path / "ttyUSB1")
    log = tmp_path / "log.txt"
    words = [LYHORD, "monitor", str(one.path), str(two.path), "--log", str(log)]
    with subprocess.Popen(tied(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + DEADLINE_S
        while not log.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        one.say("Lyhord 1.0.0, å\r\n".encode())
        shown(log, r"^\d\d:\d\d:\d\d\.\d{3}  ttyUSB0  Lyhord 1\.0\.0, å$")
        two.say(b"evil \x1b[2J\x07\r\n")
        shown(log, r"ttyUSB1  evil .*\[2J")
        two.say(b"no end")
        shown(log, r"ttyUSB1  no end$")
        one.say(b"before")
        one.pull()
        shown(log, r"ttyUSB0  -- the port went away")
        one.plug()
        shown(log, r"ttyUSB0  -- the port is back")
        one.say(b"again\n")
        shown(log, r"ttyUSB0  again$")
        assert not one.heard_anything() and not two.heard_anything()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0 and not err
    assert "\x1b" not in out and out.count("Lyhord 1.0.0") == 1
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_port_that_is_not_there_is_one_line(lyhord: Callable[..., Ran], tmp_path: Path) -> None:
    there = Line(tmp_path / "ttyUSB0")
    assert "no such port" in lyhord("monitor", there.path, "/dev/none").refused()
    assert "cannot write" in lyhord("monitor", there.path, "--log", tmp_path / "no" / "log").refused()
    assert lyhord("monitor", there.path, "--seconds", "0.1").code == 0
