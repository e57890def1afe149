"""Ids that the gateway gives: each once, also to two who ask at the same time, and none of the laptops'."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from lyhord_gateway.fleet import ids
from lyhord_gateway.store.schema import open_store
from lyhord_gateway.support.errors import UserError
from lyhord_rig.deadline import DEADLINE_S
from lyhord_rig.tied import tied
from lyhord_wire.frame import NODE_MAX
from lyhord_wire.ids import BLOCK, GATEWAY_LAST, LAPTOP_BLOCKS, LAPTOP_FIRST
from tests.gateway.parts import KEY, cli


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.toml"
    path.write_text('[gateway]\nnumber = 1\ndata_dir = "data"\n')
    return path


async def nodes(config: Path, *words: str, given: str = "") -> str:
    code, out, err = await cli("nodes", *words, "--config", str(config), stdin=given)
    assert code == 0, err
    return out


def line(node: int, **more: object) -> str:
    return json.dumps({"id": f"{node:06x}", "key": KEY.hex(), **more}) + "\n"


def test_the_two_ranges_are_all_ids_and_blocks_fit() -> None:
    assert GATEWAY_LAST + 1 == LAPTOP_FIRST == 0x800000
    assert LAPTOP_FIRST + LAPTOP_BLOCKS * BLOCK - 1 == NODE_MAX


async def test_a_block_is_given_once_and_nobody_else_gets_its_ids(config: Path, tmp_path: Path) -> None:
    first = json.loads(await nodes(config, "reserve", "--count", "50", "--json"))
    assert first == {"first": "000001", "last": "000032", "count": 50}
    assert await nodes(config, "reserve") == "000033 to 000033\n"
    assert await nodes(config, "next-id") == "000034\n"
    added = await nodes(config, "add", "--with-keys", str(tmp_path / "keys"))
    assert added.startswith("node 000034 added")
    # One of the block comes: what was given goes on where it was.
    await nodes(config, "import", "-", given=line(2))
    assert await nodes(config, "reserve", "--count", "2") == "000035 to 000036\n"


async def test_a_drawn_id_moves_nothing(config: Path) -> None:
    await nodes(config, "import", "-", given=line(0x8A3F07, mac="7c9ebd0a1b2c"))
    await nodes(config, "remove", "8a3f07")
    assert await nodes(config, "next-id") == "000001\n"


async def test_the_end_of_the_range_is_one_line(config: Path) -> None:
    await nodes(config, "import", "-", given=line(GATEWAY_LAST - 2))
    code, _, err = await cli("nodes", "reserve", "--count", "3", "--config", str(config))
    assert code == 2 and "--count 3: expected up to 2, ids end at 7fffff" in err
    assert await nodes(config, "reserve", "--count", "2") == "7ffffe to 7fffff\n"
    code, _, err = await cli("nodes", "next-id", "--config", str(config))
    assert code == 2 and err.count("\n") == 1 and "expected --id" in err
    for count in ("0", "100000"):
        code, _, err = await cli("nodes", "reserve", "--count", count, "--config", str(config))
        assert code == 2 and "--count" in err


async def test_those_who_ask_at_the_same_time_get_different_ids(config: Path) -> None:
    async def ask() -> list[int]:
        words = ("nodes", "reserve", "--count", "5", "--json", "--config", str(config))
        child = await asyncio.create_subprocess_exec(
            *tied(sys.executable, "-m", "lyhord_gateway", *words), stdout=asyncio.subprocess.PIPE
        )
        out, _ = await asyncio.wait_for(child.communicate(), DEADLINE_S)
        found = json.loads(out)
        return [*range(int(found["first"], 16), int(found["last"], 16) + 1)]

    await nodes(config, "next-id")  # the store is there
    given = [node for ids in await asyncio.gather(*(ask() for _ in range(4))) for node in ids]
    assert sorted(given) == list(range(1, 21))


async def test_a_mac_is_taken_and_a_state_is_not(config: Path) -> None:
    await nodes(config, "import", "-", given=line(7, mac="7c9ebd0a1b2c"))
    assert "mac" not in json.loads(await nodes(config, "export"))
    for more in ({"mac": "7C:9E:BD"}, {"state": "provisioned"}):
        code, _, err = await cli("nodes", "import", "-", "--config", str(config), stdin=line(8, **more))
        assert code == 2 and next(iter(more)) in err


def test_a_reservation_that_does_not_reach_the_disk_is_none(tmp_path: Path) -> None:
    connection = open_store(tmp_path / "lyhord.db")
    connection.execute("CREATE TRIGGER full BEFORE INSERT ON kept BEGIN SELECT raise(ABORT, 'full'); END")
    with pytest.raises(Exception, match="full"):
        ids.reserve(connection, 9)
    connection.execute("DROP TRIGGER full")
    assert ids.reserve(connection, 1) == range(1, 2)
    with pytest.raises(UserError):
        ids.reserve(connection, GATEWAY_LAST)
    connection.close()
