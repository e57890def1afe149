"""The journal of a batch: the newest line of a board counts, and a power cut costs one line at most."""

from pathlib import Path

import pytest

from lyhord_tools.batch.journal import NAME, Done, Journal
from lyhord_tools.errors import ToolError


def test_what_was_done_is_known_after_a_start(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "batch")
    journal.add(Done("m1", "p1", "selftest", "no distance", "000a01", row=2))
    journal.add(Done("", "p2", "flash", "half written"))
    journal.add(Done("m1", "p3", "done", node="000a01", row=2))
    again = Journal(tmp_path / "batch")
    found = again.of("m1")
    assert found is not None and found.is_good and found.port == "p3"
    assert again.of("m2") is None and again.rows() == [2]


@pytest.mark.parametrize("keep", range(1, 60, 7))
def test_a_line_that_was_cut_off_is_passed_over(keep: int, tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.add(Done("m1", "p1", "done"))
    whole = (tmp_path / NAME).read_bytes()
    journal.add(Done("m2", "p2", "done"))
    (tmp_path / NAME).write_bytes((tmp_path / NAME).read_bytes()[: len(whole) + keep])
    again = Journal(tmp_path)
    assert again.of("m1") is not None and again.of("m2") is None
    again.add(Done("m3", "p3", "done"))
    assert Journal(tmp_path).of("m3") is not None, "what comes behind the torn line counts"


def test_a_folder_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ToolError, match="cannot use"):
        Journal(tmp_path / "file")
