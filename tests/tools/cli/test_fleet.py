"""`lyhord fleet`: what is listed, and which file it is."""

import json
from collections.abc import Callable
from pathlib import Path

import platformdirs
import pytest

from lyhord_tools.fleet.fleet_file import default_path
from tests.tools.conftest import Ran, private
from tests.tools.peer import Peer

EVIL = "Storgatan\u202e 12\x1b[2J"
KEY = "a1" * 16
LINES = [
    {"id": "800001", "key": KEY, "name": "Storgatan 12, the long way to the old harbour", "board": "d" * 20},
    {"id": "800001", "key": "b1" * 16, "generation": 1, "mac": "7c9ebd0a1b2c", "created": "2026-01-02"},
    {"id": "800002", "name": EVIL, "state": "pending", "created": "2026-01-02T03:04:05Z"},
    {"block": "800000", "count": 256},
    {"block": "000033", "count": 2, "gateway": "/etc/lyhord/gateway.toml"},
]


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    return private(tmp_path / "fleet.jsonl", "".join(json.dumps(one) + "\n" for one in LINES))


def test_a_list_fits_a_terminal_and_shows_no_key(fleet: Path, lyhord: Callable[..., Ran]) -> None:
    shown = lyhord("fleet", "list").out
    assert all(len(line) <= 80 and line.isprintable() for line in shown.splitlines())
    assert KEY not in shown
    head, first, second, *blocks = shown.splitlines()
    assert head.split() == ["name", "id", "state", "board", "mac", "since"]
    assert "800001" in first and "7c9ebd0a1b2c" in first and "2026-01-02" in first
    assert "pending" in second
    assert blocks == [
        "ids 800000 to 8000ff: 253 left, drawn",
        "ids 000033 to 000034: 2 left, reserved at /etc/lyhord/gateway.toml",
    ]


def test_a_list_for_machines_says_the_same(fleet: Path, lyhord: Callable[..., Ran]) -> None:
    out = lyhord("fleet", "list", "--json").out
    assert KEY not in out and out.count("\n") == 1
    told = json.loads(out)
    first, second = told["nodes"]
    assert (first["id"], first["generations"], first["key"]) == ("800001", [0, 1], True)
    assert (second["name"], second["state"], second["key"]) == (EVIL, "pending", False)
    assert json.loads(lyhord("fleet", "show", "800001", "--json").out) == first


def test_a_node_is_shown_without_its_key(fleet: Path, lyhord: Callable[..., Ran]) -> None:
    shown = lyhord("fleet", "show", "800001").out
    assert "id: 800001\n" in shown and "generations: 0 1\n" in shown and "key: yes\n" in shown
    assert KEY not in shown
    assert all(line.isprintable() for line in lyhord("fleet", "show", "800002").out.splitlines())
    said = lyhord("fleet", "show", "7").refused()
    assert "has no node 000007; lyhord fleet list names" in said
    assert "'xyz' is not 1 to ffffff" in lyhord("fleet", "show", "xyz").refused()


def test_looking_makes_no_file(tmp_path: Path, lyhord: Callable[..., Ran]) -> None:
    for words in (("list",), ("show", "7"), ("export", "-"), ("to-gateway", "--gateway", "g.toml")):
        assert "No such file" in lyhord("fleet", *words).refused()
    assert "No such file" in lyhord("forget-keys").refused()
    assert list(tmp_path.iterdir()) == []


def test_which_file_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("LYHORD_FLEET", raising=False)
    assert default_path() == platformdirs.user_data_path("lyhord") / "fleet.jsonl"
    (tmp_path / "nodes.jsonl").touch()
    assert default_path() == Path("nodes.jsonl"), "of before there was one for all folders"
    monkeypatch.setenv("LYHORD_FLEET", "/srv/fleet.jsonl")
    assert default_path() == Path("/srv/fleet.jsonl")


def test_the_users_own_file_is_made_with_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lyhord: Callable[..., Ran]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LYHORD_FLEET", "")
    with Peer() as peer:
        ran = lyhord("provision", "--id", "7", "--port", peer.path)
    assert ran.code == 0, ran.err
    own = default_path()
    assert str(own) in ran.out and own.stat().st_mode & 0o777 == 0o600
    assert own.parent.stat().st_mode & 0o777 == 0o700
