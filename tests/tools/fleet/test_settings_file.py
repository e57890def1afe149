"""Settings taken from a board and given to another: a broken board's node goes on, with a new key."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lyhord_rig.bench.box import WholeBoard
from lyhord_rig.bench.micropython_file import micropython_file
from tests.tools.conftest import Ran, private

SETTINGS = {"empty_distance": "1234", "full_distance": "200", "latitude": "59.195", "wifi_ssid": "Kommun "}


def told(ran: Ran) -> dict[str, str]:
    assert ran.code == 0, ran.err
    return dict(line.split(": ", 1) for line in ran.out.splitlines() if ": " in line)


def test_a_broken_boards_node_goes_on_on_another(lyhord: Callable[..., Ran], tmp_path: Path) -> None:
    firmware = tmp_path / "micropython.bin"
    firmware.write_bytes(micropython_file())
    password = private(tmp_path / "password", "Gehe1mnis")
    fleet = tmp_path / "nodes.jsonl"
    pairs = [word for name, value in SETTINGS.items() for word in ("--set", f"{name}={value}")]
    with WholeBoard(tmp_path, "old") as old, WholeBoard(tmp_path, "new") as new:
        for board in (old, new):
            assert lyhord("flash", "--port", board.port, "--micropython", firmware).code == 0
        words = ("--fleet", fleet, "--id", "b1a", "--name", "Åkergränd 3", *pairs)
        secret = ("--set", f"wifi_password=@{password}")
        assert lyhord("provision", "--port", old.port, *words, *secret).code == 0
        saved = tmp_path / "settings.json"
        ran = lyhord("backup", "--port", old.port, saved)
        assert ran.code == 0 and "wifi_password" in ran.out
        taken = json.loads(saved.read_text())["settings"]
        assert taken == {**SETTINGS, "name": "Åkergränd 3", "profile": "bin", "broker_port": "1883"}
        assert "Gehe1mnis" not in saved.read_text()
        swap = ("swap", "b1a", "--backup", saved, "--fleet", fleet, "--port")
        assert "the board of node 000b1a itself" in lyhord(*swap, old.port).refused()
        ran = lyhord(*swap, new.port)
        assert ran.code == 0 and "node 000b1a (Åkergränd 3) is this board now" in ran.out, ran.err
        assert "wifi_password" in ran.out and "to-gateway --replace 000b1a" in ran.out
        status = told(lyhord("console", "--port", new.port, "-c", "status", "-c", "get"))
        assert (status["id"], status["shelf"], status["name"]) == ("000b1a", "yes", "Åkergränd 3")
        assert (status["empty_distance"], status["wifi_ssid"]) == ("1234 mm", '"Kommun "')
        lines = [json.loads(line) for line in fleet.read_text().splitlines()]
        keys = [line["key"] for line in lines if line.get("id") == "000b1a" and "key" in line]
        assert len(set(keys)) == len(keys) >= 1
        # The same settings again, and what is wrong in a file changes nothing.
        assert lyhord("restore", "--port", new.port, saved, *secret).code == 0
        bad = json.loads(saved.read_text())
        bad["settings"]["full_distance"] = "1300"
        (tmp_path / "bad.json").write_text(json.dumps(bad))
        said = lyhord("restore", "--port", new.port, tmp_path / "bad.json").refused()
        assert "full_distance: expected less than empty_distance" in said
        status = told(lyhord("console", "--port", new.port, "-c", "get"))
        assert (status["full_distance"], status["wifi_password"]) == ("200 mm", "(set)")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"form": 2}', '{"form": 1, "settings": 5}', "{" * 3000])
def test_another_file_is_one_line(text: str, lyhord: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(text)
    lyhord("restore", "--port", "/dev/none", tmp_path / "x.json").refused()
