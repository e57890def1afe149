"""Provisioning against a small node: node, registry and gateway agree, and the key shows nowhere."""

import errno
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from lyhord_tools.fleet.fleet_file import read_fleet
from lyhord_wire.ids import BLOCK, LAPTOP_FIRST
from tests.tools.conftest import Ran, private
from tests.tools.peer import Peer

GATEWAY = """#!/bin/sh
printf '%s\\n' "$*" > "{0}/argv"
cat > "{0}/stdin"
[ ! -e "{0}/refuse" ] || {{ echo "noise" >&2; echo "config.toml: unknown key" >&2; exit 2; }}
"""


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder where a `lyhord-gateway` first in PATH leaves what it was given."""
    folder = tmp_path / "gateway"
    folder.mkdir()
    program = folder / "lyhord-gateway"
    program.write_text(GATEWAY.format(folder))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return folder


def test_node_registry_and_gateway_agree(lyhord: Callable[..., Ran], tmp_path: Path, gateway: Path) -> None:
    registry = tmp_path / "nodes.jsonl"
    words = ("provision", "--id", "a01", "--name", "Hamngatan", "--registry", registry, "--gateway", "g.toml")
    with Peer() as peer:
        secret = tmp_path / "secret"
        secret.write_text("hush hush\n")
        more = ("--set", "sample_period=60", "--set", f"wifi_password=@{secret}")
        ran = lyhord(*words, *more, "--port", peer.path)
        assert ran.code == 0, ran.err
        assert peer.identity is not None
        node, key, generation = peer.identity
        assert peer.saved == {
            "sample_period": "60",
            "wifi_password": "hush hush",
            "name": "Hamngatan",
            "profile": "bin",
        }
        assert peer.lines[-1] == "exit"
    entry = json.loads(registry.read_text())
    assert (entry["id"], entry["key"], entry["generation"]) == (node.lower(), key.lower(), generation)
    assert (entry["name"], entry["profile"], entry["board"]) == ("Hamngatan", "bin", "devkit_rfm95")
    assert (gateway / "argv").read_text() == "nodes import --config g.toml -\n"
    assert json.loads((gateway / "stdin").read_text()) | {"state": "provisioned"} == entry
    assert key not in ran.out + ran.err
    assert registry.stat().st_mode & 0o777 == 0o600


def test_ids_are_taken_in_turn_and_keys_are_new(lyhord: Callable[..., Ran], tmp_path: Path) -> None:
    registry = tmp_path / "nodes.jsonl"
    ids, keys = [], set()
    for _ in range(2):
        with Peer() as peer:
            assert lyhord("provision", "--registry", registry, "--port", peer.path).code == 0
            assert peer.identity is not None
            ids.append(int(peer.identity[0], 16))
            keys.add(peer.identity[1])
    assert ids[0] >= LAPTOP_FIRST and ids[0] % BLOCK == 0 and ids[1] == ids[0] + 1
    assert len(keys) == 2


def test_a_node_may_stay_in_its_console(lyhord: Callable[..., Ran], tmp_path: Path) -> None:
    with Peer() as peer:
        assert lyhord("provision", "--stay", "--registry", tmp_path / "n", "--port", peer.path).code == 0
        assert "exit" not in peer.lines


def test_a_key_file_is_taken_as_it_is(lyhord: Callable[..., Ran], tmp_path: Path) -> None:
    key_file = private(tmp_path / "key", "000102030405060708090A0B0C0D0E0F\n")
    words = (
        "provision",
        "--registry",
        tmp_path / "n",
        "--key-file",
        key_file,
        "--generation",
        3,
        "--id",
        "1",
    )
    with Peer() as peer:
        assert lyhord(*words, "--port", peer.path).code == 0
        assert peer.identity == ("000001", "000102030405060708090a0b0c0d0e0f", 3)


def test_a_key_that_the_gateway_has_made_is_taken_from_its_file(
    lyhord: Callable[..., Ran], tmp_path: Path
) -> None:
    lines = [{"id": "000b02", "key": "11" * 16}, {"id": "000b02", "key": "22" * 16, "generation": 5}]
    keys = private(tmp_path / "keys.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    words = ("provision", "--registry", tmp_path / "n", "--key-file", keys, "--id", "b02")
    with Peer() as peer:
        assert lyhord(*words, "--generation", 5, "--port", peer.path).code == 0
        assert peer.identity == ("000b02", "22" * 16, 5)


def test_a_taken_id_is_refused_before_the_node_is_touched(lyhord: Callable[..., Ran], tmp_path: Path) -> None:
    registry = tmp_path / "nodes.jsonl"
    with Peer() as peer:
        assert lyhord("provision", "--id", "7", "--registry", registry, "--port", peer.path).code == 0
    before = registry.read_bytes()
    with Peer() as peer:
        ran = lyhord("provision", "--id", "7", "--registry", registry, "--port", peer.path)
        assert "has node 000007 already" in ran.refused()
        assert peer.identity is None
    assert registry.read_bytes() == before


@pytest.mark.parametrize(
    ("peer", "words", "says"),
    [
        (Peer, ("--set", "full_alarm=300"), "full_alarm: 300 is not in 1...100"),
        (lambda: Peer(forgets_identity=True), (), "the node shows"),
    ],
)
def test_a_node_that_refuses_is_not_registered(
    peer: Callable[[], Peer], words: tuple[str, ...], says: str, lyhord: Callable[..., Ran], tmp_path: Path
) -> None:
    registry = tmp_path / "nodes.jsonl"
    with peer() as node:
        ran = lyhord("provision", "--registry", registry, "--port", node.path, *words)
    assert says in ran.refused()
    assert read_fleet(registry).entries == []


def test_a_gateway_that_refuses_is_asked_before_the_node_is_touched(
    lyhord: Callable[..., Ran], tmp_path: Path, gateway: Path
) -> None:
    registry = tmp_path / "nodes.jsonl"
    (gateway / "refuse").touch()
    for words in ((), ("--id", "7")):
        with Peer() as peer:
            ran = lyhord(
                "provision", *words, "--registry", registry, "--gateway", "g.toml", "--port", peer.path
            )
            assert "config.toml: unknown key" in ran.refused()
            assert peer.identity is None and not peer.settings
        assert read_fleet(registry).entries == []


def test_a_gateway_that_fails_at_the_end_leaves_the_registry_as_the_way_out(
    lyhord: Callable[..., Ran], tmp_path: Path, gateway: Path
) -> None:
    registry = tmp_path / "nodes.jsonl"
    (gateway / "lyhord-gateway").write_text(
        '#!/bin/sh\ncat > /dev/null\ncase "$*" in *--check*) ;; *) echo "disk full" >&2; exit 2;; esac\n'
    )
    with Peer() as peer:
        words = ("provision", "--id", "7", "--registry", registry, "--gateway", "g.toml")
        line = lyhord(*words, "--port", peer.path).refused()
    assert "disk full" in line and f"{registry} has the node, import it from there" in line
    assert json.loads(registry.read_text())["id"] == "000007"


IN_SERVICE = ("000001", "ab" * 16, 0)


@pytest.mark.parametrize("modern", [False, True])
@pytest.mark.parametrize(
    "words",
    [
        ("--set", "fooo=1"),
        ("--set", "sample_period=60", "--set", "fooo=1"),
        ("--set", "full_alarm=300"),
        ("--set", "sample_period=60", "--set", "refused_at_save=1"),
    ],
)
def test_a_node_in_service_that_refuses_a_setting_goes_on_as_it_was(
    modern: bool, words: tuple[str, ...], lyhord: Callable[..., Ran], tmp_path: Path
) -> None:
    registry = tmp_path / "nodes.jsonl"
    with Peer(identity=IN_SERVICE, saved={"sample_period": "900"}, modern=modern) as peer:
        words = ("--replace", "--id", "2", *words)
        said = lyhord("provision", *words, "--registry", registry, "--port", peer.path).refused()
        assert "the node says: " in said
        assert peer.identity == IN_SERVICE and peer.settings == {}
        assert peer.saved == {"sample_period": "900"}
        assert peer.lines[-1] == "exit", "it is back at its work, and what was set before is forgotten"
    assert registry.read_text() == ""


def test_a_board_in_service_gets_no_other_id_by_itself(lyhord: Callable[..., Ran], tmp_path: Path) -> None:
    with Peer(identity=IN_SERVICE) as peer:
        ran = lyhord("provision", "--registry", tmp_path / "n", "--port", peer.path)
        assert "this board is node 000001 already" in ran.refused()
        assert peer.identity == IN_SERVICE


def test_a_registry_that_cannot_be_written_leaves_the_node_as_it_was(
    lyhord: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write

    def full(handle: int, data: bytes) -> int:
        if stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(handle, data)  # to the node: a line is no disk

    with Peer(identity=IN_SERVICE) as peer:
        monkeypatch.setattr("lyhord_tools.private_file.os.write", full)
        words = ("provision", "--replace", "--id", "2", "--registry", tmp_path / "n", "--port", peer.path)
        code = lyhord(*words)
        monkeypatch.undo()
        assert "No space left" in code.refused()
        assert peer.identity == IN_SERVICE


def test_a_line_stays_when_the_node_may_have_the_key(lyhord: Callable[..., Ran], tmp_path: Path) -> None:
    registry = tmp_path / "nodes.jsonl"
    with Peer(breaks_off_at="provision") as peer:
        line = lyhord("provision", "--id", "7", "--registry", registry, "--port", peer.path).refused()
        assert "may have its key" in line
        assert peer.identity is not None
        assert json.loads(registry.read_text())["key"] == peer.identity[1]


def test_the_next_key_of_a_node_goes_into_the_same_registry(
    lyhord: Callable[..., Ran], tmp_path: Path
) -> None:
    registry = tmp_path / "nodes.jsonl"
    words = ("provision", "--id", "7", "--registry", registry)
    with Peer() as peer:
        assert lyhord(*words, "--port", peer.path).code == 0
        key = private(tmp_path / "key", "11" * 16)
        again = lyhord(*words, "--generation", 1, "--key-file", key, "--port", peer.path)
        assert again.code == 0, again.err
        assert peer.identity == ("000007", "11" * 16, 1)
        lyhord(*words, "--generation", 1, "--port", peer.path).refused()
        assert peer.identity == ("000007", "11" * 16, 1)
    with Peer() as another:  # a board that is not this node
        said = lyhord(*words, "--generation", 2, "--port", another.path).refused()
        assert "has node 000007 already" in said and another.identity is None


@pytest.mark.parametrize("blank", ["00" * 16, "ff" * 16])
def test_a_blank_key_and_a_key_of_another_node_are_refused(
    blank: str, lyhord: Callable[..., Ran], tmp_path: Path
) -> None:
    words = ("provision", "--registry", tmp_path / "n", "--key-file", private(tmp_path / "key", blank))
    with Peer() as peer:
        assert "blank" in lyhord(*words, "--port", peer.path).refused()
        (tmp_path / "key").write_text("11" * 16)
        assert lyhord(*words, "--id", "1", "--port", peer.path).code == 0
    with Peer() as peer:
        assert "node 000001 has this key already" in lyhord(*words, "--port", peer.path).refused()
        assert peer.identity is None


def test_keys_go_from_the_laptop_and_ids_stay(lyhord: Callable[..., Ran], tmp_path: Path) -> None:
    registry = tmp_path / "nodes.jsonl"
    with Peer() as peer:
        assert lyhord("provision", "--registry", registry, "--port", peer.path).code == 0
        assert peer.identity is not None
        node, key, _ = peer.identity
    assert key in registry.read_text()
    assert lyhord("forget-keys", "--registry", registry).code == 0
    assert key not in registry.read_text() and registry.stat().st_mode & 0o777 == 0o600
    with Peer() as peer:
        assert lyhord("provision", "--registry", registry, "--port", peer.path).code == 0
        assert peer.identity is not None and int(peer.identity[0], 16) == int(node, 16) + 1
    assert "No such file" in lyhord("forget-keys", "--registry", tmp_path / "none").refused()


@pytest.mark.parametrize(
    "words",
    [
        ("--id", "0"),
        ("--id", "1000000"),
        ("--id", "xyz"),
        ("--set", "novalue"),
        ("--set", "two words=1"),
        ("--set", "broker_host=a\nprovision 1 2 3"),
        ("--set", "name=x"),
        ("--name", "x" * 25),
        ("--name", "two\nlines"),
        ("--name", "Storgatan 12\n"),
        ("--name", " Storgatan 12"),
        ("--set", "sample_period=1", "--set", "sample_period=2"),
        ("--key-file", "/no/such/file"),
        ("--registry", "/no/such/folder/nodes.jsonl"),
    ],
)
def test_what_cannot_be_asked_for_is_one_line(
    words: tuple[str, ...], lyhord: Callable[..., Ran], tmp_path: Path
) -> None:
    with Peer() as peer:
        lyhord("provision", "--registry", tmp_path / "n", "--port", peer.path, *words).refused()
        assert peer.identity is None


def test_no_node_is_one_line(lyhord: Callable[..., Ran], silent_port: str, tmp_path: Path) -> None:
    registry = tmp_path / "nodes.jsonl"
    words = ("provision", "--registry", registry, "--port", silent_port, "--timeout", "1")
    assert "no node answers" in lyhord(*words).refused()
    assert not registry.exists()
