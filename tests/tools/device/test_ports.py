"""Serial ports: who holds one, what keeps it from being opened, and what runs behind it."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import serial.tools.list_ports
from serial.tools.list_ports_common import ListPortInfo

from lyhord_rig.bench.box import WholeBoard
from lyhord_rig.bench.micropython_file import micropython_file
from lyhord_rig.tied import tied
from lyhord_tools.device import ports
from tests.tools.conftest import Ran
from tests.tools.peer import Peer

HOLD = "import serial, sys; held = serial.Serial(sys.argv[1], exclusive=True); print(flush=True); input()"


@contextmanager
def held(port: str) -> Iterator[int]:
    """Another program has the port open; its process number."""
    process = subprocess.Popen(
        tied(sys.executable, "-c", HOLD, port), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None and process.stdout.readline()
    yield process.pid
    process.communicate(b"\n")


@pytest.mark.parametrize("command", ["console", "provision", "verify", "flash", "ports"])
def test_a_held_port_is_refused_with_the_name_of_who_has_it(
    command: str, lyhord: Callable[..., Ran], tmp_path: Path
) -> None:
    firmware = tmp_path / "micropython.bin"
    firmware.write_bytes(micropython_file())
    words = {
        "console": ["-c", "version"],
        "flash": ["--micropython", firmware],
        "provision": ["--registry", tmp_path / "n"],
    }
    with Peer() as peer, held(peer.path) as pid:
        if command == "ports":
            ran = lyhord("ports", peer.path, "--probe", "--json")
            (told,) = json.loads(ran.out)
            assert told["holder"]["pid"] == pid and told["runs"]["kind"] == "busy"
            said = told["runs"]["detail"]
        else:
            said = lyhord(command, "--port", peer.path, *words.get(command, [])).refused()
        assert re.search(rf"another program has it: .* \(pid {pid}\); stop that first", said)
        assert not peer.lines, "nothing is written to a port that is somebody else's"


def test_the_ports_of_this_machine_are_told_with_names_that_stay(
    lyhord: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with Peer() as peer:
        usb = ListPortInfo(peer.path)
        usb.vid, usb.pid, usb.serial_number, usb.product = 0x10C4, 0xEA60, "0001", "CP2102\x1b[2J"
        console = ListPortInfo("/dev/ttyS0")
        monkeypatch.setattr(serial.tools.list_ports, "comports", lambda: [console, usb])
        monkeypatch.setattr(ports, "_SERIAL_NAMES", tmp_path)
        (tmp_path / "by-path").mkdir()
        link = tmp_path / "by-path" / "platform-usb-0:1.3:1.0-port0"
        link.symlink_to(peer.path)
        ran = lyhord("ports")
        assert ran.code == 0 and f"  place:   {link}" in ran.out and "serial number 0001" in ran.out
        assert "ttyS0" not in ran.out and "\x1b" not in ran.out
        (told,) = json.loads(lyhord("ports", "--json").out)
        assert (told["device"], told["stable"], told["runs"]) == (peer.path, str(link), None)
        assert not peer.lines and not peer.heard.is_set(), "listing writes nothing"


def test_no_port_at_all_is_one_line(lyhord: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial.tools.list_ports, "comports", list)
    assert "no USB serial port is there; is it a data cable?" in lyhord("ports").refused()


@pytest.mark.skipif(os.getuid() != 0, reason="as somebody else than root, whom no permission stops")
def test_no_permission_names_the_group_and_the_command() -> None:
    program = (
        "import lyhord_tools.device.ports, pwd, grp, getpass, os, sys\n"  # before the rights are given away
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: open(sys.argv[1])\n"
        "except OSError as fault: print(lyhord_tools.device.ports.why_not(sys.argv[1], fault))"
    )
    with tempfile.TemporaryDirectory() as folder:
        port = Path(folder) / "ttyUSB0"
        port.touch(mode=0o660)
        port.parent.chmod(0o755)
        shutil.chown(port, group="dialout")
        done = subprocess.run(
            tied(sys.executable, "-c", program, str(port)), capture_output=True, text=True, check=True
        )
    remedy = (
        r"no permission; it belongs to the group dialout: sudo usermod -aG dialout \w+, then log in again"
    )
    assert re.search(remedy, done.stdout), done.stdout


def test_what_runs_behind_a_port_is_asked_without_changing_it(
    lyhord: Callable[..., Ran], tmp_path: Path
) -> None:
    firmware = tmp_path / "micropython.bin"
    firmware.write_bytes(micropython_file())
    with WholeBoard(tmp_path, "one") as board, Peer() as node, Peer(silent=True) as silent:
        node.identity = ("000a01", "00" * 16, 0)
        runs = ("ports", board.port, node.path, silent.path, "--probe", "--timeout", "3", "--json")
        found = [row["runs"] for row in json.loads(lyhord(*runs).out)]
        assert [one["kind"] for one in found] == ["empty", "lyhord", "silent"]
        assert found[1]["node"] == "000a01" and found[1]["board"] == "devkit_rfm95"
        assert set(node.lines) - {"version", "status"} == {
            line for line in node.lines if line.startswith("sync")
        }
        assert lyhord("flash", "--port", board.port, "--micropython", firmware).code == 0
        ran = lyhord("ports", board.port, "--probe")
        assert re.search(r"runs: +Lyhörd node 1\.0\.0 on devkit_rfm95, not provisioned", ran.out)
        assert re.search(r"MAC: +246f28[0-9a-f]{6}\n", ran.out)
