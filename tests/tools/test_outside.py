"""Text from a node, a file or a frame commands no terminal, and files are read as they were meant."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lyhord_tools.errors import ToolError
from lyhord_tools.fleet.fleet_file import open_fleet
from lyhord_tools.fleet.keys import Key
from lyhord_wire.about import encode_about
from lyhord_wire.frame import KIND_ABOUT, seal_uplink
from lyhord_wire.tables import ABOUT_BOARD, ABOUT_NAME
from tests.tools.conftest import Ran, private
from tests.tools.peer import Peer

KEY = bytes(range(16))
EVIL = "bin\x1b[2J\x9b1m\u202e\x07"


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_frame_commands_no_terminal(
    more: tuple[str, ...], lyhord: Callable[..., Ran], tmp_path: Path
) -> None:
    about = encode_about({ABOUT_NAME: EVIL, ABOUT_BOARD: "\x1b]0;owned\x07"})
    frame = seal_uplink(Key(KEY).cipher(), 0xA01, 1, KIND_ABOUT, about, False)
    ran = lyhord("decode", "--key-file", private(tmp_path / "key", KEY.hex()), *more, frame.hex())
    assert ran.code == 0, ran.err
    assert all(line.isprintable() for line in ran.out.split("\n"))
    if more:
        assert json.loads(ran.out)["about"]["name"] == EVIL


def test_a_node_commands_no_terminal(lyhord: Callable[..., Ran]) -> None:
    with Peer(board=EVIL) as peer:
        ran = lyhord("console", "--port", peer.path, "-c", "version", "-c", "jump\x1b[2J\x9b")
    assert "board: bin" in ran.out and ran.code == 2
    assert all(line.isprintable() for line in (ran.out + ran.err).split("\n"))


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"\xef\xbb\xbfhush\r\n", "hush"),
        (b"hush", "hush"),
        (b" hush \n", '" hush "'),
        (b'"hush"\n', '""hush""'),
    ],
)
def test_a_password_is_taken_as_meant(
    data: bytes, value: str, lyhord: Callable[..., Ran], tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(data)
    with Peer() as peer:
        words = ("--set", f"wifi_password=@{secret}", "--set", "wifi_ssid= Kommun")
        ran = lyhord("provision", "--registry", tmp_path / "n", *words, "--port", peer.path)
        assert ran.code == 0, ran.err
        assert peer.saved["wifi_password"] == value  # in quotes, as the node's console takes them
        assert peer.saved["wifi_ssid"] == '" Kommun"'


@pytest.mark.parametrize("data", [b"", b"a\nb\n", b"\xff\n", "å".encode("utf-16"), b"a\x1bb\n"])
def test_what_is_no_password_is_one_line(data: bytes, lyhord: Callable[..., Ran], tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(data)
    with Peer() as peer:
        words = ("--set", f"wifi_password=@{secret}", "--port", peer.path)
        lyhord("provision", "--registry", tmp_path / "n", *words).refused()
        assert not peer.settings


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_keys_and_registries_may_have_a_mark(mark: bytes, lyhord: Callable[..., Ran], tmp_path: Path) -> None:
    key = private(tmp_path / "key", "")
    key.write_bytes(mark + KEY.hex().encode() + b"\r\n")
    registry = private(tmp_path / "n", "")
    registry.write_bytes(mark + b'{"id":"000007","key":"' + b"11" * 16 + b'"}\r\n')
    with Peer() as peer:
        words = ("provision", "--registry", registry, "--key-file", key, "--port", peer.path)
        assert "has node 000007 already" in lyhord(*words, "--id", "7").refused()
        ran = lyhord(*words, "--id", "8")
        assert ran.code == 0, ran.err
        assert peer.identity == ("000008", KEY.hex(), 0)


@pytest.mark.parametrize("trap", ["link", "dangling", "hard", "pipe", "folder"])
def test_keys_go_into_a_plain_file_only(trap: str, lyhord: Callable[..., Ran], tmp_path: Path) -> None:
    elsewhere, registry = tmp_path / "elsewhere", tmp_path / "nodes.jsonl"
    elsewhere.write_text("")
    elsewhere.chmod(0o644)
    match trap:
        case "link":
            registry.symlink_to(elsewhere)
        case "dangling":
            registry.symlink_to(tmp_path / "not-there")
        case "hard":
            registry.hardlink_to(elsewhere)
        case "pipe":
            os.mkfifo(registry)
        case "folder":
            registry.mkdir()
    with Peer() as peer:
        lyhord("provision", "--registry", registry, "--port", peer.path).refused()
        assert peer.identity is None
    assert elsewhere.read_text() == "" and elsewhere.stat().st_mode & 0o777 == 0o644
    assert not (tmp_path / "not-there").exists()
    with pytest.raises(ToolError), open_fleet(registry):
        pass
