"""The node's console, on a real board or on a virtual one that boots the flashed bytes."""

import re
import secrets

import pytest
from conftest import BOARD, Node, Refused

from lyhord_tools.image.build import ImageReport
from lyhord_wire import tables


def test_version_is_the_flashed_one(node: Node, image: ImageReport) -> None:
    told = node.fields("version")
    assert told["version"] == image.version
    assert told["board"] == BOARD
    assert re.fullmatch(r"1\.\d+\.\d+", told["micropython"])


def test_help_names_every_command_that_is_used_here(node: Node) -> None:
    named = {line.split()[0] for line in node.command("help")}
    assert {"help", "status", "measure", "get", "set", "save", "send", "version", "provision"} <= named


def test_status_tells_how_the_node_is(node: Node) -> None:
    status = node.fields("status")
    for key in ("next_sample", "stored", "kept", "dropped", "uptime_s", "heap_free"):
        assert int(status[key]) >= 0, key
    assert int(status["kept"]) <= int(status["next_sample"])
    assert int(status["heap_free"]) > 20_000


def test_a_measurement_is_plausible_and_keeps_nothing(node: Node) -> None:
    before = node.fields("status")["next_sample"]
    values = node.fields("measure")
    assert values["faults"] == "none"
    intervals = {"distance": (20, 5000), "temperature": (-300, 600), "battery": (2500, 6000)}
    for name, (low, high) in intervals.items():
        assert low <= int(values[name]) <= high, name
    assert node.fields("status")["next_sample"] == before


def test_a_setting_lasts_when_it_was_saved(node: Node) -> None:
    setting = tables.SETTINGS[tables.SAMPLE_PERIOD]
    node.command("set sample_period 77")
    assert node.fields("get sample_period")["sample_period"] == "77 s (not saved)"
    node.enter()
    assert node.fields("get sample_period")["sample_period"] != "77 s"
    node.command("set sample_period 77")
    node.command("save")
    node.enter()
    assert node.fields("get sample_period")["sample_period"] == "77 s"
    node.command(f"set sample_period {setting.default}")
    node.command("save")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("set sample_period 9", r"sample_period: expected 10\.\.\.86400 s"),
        ("set sample_period soon", "sample_period: expected"),
        ("set nothing 1", "no such setting"),
        ("provision 0 00 0", "id: expected"),
        ("provision 1 00 0", "key: expected 32 hex digits"),
        ("jump", "no command jump"),
    ],
)
def test_what_cannot_be_done_is_one_line(line: str, says: str, node: Node) -> None:
    with pytest.raises(Refused, match=says):
        node.command(line)
    assert node.command("version")


def test_an_identity_lasts_and_the_key_does_not_come_out(node: Node) -> None:
    key = secrets.token_hex(16)
    node.command(f"provision 00c0de {key} 3")
    assert key not in node.said, "the console echoes the key"
    node.enter()
    assert node.fields("status")["id"] == "00c0de"
    assert node.fields("status")["generation"] == "3"
    shown = node.command("status") + node.command("get") + node.command("help")
    assert not any(key in line for line in shown)
