"""docs/extend.md, the rig's part: a device and a fault are added to a copy of the rig, and work."""

import json
import os
import subprocess
import sys

import pytest

from lyhord_rig.tied import tied
from lyhord_tools.image.build import build_image
from tests.house.extend_document import add
from tests.house.sources import ROOT

DEADLINE_S = 120

FAULT = """
import asyncio
from tests.rig.radio.ether_ear import Street

async def main():
    street = Street()
    street.ether.tram_us = (1_000_000, 3_000_000)
    sender = street.sender("node")
    for second in range(9):
        street.send_at(second * 1_000_000 + 500_000, sender)
    await street.run(10_000_000)
    print(len(street.ear.frames), {loss.value: count for loss, count in street.ether.lost.items()})

asyncio.run(main())
"""


@pytest.fixture
def extended(tmp_path):
    """Runs Python with a copy of the rig that has one section's example in it; the files it touches."""

    def section(heading, *arguments):
        touched = add(heading, "hil/src", tmp_path)
        assert 1 <= len(touched) <= 2
        done = subprocess.run(
            tied(sys.executable, *arguments),
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": os.pathsep.join((str(tmp_path / "hil/src"), *sys.path))},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return section


def test_an_emulated_device_is_two_files(extended, tmp_path, monkeypatch):
    add("A sensor", "firmware", tmp_path)
    monkeypatch.setenv("LYHORD_FIRMWARE", str(tmp_path / "firmware"))
    image = tmp_path / "image.bin"
    build_image("node", "devkit_rfm95", image)
    said = extended("An emulated device", "-m", "tests.rig.extended_device", str(image), str(tmp_path))
    samples = [json.loads(line) for line in said.splitlines()]
    assert len(samples) == 6
    for sample in samples:
        for name, true in sample["true"].items():
            measured = sample["measured"][name]
            assert measured is None if sample["silent"] else abs(measured - true) <= 1


def test_a_fault_in_the_ether_is_two_files(extended):
    said = extended("A fault in the ether", "-c", FAULT)
    assert said.strip() == "6 {'tram': 3}"
