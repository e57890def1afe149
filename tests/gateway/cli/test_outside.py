"""Files as editors save them, terminals as they are, spreadsheets that run what begins with "=", floods."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lyhord_gateway.config.tree import load
from lyhord_gateway.options.secret import read_api_key, read_credentials
from lyhord_gateway.support.errors import UserError
from lyhord_gateway.support.log import Flood, JsonLines, TextLines
from lyhord_gateway.support.log_rate_limit import LogRateLimit
from lyhord_rig.deadline import DEADLINE_S
from tests.gateway.bench import Bench, running
from tests.gateway.parts import KEY, PROGRAM, Node, cli

BOM = b"\xef\xbb\xbf"
CONFIG = '[gateway]\nnumber = 1\ndata_dir = "data"\n'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.toml"
    path.write_bytes(BOM + CONFIG.replace("\n", "\r\n").encode())
    return path


def private(path: Path, data: bytes) -> Path:
    path.touch(mode=0o600)
    path.write_bytes(data)
    return path


async def done(*words: str, config: Path) -> str:
    code, out, err = await cli(*words, "--config", str(config))
    assert code == 0, err
    return out


async def test_a_mark_before_the_text_is_no_part_of_it(config: Path, tmp_path: Path) -> None:
    assert load(config).config.gateway.number == 1
    lines = tmp_path / "nodes.jsonl"
    line = json.dumps({"id": "000a01", "key": KEY.hex(), "name": "Storgatan 12\n"})
    lines.write_bytes(BOM + line.encode() + b"\r\n")
    assert await done("nodes", "import", str(lines), config=config) == "1 nodes imported\n"
    (node,) = json.loads(await done("nodes", "--json", config=config))
    assert node["name"] == "Storgatan 12"


@pytest.mark.parametrize(("name", "command"), [("nodes.jsonl", "nodes import {}"), ("gateway.toml", "check")])
async def test_a_file_that_is_no_utf8_is_one_line(
    name: str, command: str, config: Path, tmp_path: Path
) -> None:
    file = tmp_path / name
    file.write_bytes((file.read_text() if file.exists() else '{"id": "000a01"}\n').encode("utf-16"))
    code, _, err = await cli(*command.format(file).split(), "--config", str(config))
    assert code == 2 and "UTF-16" in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("data", "user", "password"),
    [
        (BOM + b"gateway\r\nhush\r\n", "gateway", "hush"),
        (b"gateway\n hush \n", "gateway", " hush "),
        (b"token", "token", None),
    ],
)
def test_credentials_are_taken_as_meant(data: bytes, user: str, password: str | None, tmp_path: Path) -> None:
    found = read_credentials("here", private(tmp_path / "c", data))
    assert (found.user, found.password) == (user, password)


@pytest.mark.parametrize("data", [b"", b"\n", b"a\nb\nc\n", b"a\x1b\nb\n", b"a\xff\n", b"a\x00\n"])
def test_other_credentials_are_one_line(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^here: "):
        read_credentials("here", private(tmp_path / "c", data))


def test_an_api_key_may_have_a_mark_and_a_line_end(tmp_path: Path) -> None:
    assert read_api_key("here", private(tmp_path / "k", BOM + b"abc-1\r\n")).text == "abc-1"


def test_a_terminal_without_utf8_shows_the_rest(config: Path) -> None:
    def run(*words: str) -> str:
        environment = os.environ | {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}
        command = [*PROGRAM, *words, "--config", str(config)]
        done = subprocess.run(command, capture_output=True, env=environment, timeout=DEADLINE_S, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode("ascii")

    keys = config.parent / "keys.jsonl"
    run("nodes", "add", "--name", "Åkergränd 3", "--with-keys", str(keys))
    assert "?kergr?nd 3" in run("nodes")
    assert json.loads(run("nodes", "--json"))[0]["name"] == "Åkergränd 3", "machines lose no letter"


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+46 8 1", "-x", "@x"])
async def test_a_spreadsheet_runs_nothing(name: str, config: Path) -> None:
    async with running(Bench(config.parent / "data" / "lyhord.db")) as bench:
        bench.add(name=name)
        await bench.heard(Node().report())
    out = await done("readings", "--node", "000a01", "--since", "2020-01-01", "--csv", config=config)
    row = out.splitlines()[1]
    assert f"'{name}" in row and f",{name}" not in row


def test_a_name_from_an_older_store_commands_no_terminal(config: Path) -> None:
    keys = config.parent / "keys.jsonl"
    command = [sys.executable, "-m", "lyhord_gateway", "nodes"]
    subprocess.run([*command, "add", "--config", config, "--with-keys", keys], check=True, timeout=DEADLINE_S)
    import sqlite3

    store = sqlite3.connect(config.parent / "data" / "lyhord.db")
    store.execute("UPDATE node SET name = ?", ("a\x1b[2J\x9bb",))
    store.commit()
    store.close()
    for words in ([], ["--json"], ["show", "000001"]):
        shown = subprocess.run(
            [*command, *words, "--config", config],
            capture_output=True,
            check=True,
            timeout=DEADLINE_S,
            text=True,
        ).stdout
        assert all(line.isprintable() for line in shown.splitlines())


def record(message: str, *args: object, name: str = "aiomqtt") -> logging.LogRecord:
    return logging.LogRecord(name, logging.WARNING, "", 0, message, args, None)


def test_a_flood_of_lines_becomes_a_few() -> None:
    flood = Flood()
    written = [one for number in range(1000) if flood.filter(one := record("no room for %d", number))]
    assert len(written) == 5
    ours = [one for _ in range(1000) if flood.filter(one := record("refused", name="lyhord_gateway.x"))]
    assert len(ours) == 50
    assert flood.filter(record("something else"))


def test_what_was_held_back_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("lyhord_gateway.support.log.time.monotonic", lambda: now)
    flood = Flood()
    for number in range(100):
        flood.filter(record("no room for %d", number))
    now = 11.0
    last = record("no room for %d", 100)
    assert flood.filter(last)
    assert last.getMessage() == "no room for 100 (95 more like this)"


def test_the_limits_memory_is_bounded() -> None:
    limit = LogRateLimit()
    for number in range(10_000):
        limit.admit(str(number), 0.0)
    assert len(limit._windows) <= 256 and not limit._held_back


def test_a_line_of_the_log_is_one_line_that_commands_nothing() -> None:
    said = record("a peer says %s", "x\x1b[2J\nforged: all is well\x9b")
    for shape in (TextLines("%(message)s"), JsonLines()):
        assert shape.format(said).isprintable()
