"""The self-test of boards: good ones pass, and whatever is broken is named with its remedy."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lyhord_rig.bench.box import WholeBoard
from lyhord_rig.bench.micropython_file import micropython_file
from lyhord_tools.device.limits import _ALL, limit
from lyhord_tools.device.selftest import _GIVES
from lyhord_tools.papers.record import Step, Verdict, read
from lyhord_wire.tables import QUANTITIES
from tests.tools.conftest import Ran
from tests.tools.peer import Peer


@pytest.fixture
def flashed(lyhord: Callable[..., Ran], tmp_path: Path) -> Iterator[Callable[..., WholeBoard]]:
    """A board out of the box with the node's firmware; options: of `whole_board`."""
    firmware = tmp_path / "micropython.bin"
    firmware.write_bytes(micropython_file())
    boards = []

    def make(*options: str) -> WholeBoard:
        board = WholeBoard(tmp_path, f"board{len(boards)}", *options)
        boards.append(board)
        board.plug()
        assert lyhord("flash", "--port", board.port, "--micropython", firmware).code == 0
        return board

    yield make
    for board in boards:
        board.pull()


SENSORS = "ranger=hcsr04 supply=battery thermometer=ds18b20"


def steps(ran: Ran) -> dict[str, dict[str, object]]:
    told = json.loads(ran.out)
    read(told)
    return {step["name"]: step for step in told["steps"]}


def test_a_good_board_passes_each_step_within_its_limits(
    lyhord: Callable[..., Ran], flashed: Callable[..., WholeBoard], tmp_path: Path
) -> None:
    board = flashed()
    ran = lyhord("selftest", "--port", board.port, "--json", "--out", tmp_path / "record.json")
    assert ran.code == 0, ran.err
    assert json.loads((tmp_path / "record.json").read_text()) == json.loads(ran.out)
    found = steps(ran)
    passed = {name for name, step in found.items() if step["verdict"] == "pass"}
    assert passed == {
        "program",
        "heap_free",
        "flash_free",
        "distance",
        "temperature",
        "battery",
        "faults",
        "clock",
    }
    free = found["flash_free"]["value"]
    assert isinstance(free, int) and 1_000_000 < free < 0x200000, "of 2 MiB, which hold the image"
    assert {found[name]["verdict"] for name in ("radio", "link")} == {"skip"}
    fleet = tmp_path / "nodes.jsonl"
    assert lyhord("provision", "--port", board.port, "--fleet", fleet, "--name", "Åkergränd 3").code == 0
    # Nobody answers here; that the chip has sent is what can be seen without a gateway.
    ran = lyhord("selftest", "--port", board.port)
    assert ran.code == 2 and "the self-test has failed: link" in ran.err and "nodes unknown" in ran.out
    assert max(map(len, ran.out.splitlines())) <= 80
    degrees = int(str(found["temperature"]["value"])) / 10
    line = next(line for line in ran.out.splitlines() if line.startswith("temperature"))
    assert line.split()[3:] == ["Cel", "-10.0", "to", "50.0"], line
    assert abs(float(line.split()[2]) - degrees) < 2, line
    ran = lyhord("selftest", "--port", board.port, "--no-link", "--json")
    assert ran.code == 0 and steps(ran)["radio"]["verdict"] == "pass"
    assert json.loads(ran.out)["device"]["name"] == "Åkergränd 3"


@pytest.mark.parametrize(
    ("option", "failed"),
    [("--no-ranger", {"distance", "faults"}), ("--no-thermometer", {"temperature", "faults"})],
)
def test_a_dead_sensor_fails_with_its_remedy(
    option: str, failed: set[str], lyhord: Callable[..., Ran], flashed: Callable[..., WholeBoard]
) -> None:
    board = flashed(option)
    ran = lyhord("selftest", "--port", board.port, "--json")
    assert ran.code == 2 and ran.err.count("\n") == 1
    found = steps(ran)
    assert {name for name, step in found.items() if step["verdict"] == "fail"} == failed
    (sensor,) = failed - {"faults"}
    assert found[sensor]["value"] is None and "nothing measured" in str(found[sensor]["detail"])
    assert found[sensor]["remedy"]


def test_a_radio_that_does_not_answer_fails_and_leaves_the_link_unjudged(
    lyhord: Callable[..., Ran], flashed: Callable[..., WholeBoard], tmp_path: Path
) -> None:
    board = flashed("--no-radio")
    assert lyhord("provision", "--port", board.port, "--fleet", tmp_path / "nodes.jsonl").code == 0
    ran = lyhord("selftest", "--port", board.port, "--json")
    assert ran.code == 2
    found = steps(ran)
    assert found["radio"]["verdict"] == "fail" and "radio" in str(found["radio"]["detail"])
    assert found["link"]["verdict"] == "skip"


@pytest.mark.parametrize(
    ("value", "measured"), [(143, "14.3 Cel"), (-5, "-0.5 Cel"), (0, "0.0 Cel"), (None, ""), ("x", "x Cel")]
)
def test_tenths_are_shown_as_people_write_them(value: int | str | None, measured: str) -> None:
    step = Step("temperature", Verdict.passed, value, "0.1 Cel", -100, None)
    assert (step.measured(), step.limits()) == (measured, "at least -10.0")
    assert Step("battery", Verdict.passed, 3300, "mV", high=4400).measured() == "3300 mV"


@pytest.mark.parametrize(
    ("told", "verdict"),
    [
        ({}, "skip"),
        ({"flash_free": "399999"}, "fail"),
        ({"flash_free": "400000"}, "pass"),
        ({"flash_free": ""}, "fail"),
    ],
)
def test_a_flash_that_is_full_fails_and_older_firmware_is_not_judged(
    told: dict[str, str], verdict: str, lyhord: Callable[..., Ran]
) -> None:
    with Peer(modern=True) as peer:
        peer.status = {"sensors": "none", "heap_free": "30000", "time": "1"} | told
        peer.measured = {"faults": "none"}
        ran = lyhord("selftest", "--port", peer.path, "--json")
    found = steps(ran)["flash_free"]
    assert found["verdict"] == verdict and bool(found["remedy"]) == (verdict == "fail")
    assert ran.code == (2 if verdict == "fail" else 0)


@pytest.mark.parametrize("told", ["none", "", "5x", "-", "1e3", "99999999999999999999", "٣"])
def test_a_number_that_is_none_fails_and_is_no_number(told: str, lyhord: Callable[..., Ran]) -> None:
    with Peer(modern=True) as peer:
        peer.status = {"sensors": SENSORS, "heap_free": "30000", "time": "1"}
        peer.measured = {"distance": told, "temperature": "850", "battery": "3300", "faults": "none"}
        ran = lyhord("selftest", "--port", peer.path, "--json")
    assert ran.code == 2
    found = steps(ran)
    assert (found["distance"]["verdict"], found["distance"]["value"]) == ("fail", None)
    assert (found["temperature"]["verdict"], found["battery"]["verdict"]) == ("fail", "pass")


def test_the_table_knows_every_quantity_that_it_is_asked_for() -> None:
    names = {name for quantities in _GIVES.values() for name in quantities or ()} | {"humidity"}
    assert names <= set(_ALL) and names <= {quantity.name for quantity in QUANTITIES.values()}
    for name in _ALL:
        bounds = limit("any", name)
        assert bounds is not None and bounds.remedy
        if bounds.low is not None:
            assert bounds.holds(bounds.low) and not bounds.holds(bounds.low - 1)
        if bounds.high is not None:
            assert bounds.holds(bounds.high) and not bounds.holds(bounds.high + 1)
    assert limit("any", "nothing") is None
    assert {str(verdict) for verdict in Verdict} == {"pass", "fail", "skip"}
