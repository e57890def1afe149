"""Provisioning against a small node: node, registry and gateway agree, and the key shows nowhere."""

import json
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

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
    assert (gateway / "stdin").read_text() == registry.read_text()
    assert key not in ran.out + ran.err
    assert registry.stat().st_mode & 0o777 == 0o600


def test_the_real_gateway_takes_what_was_provisioned(lyhord: Callable[..., Ran], tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text(f'[gateway]\nnumber = 1\nname = "g"\ndata_dir = "{tmp_path / "data"}"\n')
    registry = tmp_path / "nodes.jsonl"
    words = ("provision", "--id", "b1a", "--name", "Åkergränd", "--registry", registry, "--gateway", config)
    with Peer() as peer:
        ran = lyhord(*words, "--port", peer.path)
    assert ran.code == 0, ran.err
    listed = subprocess.run(
        [Path(sys.executable).parent / "lyhord-gateway", "nodes", "--config", config, "--json"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    assert "000b1a" in listed and "Åkergränd" in listed


def test_ids_are_taken_in_turn_and_keys_are_new(lyhord: Callable[..., Ran], tmp_path: Path) -> None:
    registry = tmp_path / "nodes.jsonl"
    keys = set()
    for expected in ("000001", "000002"):
        with Peer() as peer:
            assert lyhord("provision", "--registry", registry, "--port", peer.path).code == 0
            assert peer.identity is not None and peer.identity[0].lower() == expected
            keys.add(peer.identity[1])
    assert len(keys) == 2


def test_a_node_may_stay_in_its_console(lyhord: Callable[..., Ran], tmp_path: Path) -> None:
    with Peer() as peer:
        assert lyhord("provision", "--stay", "--registry", tmp_path / "n", "--port", peer.path).code == 0
        assert "exit" not in peer.lines


def test_a_key_file_is_taken_as_it_is(lyhord: Callable[..., Ran], tmp_path: Path) -> None:
    key_file = private(tmp_path / "key", "000102030405060708090A0B0C0D0E0F\n")
    words = ("provision", "--registry", tmp_path / "n", "--key-file", key_file, "--generation", 3)
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
    assert registry.read_text() == ""


def test_a_gateway_that_refuses_leaves_the_registry_as_the_way_out(
    lyhord: Callable[..., Ran], tmp_path: Path, gateway: Path
) -> None:
    registry = tmp_path / "nodes.jsonl"
    (gateway / "refuse").touch()
    with Peer() as peer:
        ran = lyhord("provision", "--registry", registry, "--gateway", "g.toml", "--port", peer.path)
    line = ran.refused()
    assert "config.toml: unknown key" in line and str(registry) in line
    key = json.loads(registry.read_text())["key"]
    assert key not in ran.out + ran.err


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
