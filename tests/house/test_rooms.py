"""The tests stand in rooms as the sources do."""

import pytest

from tests.house.sources import ROOT, python_files, tracked

# sources with rooms → their tests
MIRRORS = {
    "gateway/src/lyhord_gateway": "tests/gateway",
    "tools/src/lyhord_tools": "tests/tools",
    "hil/src/lyhord_rig": "tests/rig",
}
UNTESTED = {"board/onboard"}  # modules of MicroPython on a virtual board; all tests of boards run them


def rooms(folder, pattern):
    """Folders below `folder` that hold a file of this pattern, as relative paths."""
    below = [path.relative_to(ROOT / folder) for path in python_files(folder) if path.match(pattern)]
    return {path.parent.as_posix() for path in below} - {"."}


@pytest.mark.parametrize("sources", MIRRORS)
def test_every_room_has_its_tests_and_no_tests_have_lost_their_room(sources):
    there = rooms(sources, "*.py") - UNTESTED
    assert len(there) > 2, "the table of mirrors is stale"
    tests = rooms(MIRRORS[sources], "test_*.py")
    assert not there - tests, "rooms without tests"
    # a module may have a room of tests, if they are many
    lost = {room for room in tests - there if not (ROOT / sources / f"{room}.py").is_file()}
    assert not lost, "tests without a room"


def test_every_folder_of_tests_is_a_package():
    """Two modules of one name could not be imported beside each other."""
    folders = {path.parent for path in tracked() if path.match("tests/**/test_*.py")}
    assert folders
    assert not [str(path) for path in folders if not (path / "__init__.py").exists()]
