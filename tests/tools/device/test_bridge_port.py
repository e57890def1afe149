"""The port of a gateway's bridge, offered as a node by mistake, is refused with the gateway's name."""

import os
import re
import tty
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.gateway.parts import GatewayProcess, until
from tests.tools.conftest import Ran


@pytest.fixture
async def bridge(tmp_path: Path) -> AsyncIterator[tuple[str, GatewayProcess, int]]:
    """A running gateway that has a bridge's port open; the port, the gateway, the bridge's own end."""
    master, slave = os.openpty()
    tty.setraw(slave)
    port = os.ttyname(slave)
    folder = tmp_path / "gateway"
    folder.mkdir()
    gateway = GatewayProcess(folder, None, f'[[bridge]]\nurl = "{port}"\nname = "roof"\n')
    await gateway.start()
    yield port, gateway, master
    await gateway.kill()
    os.close(slave)
    os.close(master)


@pytest.mark.parametrize("command", ["provision", "console", "selftest", "monitor"])
async def test_a_bridges_port_is_refused_with_the_gateways_name(
    command: str, bridge: tuple[str, GatewayProcess, int], lyhord: Callable[..., Ran], tmp_path: Path
) -> None:
    port, gateway, _ = bridge
    assert gateway.process is not None
    pid = gateway.process.pid
    handles = Path(f"/proc/{pid}/fd")
    await until(lambda: any(os.path.realpath(one) == port for one in handles.iterdir()), "it has its port")
    words = {"provision": ("--fleet", tmp_path / "nodes.jsonl"), "console": ("-c", "status")}
    given = (command, port) if command == "monitor" else (command, "--port", port, *words.get(command, ()))
    said = lyhord(*given).refused()
    assert re.search(rf"another program has it: lyhord-gateway \(pid {pid}\); stop that first", said), said
