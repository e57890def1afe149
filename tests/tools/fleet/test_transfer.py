"""Nodes into the fleet file, out of it, and into a gateway: no key is replaced unless the id is named."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lyhord_tools.fleet.entries import State
from lyhord_tools.fleet.fleet_file import open_fleet, read_fleet
from tests.tools.conftest import Ran, at_gateway, private
from tests.tools.peer import Peer

Lyhord = Callable[..., Ran]


def line(node: int, key: str = "", **more: object) -> str:
    told = {"id": f"{node:06x}", "generation": 0, "name": f"Place {node}", "profile": "bin"} | more
    return json.dumps(told | ({"key": key * 16} if key else {})) + "\n"


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """The fleet file of these tests' `lyhord`: three nodes, one of them without its key."""
    text = line(0x800001, "a1", mac="7c9ebd0a1b2c") + line(0x800002, "a2") + line(0x800003)
    return private(tmp_path / "fleet.jsonl", text)


def keys_at(config: Path, tmp_path: Path) -> dict[tuple[str, int], str]:
    file = tmp_path / "keys of the gateway"
    file.unlink(missing_ok=True)
    at_gateway(config, "nodes", "export", "--with-keys", str(file))
    lines = [json.loads(text) for text in file.read_text().splitlines()]
    return {(one["id"], one.get("generation", 0)): one["key"] for one in lines if "key" in one}


def test_to_gateway_twice_is_as_once_and_names_who_is_refused(
    fleet: Path, real: Path, tmp_path: Path, lyhord: Lyhord
) -> None:
    with open_fleet(fleet) as opened:
        (one,) = opened.in_force(0x800002)
        opened.swap(one, None)
    with fleet.open("a") as file:
        file.write(line(2, "bb") + line(0x800004, "a4", state="pending") + line(9, "a9", state="replaced"))
    for entered, known in ((1, 0), (0, 1)):
        ran = lyhord("fleet", "to-gateway", "--gateway", real)
        assert ran.code == 2
        said = ran.out.splitlines()
        assert said[0].startswith(f"{entered} nodes entered, {known} were known")
        assert said[1].startswith("node 000002 is not entered: ") and "another key of generation 0" in said[1]
        assert said[2].startswith("node 800003 is not entered: its key is not in the fleet file")
        assert len(said) == 3 and "2 nodes are not entered" in ran.err
    assert keys_at(real, tmp_path) == {
        ("000001", 0): "11" * 16,
        ("000002", 0): "22" * 16,
        ("800001", 0): "a1" * 16,
    }
    ran = lyhord("fleet", "to-gateway", "--gateway", real, "--replace", "2")
    assert "1 nodes entered, 1 were known" in ran.out
    assert keys_at(real, tmp_path)["000002", 0] == "bb" * 16


def test_a_key_that_the_gateway_has_changed_since_is_newer(
    fleet: Path, real: Path, tmp_path: Path, lyhord: Lyhord
) -> None:
    fleet.write_text(line(0x800001, "a1"))
    assert lyhord("fleet", "to-gateway", "--gateway", real).code == 0
    at_gateway(real, "nodes", "rotate", "800001", "--with-keys", str(tmp_path / "new"))
    ran = lyhord("fleet", "to-gateway", "--gateway", real)
    assert ran.code == 0 and "0 nodes entered, 1 were known" in ran.out
    # And the next key, given over the cable, goes on from there.
    new = json.loads((tmp_path / "new").read_text())
    assert lyhord("fleet", "import", private(tmp_path / "its", json.dumps(new))).code == 0
    assert lyhord("fleet", "to-gateway", "--gateway", real).code == 0
    assert keys_at(real, tmp_path)["800001", 1] == new["key"]


def test_a_gateway_that_is_none_is_one_line(fleet: Path, tmp_path: Path, lyhord: Lyhord) -> None:
    assert "none.toml" in lyhord("fleet", "to-gateway", "--gateway", tmp_path / "none.toml").refused()


def test_another_key_of_an_id_is_not_imported(fleet: Path, tmp_path: Path, lyhord: Lyhord) -> None:
    before = fleet.read_bytes()
    other = private(tmp_path / "other", line(0x800009, "b9") + line(0x800001, "b1"))
    said = lyhord("fleet", "import", other).refused()
    assert "node 800001: " in said and "another key of generation 0; --replace 800001" in said
    other.write_text(line(0x80000A, "a2"))
    assert "node 800002 has this key already" in lyhord("fleet", "import", other).refused()
    other.write_text(line(0x80000A, "aa") + "{}\n")
    assert "line 2: not a node's entry" in lyhord("fleet", "import", other).refused()
    assert fleet.read_bytes() == before, "all or none"
    other.write_text(line(0x800001, "b1"))
    assert lyhord("fleet", "import", other, "--replace", "800001").code == 0
    (found,) = read_fleet(fleet).in_force(0x800001)
    assert found.key is not None and found.key.value.hex() == "b1" * 16


def test_what_another_laptop_has_done_is_taken_and_its_blocks_are_not(
    fleet: Path, tmp_path: Path, lyhord: Lyhord
) -> None:
    other = tmp_path / "laptop two"
    with Peer(mac="7c9ebd0a1b2d", modern=True) as peer:
        assert lyhord("provision", "--fleet", other, "--name", "Torget 1", "--port", peer.path).code == 0
        assert peer.identity is not None
    with other.open("a") as file:
        file.write(line(0x80000B, "bb", state="pending"))
    for new in (1, 0):
        assert f"{new} of 1 lines are new" in lyhord("fleet", "import", other).out
    found = read_fleet(fleet)
    assert found.blocks == [] and len(found.entries) == 4
    (taken,) = found.in_force(int(peer.identity[0], 16))
    assert (taken.mac, taken.name, taken.state) == ("7c9ebd0a1b2d", "Torget 1", State.provisioned)


def test_an_export_has_keys_only_if_it_is_told_to(
    fleet: Path, real: Path, tmp_path: Path, lyhord: Lyhord
) -> None:
    plain, keyed = tmp_path / "plain", tmp_path / "keyed"
    shown = lyhord("fleet", "export", "-")
    assert lyhord("fleet", "export", plain).code == 0
    assert plain.read_text() == shown.out and "key" not in shown.out
    assert [json.loads(one)["id"] for one in shown.out.splitlines()] == ["800001", "800002", "800003"]
    ran = lyhord("fleet", "export", keyed, "--keys")
    assert ran.code == 0 and "a1" * 16 not in ran.out
    assert keyed.stat().st_mode & 0o777 == 0o600
    at_gateway(real, "nodes", "import", str(keyed))
    assert keys_at(real, tmp_path)["800002", 0] == "a2" * 16
    assert "a file that is not there yet" in lyhord("fleet", "export", keyed, "--keys").refused()
    assert "keys are not printed" in lyhord("fleet", "export", "-", "--keys").refused()
    copy = tmp_path / "copy"
    assert lyhord("fleet", "import", keyed, "--fleet", copy).code == 0
    assert lyhord("fleet", "export", "-", "--fleet", copy).out == shown.out
