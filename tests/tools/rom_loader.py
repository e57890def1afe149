"""An ESP32's ROM loader on a pty: esp32-mock-bootloader in a process of its own, flash included."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_START_S = 20.0


@contextmanager
def rom_loader(folder: Path, chip: str = "esp32") -> Iterator[str]:
    """Path of a pty behind which a loader of `chip` answers."""
    port_file = folder / f"rom-{chip}.port"
    command = [sys.executable, str(Path(__file__).with_name("patient_rom.py")), "run", "--pty"]
    process = subprocess.Popen(
        [*command, "--port-file", str(port_file), "--chip", chip, "--timeout", "300"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield _port(process, port_file)
    finally:
        process.kill()
        process.wait()


def _port(process: "subprocess.Popen[bytes]", port_file: Path) -> str:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the mock ROM loader ended with {process.returncode}")
        if port_file.exists() and (port := port_file.read_text().strip()):
            return port
        time.sleep(0.02)
    raise RuntimeError("the mock ROM loader did not start")
