"""Another identity for a board, another board for an id: only by name, and nothing of the old life stays."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lyhord_rig.deadline import DEADLINE_S
from lyhord_tools.fleet.entries import State
from lyhord_tools.fleet.fleet_file import read_fleet
from tests.tools.conftest import Ran, at_gateway, private
from tests.tools.peer import Peer

LYHORD = Path(sys.executable).parent / "lyhord"
MAC = "7c9ebd0a1b2c"
OLD = ("000001", "11" * 16, 0)
PLACE = {"name": "Storgatan 12", "wifi_ssid": "Kommun"}

Lyhord = Callable[..., Ran]


def in_service(**more: object) -> Peer:
    return Peer(**{"mac": MAC, "modern": True, "identity": OLD, "saved": dict(PLACE), "kept": 2} | more)  # type: ignore[arg-type]


def states(fleet: Path) -> dict[str, State]:
    return {f"{entry.id:06x}": entry.state for entry in read_fleet(fleet).entries}


def test_a_board_that_is_somebody_says_who_before_anything_is_changed(lyhord: Lyhord, tmp_path: Path) -> None:
    fleet = private(tmp_path / "fleet.jsonl", "")
    with in_service() as peer:
        said = lyhord("provision", "--port", peer.path).refused()
        assert "this board is node 000001 already (Storgatan 12)" in said
        for remedy in ("--replace", "factory-reset", "lyhord fleet show 000001"):
            assert remedy in said
        assert (peer.identity, peer.saved, peer.kept) == (OLD, PLACE, 2)
        assert {line.split()[0] for line in peer.lines[1:]} <= {
            "version",
            "status",
            "help",
            "discard",
            "exit",
        }
    assert fleet.read_text() == ""


def test_its_own_id_with_the_same_generation_is_another_key_and_refused(lyhord: Lyhord) -> None:
    with in_service() as peer:
        assert "is node 000001 already" in lyhord("provision", "--id", 1, "--port", peer.path).refused()
        ran = lyhord("provision", "--id", 1, "--generation", 1, "--port", peer.path)
        assert ran.code == 0, ran.err
        assert peer.identity is not None and peer.identity[0] == "000001" and peer.identity[1] != OLD[1]
        assert peer.saved["wifi_ssid"] == "Kommun" and peer.kept == 2 and not peer.on_shelf, "the same life"


@pytest.mark.parametrize("mac", [MAC, ""])
def test_the_old_life_is_delivered_and_forgotten(mac: str, lyhord: Lyhord, tmp_path: Path) -> None:
    fleet = private(tmp_path / "fleet.jsonl", json.dumps({"id": OLD[0], "key": OLD[1], "mac": mac}) + "\n")
    with in_service() as peer:
        ran = lyhord("provision", "--replace", "--id", "2", "--port", peer.path)
        assert ran.code == 0, ran.err
        assert (peer.sent, peer.kept, peer.saved) == (2, 0, {"profile": "bin"})
        assert peer.on_shelf and peer.lines[-1] == "exit"
        assert peer.lines.index("shelf") < [line.split()[0] for line in peer.lines].index("provision")
    assert states(fleet) == {"000001": State.replaced, "000002": State.provisioned}
    assert OLD[1] not in fleet.read_text()


def test_samples_that_cannot_be_delivered_go_only_if_they_may(lyhord: Lyhord, tmp_path: Path) -> None:
    words = ("provision", "--replace", "--id", "2")
    with in_service(delivers=False) as peer:
        said = lyhord(*words, "--port", peer.path).refused()
        assert (
            "2 samples of node 000001 are not delivered" in said and "--discard-samples lets them go" in said
        )
        assert (peer.identity, peer.saved, peer.kept) == (OLD, PLACE, 2)
        assert peer.lines[-1] == "exit" and states(tmp_path / "fleet.jsonl") == {}
        assert lyhord(*words, "--discard-samples", "--port", peer.path).code == 0
        assert (peer.sent, peer.kept) == (0, 0)


@pytest.mark.parametrize(
    ("words", "last", "on_shelf"),
    [((), "exit", True), (("--start",), "start", False), (("--stay",), "help", True)],
)
def test_a_new_node_sleeps_unless_it_is_sent_to_work(
    words: tuple[str, ...], last: str, on_shelf: bool, lyhord: Lyhord
) -> None:
    with Peer(mac=MAC, modern=True, on_shelf=True) as peer:
        assert lyhord("provision", *words, "--port", peer.path).code == 0
        assert (peer.lines[-1], peer.on_shelf) == (last, on_shelf)
        assert (
            "expected one of --start and --stay"
            in lyhord("provision", "--start", "--stay", "--port", peer.path).refused()
        )


def test_an_id_of_another_board_is_given_only_by_name(lyhord: Lyhord, tmp_path: Path) -> None:
    fleet = private(
        tmp_path / "fleet.jsonl", json.dumps({"id": "000007", "key": "77" * 16, "mac": "7c9ebd000001"}) + "\n"
    )
    with Peer(mac=MAC, modern=True) as peer:
        said = lyhord("provision", "--id", "7", "--port", peer.path).refused()
        assert "has node 000007 already" in said and "--replace if this board takes its place" in said
        assert peer.identity is None and "77" * 16 in fleet.read_text()
        assert lyhord("provision", "--id", "7", "--replace", "--port", peer.path).code == 0
        assert peer.identity is not None
    old, new = read_fleet(fleet).entries
    assert (old.state, old.key, new.state, new.mac) == (State.replaced, None, State.provisioned, MAC)
    assert new.key is not None and new.key.value.hex() == peer.identity[1]


KILLER = """#!/bin/sh
{0} "$@" || exit $?
case "$*" in *--check*) exit 0;; "nodes import"*) ;; *) exit 0;; esac
[ -e "{1}" ] || {{ : > "{1}"; kill -KILL $PPID; }}
"""


@pytest.mark.parametrize("words", [(), ("--replace", "--id", "1")])
def test_a_run_that_is_killed_after_the_gateway_has_the_key_is_finished(
    words: tuple[str, ...],
    real: Path,
    lyhord: Lyhord,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The gateway is entered before the fleet file says so: the next run finds its own key there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "lyhord-gateway"
    marker = tmp_path / "killed"
    program.write_text(KILLER.format(LYHORD.parent / "lyhord-gateway", marker))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    fleet = tmp_path / "fleet.jsonl"
    with Peer(mac=MAC, modern=True) as peer:
        command = ("provision", "--gateway", real, "--fleet", fleet, *words, "--port", peer.path)
        words_of = [str(LYHORD), *map(str, command)]
        done = subprocess.run(words_of, timeout=DEADLINE_S, capture_output=True, check=False)
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert marker.exists() and [*states(fleet).values()] == [State.pending]
        ran = lyhord(*command)
        assert ran.code == 0, ran.err
        assert peer.identity is not None
    assert [*states(fleet).values()] == [State.provisioned]
    keys = tmp_path / "keys"
    at_gateway(real, "nodes", "export", "--with-keys", str(keys))
    held = {line["id"]: line["key"] for line in map(json.loads, keys.read_text().splitlines())}
    assert held[peer.identity[0]] == peer.identity[1]
    assert len(held) == (2 if words else 3), "and no id was used up twice"
