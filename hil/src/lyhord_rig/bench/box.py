"""Boards out of the box: `whole_board` processes that are plugged in and pulled out."""

import subprocess
import sys
import time
from pathlib import Path

from ..deadline import DEADLINE_S
from ..tied import tied

_PATIENCE = 6


class WholeBoard:
    """One board; `port` is its serial port whenever it is plugged in. chip, options: of `whole_board`."""

    def __init__(self, folder: Path, name: str, *options: str) -> None:
        self.folder = folder / name
        self.port = str(self.folder / "port")
        self._arguments = ("-m", "lyhord_rig.bench.whole_board", str(self.folder), name, *options)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "WholeBoard":
        self.plug()
        return self

    def __exit__(self, *_: object) -> None:
        self.pull()

    def plug(self) -> None:
        """Power, and a port."""
        self._process = subprocess.Popen(
            tied(sys.executable, *self._arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for who has it plugged in, which then pulls it
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"

    def pull(self) -> None:
        """In the middle of whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
            Path(self.port).unlink(missing_ok=True)

    def reset(self) -> None:
        """Its button."""
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.write(b"reset\n")
        self._process.stdin.flush()

    def writes(self) -> bool:
        """True once esptool has begun to write."""
        return (self.folder / "writing").exists()

    def await_writes(self) -> None:
        """Until esptool has begun to write, which a busy machine may take minutes to come to."""
        deadline = time.monotonic() + _PATIENCE * DEADLINE_S
        while not self.writes():
            if time.monotonic() > deadline:
                raise TimeoutError("nothing is written")
            time.sleep(0.005)

    def flash(self) -> bytes:
        """The chip's flash, as the last loader session has left it."""
        path = self.folder / "chip.bin"
        deadline = time.monotonic() + DEADLINE_S
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        return path.read_bytes()
