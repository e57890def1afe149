"""docs/technician.md: every command on the page is executed as it stands there, on boards out of the box."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from lyhord_rig.bench.box import WholeBoard
from lyhord_rig.bench.micropython_file import micropython_file
from tests.house.sources import ROOT
from tests.tools.conftest import Ran

PAGE = (ROOT / "docs/technician.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S)
    for line in block.splitlines()
    if line.startswith("lyhord ")
]
TABLE = re.findall(r"^```csv\n(.*?)^```$", PAGE, re.M | re.S)[0]


@pytest.mark.slow
def test_the_page_is_a_days_work(
    lyhord: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LYHORD_FLEET", str(tmp_path / "nodes.jsonl"))
    Path("ESP32_GENERIC.bin").write_bytes(micropython_file())
    Path("bins.csv").write_text(TABLE, encoding="utf-8")
    with WholeBoard(tmp_path, "one") as first, WholeBoard(tmp_path, "two") as second:
        usb = ListPortInfo(first.port)
        usb.vid = 0x10C4
        monkeypatch.setattr(list_ports, "comports", lambda: [usb])
        said = {}
        for command in COMMANDS:
            line, _, into = command.partition(" > ")
            words = [second.port if word == "/dev/ttyUSB0" else word for word in shlex.split(line)[1:]]
            ran = lyhord(*words)
            assert ran.code == 0, (command, ran.out, ran.err)
            said[command] = ran.out
            if command == "lyhord forget-keys":
                assert '"key"' not in Path("nodes.jsonl").read_text(), "the keys are off the laptop"
            if into:
                Path(into).write_text(ran.out.partition("fingerprint")[0], encoding="utf-8")
    assert len(said) == len(COMMANDS) >= 12
    done = {path.name for path in Path("monday").iterdir()}
    assert {"labels.pdf", "summary.csv", "batch.jsonl"} <= done and len(done) >= 6
    assert Path("boards.jsonl").stat().st_mode & 0o777 == 0o600


def test_the_page_quotes_sentences_that_are_said() -> None:
    """Of each quoted sentence the longest piece without a gap stands in the programs."""
    folders = (ROOT / "tools/src", ROOT / "firmware/drivers")
    files = [path for folder in folders for path in folder.rglob("*.py")]
    sources = "".join(path.read_text(encoding="utf-8") for path in files)
    joined = re.sub(r'"\s*\n\s*f?"', "", sources)
    sentences = re.findall(r"^\| `([^`]+)` \|", PAGE.partition("## When something is wrong")[2], re.M)
    assert len(sentences) >= 9
    for sentence in sentences:
        parts = [part.strip(" :") for part in re.split(r"…|NAME|\(pid|FAIL|850|dialout", sentence)]
        assert max(parts, key=len) in joined, sentence
