"""A run that is killed at any step leaves the node as it was, or is finished by running it again."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lyhord_rig.deadline import DEADLINE_S
from lyhord_rig.tied import tied
from lyhord_tools.fleet.entries import State
from lyhord_tools.fleet.fleet_file import read_fleet
from lyhord_wire.tables import SETTINGS
from tests.sweep import beyond
from tests.tools.conftest import Ran
from tests.tools.peer import Peer, Unplugged

LYHORD = Path(sys.executable).parent / "lyhord"
MAC = "7c9ebd0a1b2c"
OLD = ("800007", "ab" * 16, 0)
OLD_SETTINGS = {"name": "Old place", "wifi_ssid": "old", "sample_period": "900"}
OLD_LINE = {"id": OLD[0], "key": OLD[1], "name": "Old place", "mac": MAC}
WANTED = {"name": "Torget 1", "profile": "bin", "sample_period": "60"}
WORDS = ("--replace", "--name", "Torget 1", "--set", "sample_period=60", "--stay")


@dataclass
class Cut:
    """Ends a process when the node has done its `nth` line that begins with `word`, before it answers."""

    word: str
    nth: int = 1
    how: int = signal.SIGKILL
    child: subprocess.Popen[bytes] | None = None
    done: list[str] = field(default_factory=list)

    def __call__(self, line: str) -> None:
        self.done.append(line.split()[0])
        hit = self.done[-1] == self.word and self.done.count(self.word) == self.nth
        if hit and self.child is not None:
            os.kill(self.child.pid, self.how)
            if self.how == signal.SIGKILL:
                self.child.wait(DEADLINE_S)


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    path = tmp_path / "nodes.jsonl"
    path.write_text(json.dumps(OLD_LINE) + "\n")
    path.chmod(0o600)
    return path


def in_service() -> Peer:
    return Peer(mac=MAC, modern=True, identity=OLD, saved=dict(OLD_SETTINGS), kept=3)


def killed_run(peer: Peer, fleet: Path, cut: Cut) -> int:
    """The exit status of a run of its own; `cut` ends it."""
    peer.on_done = cut
    words = ("provision", "--fleet", fleet, *WORDS, "--port", peer.path)
    command = tied(str(LYHORD), *map(str, words))
    cut.child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return cut.child.wait(DEADLINE_S)
    finally:
        cut.child.kill()
        peer.on_done = lambda _line: None


LAST_DEFAULT = len(SETTINGS) + 3  # all settings as they come out of the factory, then those that are wanted
CUTS = [
    *[("version", 1), ("help", 1), ("discard", 1), ("set", 1), ("clear", 1), ("set", LAST_DEFAULT)],
    *[("check", 1), ("discard", 2), ("send", 1), ("factory-reset", 1), ("version", 2), ("discard", 3)],
    *[("set", LAST_DEFAULT + 3), ("save", 1), ("shelf", 1), ("provision", 1), ("version", 3), ("help", 3)],
]
# One on each side of every change of the board and of the file; `make sweep` kills at all of them.
EVERY_TIME = [("check", 1), ("factory-reset", 1), ("save", 1), ("provision", 1), ("version", 3), ("help", 3)]


def test_the_steps_below_are_those_of_a_run_in_their_order(fleet: Path) -> None:
    cut = Cut("never")
    with in_service() as peer:
        assert killed_run(peer, fleet, cut) == 0
    at = -1
    for word, nth in CUTS:
        places = [place for place, one in enumerate(cut.done) if one == word]
        assert len(places) >= nth and places[nth - 1] >= at, (word, nth)
        at = places[nth - 1]
    assert at == len(cut.done) - 1, "and the last is the last"


@pytest.mark.parametrize(
    ("word", "nth"), [*EVERY_TIME, *beyond(*(cut for cut in CUTS if cut not in EVERY_TIME))]
)
def test_a_run_that_is_killed_is_finished_by_running_it_again(
    word: str, nth: int, fleet: Path, lyhord: Callable[..., Ran]
) -> None:
    cut = Cut(word, nth)
    with in_service() as peer:
        assert killed_run(peer, fleet, cut) == -signal.SIGKILL
        if not {"factory-reset", "save", "provision"} & {*cut.done}:
            assert (peer.identity, peer.saved) == (OLD, OLD_SETTINGS), "it is as it was"
        promised = [entry.id for entry in read_fleet(fleet).entries if entry.state is State.pending]
        ran = lyhord("provision", "--fleet", fleet, *WORDS, "--port", peer.path)
        assert ran.code == 0, ran.err
        assert peer.saved == WANTED and not peer.settings, "nothing of its old life, nothing staged"
        assert peer.identity is not None and peer.identity[0] != OLD[0]
    old, new = read_fleet(fleet).entries
    assert (f"{old.id:06x}", old.state, old.key) == (OLD[0], State.replaced, None)
    assert new.key is not None and new.state is State.provisioned
    assert (f"{new.id:06x}", new.key.value.hex(), new.generation) == peer.identity
    assert promised in ([], [new.id]), "the id that it was promised"


@pytest.mark.parametrize("word", ["check", "send", "save", "provision"])
def test_a_run_that_is_interrupted_from_the_keyboard(
    word: str, fleet: Path, lyhord: Callable[..., Ran]
) -> None:
    with in_service() as peer:
        assert killed_run(peer, fleet, Cut(word, how=signal.SIGINT)) > 0
        if word in ("check", "send"):
            assert (peer.identity, peer.saved, peer.settings) == (OLD, OLD_SETTINGS, {})
            assert [f"{entry.id:06x}" for entry in read_fleet(fleet).entries] == [OLD[0]]
        assert lyhord("provision", "--fleet", fleet, *WORDS, "--port", peer.path).code == 0
        assert peer.saved == WANTED


@pytest.mark.parametrize("word", ["check", "send", "factory-reset", "save", "provision"])
def test_a_cable_that_comes_off_is_one_line_and_the_next_run_finishes(
    word: str, fleet: Path, lyhord: Callable[..., Ran]
) -> None:
    def unplug(line: str) -> None:
        if line.split()[0] == word:
            raise Unplugged

    words = ("provision", "--fleet", fleet, *WORDS)
    with in_service() as peer:
        peer.on_done = unplug
        said = lyhord(*words, "--port", peer.path).refused()
        assert f"{peer.path} went away" in said
    if word in ("check", "send"):
        assert (peer.identity, peer.saved) == (OLD, OLD_SETTINGS)
        assert [f"{entry.id:06x}" for entry in read_fleet(fleet).entries] == [OLD[0]]
    else:
        assert "its line stays in" in said and "run it again to finish it" in said
    left = {"identity": peer.identity, "saved": peer.saved, "settings": peer.settings, "kept": peer.kept}
    with Peer(mac=MAC, modern=True, **left) as back:  # type: ignore[arg-type]
        ran = lyhord(*words, "--port", back.path)
        assert ran.code == 0, ran.err
        assert back.saved == WANTED
    assert [entry.state for entry in read_fleet(fleet).entries] == [State.replaced, State.provisioned]
    assert "node 800007" in ran.out and "lyhord-gateway nodes disable 800007" in ran.out


def test_without_the_word_replace_an_unfinished_run_does_not_end_an_old_life(
    fleet: Path, lyhord: Callable[..., Ran]
) -> None:
    with in_service() as peer:
        assert killed_run(peer, fleet, Cut("check")) == -signal.SIGKILL
        assert len(read_fleet(fleet).entries) == 2
        said = lyhord("provision", "--fleet", fleet, "--port", peer.path).refused()
        assert "this board is node 800007 already (Old place)" in said
        assert peer.identity == OLD and peer.lines[-1] == "exit"


def test_an_unfinished_run_is_given_up_by_name(fleet: Path, lyhord: Callable[..., Ran]) -> None:
    with Peer(mac=MAC, modern=True, breaks_off_at="provision") as peer:
        words = ("provision", "--fleet", fleet, "--port", peer.path)
        said = lyhord(*words, "--id", "9").refused()
        assert "node 000009 may have its key" in said and "run it again" in said
        peer.breaks_off_at = ""
        said = lyhord(*words, "--id", "a").refused()
        assert "expected --id 000009 to finish it, or --replace" in said
        ran = lyhord(*words, "--id", "a", "--replace", "--stay")
        assert ran.code == 0, ran.err
        assert peer.identity is not None and peer.identity[0] == "00000a"
    states = {entry.id: entry.state for entry in read_fleet(fleet).entries}
    assert states == {7 + 0x800000: State.replaced, 9: State.replaced, 10: State.provisioned}


def test_the_next_run_saves_nothing_that_a_failed_one_has_staged(
    fleet: Path, lyhord: Callable[..., Ran]
) -> None:
    with in_service() as peer:
        peer.settings = {"wifi_ssid": "of somebody who was cut off"}
        ran = lyhord("provision", "--fleet", fleet, *WORDS, "--port", peer.path)
        assert ran.code == 0, ran.err
        assert peer.saved == WANTED
        assert peer.checked[0].items() >= WANTED.items()
        assert "wifi_ssid" not in peer.checked[0], "checked as the board will be, without its old life"
