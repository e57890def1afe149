"""An ESP32's ROM loader, flash included, on a pty or behind TCP: esp32-mock-bootloader as a process."""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lyhord_rig.deadline import DEADLINE_S
from lyhord_rig.street.services import free_port
from lyhord_rig.tied import tied

_PROGRAM = str(Path(__file__).with_name("patient_rom.py"))


@contextmanager
def rom_loader(folder: Path, chip: str = "esp32") -> Iterator[str]:
    """Path of a pty behind which a loader of `chip` answers."""
    port_file = folder / f"rom-{chip}.port"

    def port() -> str:
        return port_file.read_text().strip() if port_file.exists() else ""

    with _running("--pty", "--port-file", str(port_file), "--chip", chip) as process:
        yield _found(process, port)


@contextmanager
def rom_loader_behind_tcp(chip: str = "esp32") -> Iterator[str]:
    """URL at which a loader of `chip` answers."""
    number = free_port()

    def url() -> str:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", number)):
            return f"socket://127.0.0.1:{number}"
        return ""

    with _running("--port", str(number), "--chip", chip) as process:
        yield _found(process, url)


@contextmanager
def _running(*options: str) -> "Iterator[subprocess.Popen[bytes]]":
    process = subprocess.Popen(
        tied(sys.executable, _PROGRAM, "run", "--timeout", "300", *options),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _found(process: "subprocess.Popen[bytes]", where: Callable[[], str]) -> str:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the mock ROM loader ended with {process.returncode}")
        if found := where():
            return found
        time.sleep(0.02)
    raise RuntimeError("the mock ROM loader did not start")
