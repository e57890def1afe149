"""Provisioning beside a real gateway: it decides which ids and keys are taken."""

import json
from collections.abc import Callable
from pathlib import Path

from lyhord_tools.fleet.fleet_file import read_fleet
from tests.tools.conftest import Ran, at_gateway
from tests.tools.peer import Peer


def test_a_registry_that_was_deleted_costs_no_node_its_key(
    lyhord: Callable[..., Ran], tmp_path: Path, real: Path
) -> None:
    keys = tmp_path / "before.jsonl"
    at_gateway(real, "nodes", "export", "--with-keys", str(keys))
    registry = tmp_path / "nodes.jsonl"
    with Peer() as peer:
        words = ("provision", "--registry", registry, "--gateway", real)
        assert "another key of generation 0" in lyhord(*words, "--id", "1", "--port", peer.path).refused()
        assert peer.identity is None and read_fleet(registry).entries == []
        ran = lyhord(*words, "--port", peer.path)
        assert ran.code == 0, ran.err
        assert peer.identity is not None and peer.identity[0] == "000003"
    after = tmp_path / "after.jsonl"
    at_gateway(real, "nodes", "export", "--with-keys", str(after))
    assert after.read_text().startswith(keys.read_text())


def test_an_id_goes_to_another_device_only_by_name(
    lyhord: Callable[..., Ran], tmp_path: Path, real: Path
) -> None:
    words = ("provision", "--registry", tmp_path / "n", "--gateway", real, "--new-device")
    with Peer() as peer:
        assert "expected --id" in lyhord(*words, "--port", peer.path).refused()
        ran = lyhord(*words, "--id", "1", "--port", peer.path)
        assert ran.code == 0, ran.err
        assert peer.identity is not None
        keys = tmp_path / "keys.jsonl"
        at_gateway(real, "nodes", "export", "--with-keys", str(keys))
        assert json.loads(keys.read_text().splitlines()[0])["key"] == peer.identity[1]


def test_the_real_gateway_takes_what_was_provisioned(lyhord: Callable[..., Ran], tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text(f'[gateway]\nnumber = 1\nname = "g"\ndata_dir = "{tmp_path / "data"}"\n')
    registry = tmp_path / "nodes.jsonl"
    words = ("provision", "--id", "b1a", "--name", "Åkergränd", "--registry", registry, "--gateway", config)
    with Peer() as peer:
        ran = lyhord(*words, "--port", peer.path)
    assert ran.code == 0, ran.err
    listed = at_gateway(config, "nodes", "--json")
    assert "000b1a" in listed and "Åkergränd" in listed
