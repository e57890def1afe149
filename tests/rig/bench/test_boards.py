"""`lyhord simulate boards`: boards on serial ports, flashed and asked as a technician would who has none."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from lyhord_rig.deadline import DEADLINE_S
from lyhord_rig.tied import tied

LYHORD = str(Path(sys.executable).parent / "lyhord")


def test_boards_from_the_box_are_flashed_and_keep_their_flash_without_power(tmp_path: Path) -> None:
    words = [LYHORD, "simulate", "boards", str(tmp_path / "box"), "--count", "2"]
    for again in (False, True):
        with subprocess.Popen(
            tied(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        ) as process:
            assert process.stdout is not None
            ports = [process.stdout.readline().strip() for _ in range(2)]
            firmware = process.stdout.readline().strip().rpartition(": ")[2]
            if not again:
                flash = [LYHORD, "flash", "--port", ports[1], "--micropython", firmware]
                done = subprocess.run(flash, capture_output=True, text=True, timeout=120, check=False)
                assert done.returncode == 0 and "is ready" in done.stdout, done.stderr
            probe = [LYHORD, "ports", *ports, "--probe"]
            done = subprocess.run(probe, capture_output=True, text=True, timeout=120, check=True)
            assert done.stdout.count("not provisioned") == 1 and "holds nothing" in done.stdout
            os.killpg(process.pid, signal.SIGINT)  # as a terminal sends it: to all of them
            _, err = process.communicate(timeout=DEADLINE_S)
        assert (process.returncode, err) == (0, "")
        assert not any(Path(port).exists() for port in ports)
