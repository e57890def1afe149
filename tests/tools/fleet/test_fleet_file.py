"""The fleet file: readable by its owner only, one node once, and no half lines believed."""

import json
import multiprocessing
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lyhord_rig.deadline import DEADLINE_S
from lyhord_tools.errors import ToolError
from lyhord_tools.fleet import fleet_file
from lyhord_tools.fleet.entries import Entry
from lyhord_tools.fleet.fleet_file import open_fleet, read_fleet
from lyhord_tools.fleet.ids import free_id
from lyhord_tools.fleet.keys import Key, new_key

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def entry(node: int, name: str = "Hamngatan 3") -> Entry:
    return Entry(node, Key(bytes(range(16))), 2, name, "bin", "devkit_rfm95", WHEN)


def test_a_line_says_everything_a_gateway_needs(tmp_path: Path) -> None:
    path = tmp_path / "nodes.jsonl"
    with open_fleet(path) as fleet:
        fleet.append(entry(0xA01, "Åkergränd"))
    assert path.read_text().endswith("\n")
    assert json.loads(path.read_text()) == {
        "id": "000a01",
        "key": "000102030405060708090a0b0c0d0e0f",
        "generation": 2,
        "name": "Åkergränd",
        "profile": "bin",
        "board": "devkit_rfm95",
        "created": "2026-01-02T03:04:05Z",
        "state": "provisioned",
    }


@pytest.mark.parametrize("existing", [False, True])
def test_only_the_owner_can_read_it(existing: bool, tmp_path: Path) -> None:
    path = tmp_path / "nodes.jsonl"
    before = os.umask(0)
    try:
        if existing:
            path.write_text("")
            path.chmod(0o644)
        with open_fleet(path) as fleet:
            fleet.append(entry(1))
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_node_is_registered_once(tmp_path: Path) -> None:
    path = tmp_path / "nodes.jsonl"
    with open_fleet(path) as fleet:
        fleet.append(entry(1))
        with pytest.raises(ToolError, match="has node 000001 already"):
            fleet.append(entry(1))
    with open_fleet(path) as fleet, pytest.raises(ToolError, match="has node 000001 already"):
        fleet.append(entry(1, "again"))
    assert path.read_text().count("\n") == 1


def test_a_torn_last_line_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "nodes.jsonl"
    path.write_text(entry(1).line() + "\n" + entry(2).line()[:40])
    with open_fleet(path) as fleet:
        assert 2 not in fleet
        fleet.append(entry(2))
    with open_fleet(path) as fleet:
        assert 1 in fleet and 2 in fleet


def test_a_last_line_without_its_end_still_counts(tmp_path: Path) -> None:
    path = tmp_path / "nodes.jsonl"
    path.write_text(entry(1).line())
    with open_fleet(path) as fleet:
        fleet.append(entry(2))
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == ["000001", "000002"]


def test_a_line_broken_in_the_middle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "nodes.jsonl"
    for broken in ("{", "[]", '{"id":"zz"}', '{"id":7}', '{"id":"000000"}'):
        path.write_text(f"{entry(1).line()}\n{broken}\n{entry(3).line()}\n")
        with pytest.raises(ToolError, match="line 2: not a node's entry"), open_fleet(path):
            pass


def _append_many(path: Path, count: int) -> None:
    for _ in range(count):
        with open_fleet(path) as fleet:
            fleet.append(entry(free_id(fleet)))


def test_installers_at_the_same_time_never_share_an_id(tmp_path: Path) -> None:
    path = tmp_path / "nodes.jsonl"
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_append_many, args=(path, 10)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(DEADLINE_S)
        assert worker.exitcode == 0
    ids = [entry.id for entry in read_fleet(path).entries]
    assert sorted(ids) == list(range(min(ids), min(ids) + 30))


def test_a_file_that_stays_locked_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_file, "_LOCK_DEADLINE_S", 0.2)
    path = tmp_path / "nodes.jsonl"
    with (
        open_fleet(path),
        pytest.raises(ToolError, match="in use by another provisioning"),
        open_fleet(path),
    ):
        pass


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="No such file"), open_fleet(tmp_path / "no" / "nodes.jsonl"):
        pass


def test_keys_hide_and_differ() -> None:
    first, second = new_key(), new_key()
    assert len(first.value) == 16 and first.value != second.value
    for shown in (repr(first), str(first), f"{entry(1)!r}"):
        assert first.value.hex() not in shown
        assert "000102030405060708090a0b0c0d0e0f" not in shown
        assert repr(bytes(range(16))) not in shown
