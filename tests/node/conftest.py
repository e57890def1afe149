"""Fixtures of the node's tests on a virtual board; and `const` for its pure modules on CPython."""

import sys
from types import ModuleType

import pytest

from lyhord_rig import World
from lyhord_rig.radio.ether import Ether
from lyhord_tools.image.build import build_image
from tests.fakes.lora_gateway import LoraGateway
from tests.node.bin_node import KEY, BinNode

if "micropython" not in sys.modules:
    names = ModuleType("micropython")
    names.const = lambda value: value
    sys.modules["micropython"] = names


@pytest.fixture(scope="session")
def node_image(tmp_path_factory):
    """The image that a technician would flash."""
    path = tmp_path_factory.mktemp("image") / "node.img"
    build_image("node", "devkit_rfm95", path)
    return path


@pytest.fixture
async def world():
    async with World(seed=5, pace=None) as made:
        yield made


@pytest.fixture
def ether(world):
    return Ether(world)


@pytest.fixture
def gateway(world, ether):
    return LoraGateway(world, ether, KEY)


@pytest.fixture
async def node(world, ether, gateway, node_image, tmp_path):
    """A bin node 40 m from a gateway; at the end it must not have crashed, nor misused its radio."""
    made = BinNode(world, node_image, tmp_path, ether)
    yield made
    print(made.printed())
    assert made.board.crash_reports == []
    assert "Traceback" not in made.printed()
    assert made.board.events.watchdog_resets == 0
    assert made.radio.violations == []
