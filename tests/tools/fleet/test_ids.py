"""Ids for new nodes: none twice, whoever has deleted what."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lyhord_tools.device.console import NodeConsole
from lyhord_tools.errors import ToolError
from lyhord_tools.fleet.entries import Block, Entry, State
from lyhord_tools.fleet.fleet_file import Fleet, open_fleet, read_fleet
from lyhord_tools.fleet.gateway import Gateway
from lyhord_tools.fleet.ids import free_id, left, reserve
from lyhord_tools.fleet.keys import new_key
from lyhord_tools.fleet.provision import Identity, provision
from lyhord_wire.frame import NODE_MAX
from lyhord_wire.ids import BLOCK, LAPTOP_BLOCKS, LAPTOP_FIRST
from tests.tools.conftest import Ran, at_gateway
from tests.tools.peer import Peer


def take(fleet: Fleet, gateway: Gateway | None = None) -> int:
    node = free_id(fleet, gateway)
    fleet.append(Entry(node, new_key(), 0, "", "bin", "", None))
    return node


def test_a_block_is_drawn_once_and_another_when_it_is_used_up(tmp_path: Path) -> None:
    with open_fleet(tmp_path / "n") as fleet:
        first = free_id(fleet)
        assert first == free_id(fleet), "asking uses nothing up"
        (block,) = fleet.blocks
        assert (first, block.count) == (block.first, BLOCK)
        assert first >= LAPTOP_FIRST and first + BLOCK - 1 <= NODE_MAX and first % BLOCK == 0
        fleet.append(Entry(block.ids[-1], new_key(), 0, "", "bin", "", None))
        assert left(fleet, block) == 0
        assert free_id(fleet) not in block.ids
    assert len(read_fleet(tmp_path / "n").blocks) == 2


def test_draws_reach_all_blocks_and_never_one_that_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered: list[list[int]] = []

    def choose(free: list[int]) -> int:
        offered.append(free)
        return free[-1]

    monkeypatch.setattr("lyhord_tools.fleet.ids.secrets.choice", choose)
    with open_fleet(tmp_path / "n") as fleet:
        fleet.append(Entry(LAPTOP_FIRST + 5, new_key(), 0, "", "bin", "", None))
        assert free_id(fleet) == NODE_MAX + 1 - BLOCK
    assert offered == [list(range(1, LAPTOP_BLOCKS))]


def test_nodes_of_an_older_file_do_not_lead_to_their_neighbours(tmp_path: Path) -> None:
    """Ids counted up from 000001 were what two laptops gave twice."""
    path = tmp_path / "n"
    path.write_text('{"id":"000007","key":"' + "11" * 16 + '"}\n')
    with open_fleet(path) as fleet:
        assert free_id(fleet) >= LAPTOP_FIRST


def test_a_laptop_uses_what_a_gateway_gave_it_first(tmp_path: Path) -> None:
    with open_fleet(tmp_path / "n") as fleet:
        fleet.add_block(Block(LAPTOP_FIRST, BLOCK, None))
        fleet.add_block(Block(0x33, 2, None, "/etc/lyhord/gateway.toml"))
        assert [take(fleet) for _ in range(3)] == [0x33, 0x34, LAPTOP_FIRST]


def test_a_gateway_gives_ids_one_after_the_other_and_none_that_the_file_has(
    tmp_path: Path, real: Path
) -> None:
    gateway = Gateway(real)
    with open_fleet(tmp_path / "n") as fleet:
        for node in (3, 4, 5):
            fleet.append(Entry(node, new_key(), 0, "", "bin", "", None))
        assert free_id(fleet, gateway) == 6
        assert [take(fleet, gateway) for _ in range(3)] == [6, 7, 8]
        (block,) = fleet.blocks
        assert block.first == 3 and block.ids[-1] >= 8, "neighbours are one line"
    with open_fleet(tmp_path / "another laptop") as fleet:
        assert free_id(fleet, gateway) > block.ids[-1]


def test_a_reserved_block_is_for_work_without_the_gateway(
    tmp_path: Path, real: Path, lyhord: Callable[..., Ran]
) -> None:
    fleet = tmp_path / "fleet.jsonl"
    ran = lyhord("fleet", "reserve", "--gateway", real, "--count", 20)
    assert ran.code == 0 and f"{fleet}: 000003 to 000016 are this laptop's" in ran.out
    with Peer() as peer:
        assert lyhord("provision", "--port", peer.path).code == 0
        assert peer.identity is not None and peer.identity[0] == "000003"
    told = json.loads(lyhord("fleet", "list", "--json").out)
    assert [(one["first"], one["last"], one["left"]) for one in told["blocks"]] == [("000003", "000016", 19)]
    assert at_gateway(real, "nodes", "next-id") == "000017\n"


def test_a_second_laptop_and_a_deleted_file_give_no_id_twice(
    tmp_path: Path, real: Path, lyhord: Callable[..., Ran]
) -> None:
    """With a gateway and without: every id and every key once, and the gateway's keys as they were."""
    ids: list[str] = []
    keys: set[str] = set()
    for turn in range(2):
        for laptop in ("one", "two"):
            fleet = tmp_path / laptop
            for more in (("--gateway", real), ()):
                with Peer(mac=f"7c9ebd{len(ids):06x}") as peer:
                    ran = lyhord("provision", "--fleet", fleet, *more, "--port", peer.path)
                    assert ran.code == 0, ran.err
                    assert peer.identity is not None
                    ids.append(peer.identity[0])
                    keys.add(peer.identity[1])
            if turn == 0:
                fleet.unlink()
    assert len(set(ids)) == len(keys) == 8
    with_gateway = ids[::2]
    assert with_gateway == ["000003", "000004", "000005", "000006"]
    for laptop in ("one", "two"):
        ran = lyhord("fleet", "to-gateway", "--fleet", tmp_path / laptop, "--gateway", real)
        assert ran.code == 0 and "1 nodes entered, 1 were known" in ran.out, ran


def test_a_gateway_that_answers_nonsense_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = ["{}", "nonsense", '{"first":"zz","last":"1"}', '{"first":"000009","last":"000001"}']
    said += ['{"first":"900000","last":"900000"}', '{"first":"000001","last":"000002"}']
    program = tmp_path / "lyhord-gateway"
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    for answer in said:
        program.write_text(f"#!/bin/sh\necho '{answer}'\n")
        program.chmod(0o755)
        with open_fleet(tmp_path / "n") as fleet, pytest.raises(ToolError, match="the gateway names"):
            reserve(fleet, Gateway(tmp_path / "g.toml"), 1)
    assert read_fleet(tmp_path / "n").blocks == []


def test_boards_that_are_provisioned_side_by_side_share_nothing(tmp_path: Path, real: Path) -> None:
    fleet = tmp_path / "n"

    def one(number: int) -> str:
        with Peer(mac=f"7c9ebd{number:06x}", modern=True) as peer, NodeConsole(peer.path) as console:
            console.enter()
            gateway = Gateway(real) if number % 2 else None
            provision(console, Identity(None, name=f"Bin {number}"), fleet, gateway=gateway)
            assert peer.identity is not None
            return peer.identity[0]

    with ThreadPoolExecutor(6) as pool:
        ids = [*pool.map(one, range(6))]
    found = read_fleet(fleet).entries
    assert sorted(f"{entry.id:06x}" for entry in found) == sorted(ids)
    assert {entry.state for entry in found} == {State.provisioned}
    assert len({entry.key for entry in found}) == len({entry.id for entry in found}) == 6
