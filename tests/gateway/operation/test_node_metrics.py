"""The nodes in a scrape with `[http] node_metrics`: when each was heard, its battery, signal and faults."""

import asyncio
from pathlib import Path

import pytest

from lyhord_gateway.operation import node_metrics
from lyhord_gateway.operation.node_metrics import NodeMetrics
from lyhord_gateway.store.schema import connect
from lyhord_wire.tables import FAULTS, STATUS_BATTERY, STATUS_FAULTS
from tests.gateway.bench import NOW_S, Bench
from tests.gateway.operation.test_operation import families
from tests.gateway.parts import DEADLINE_S, NODE, GatewayProcess, Node, free_port, get

OF_NODES = ("heard_timestamp_seconds", "battery_volts", "rssi_dbm", "faults")


def counted(bench: Bench) -> dict[str, dict[tuple[str, ...], float]]:
    connection = connect(bench.path)
    try:
        text = NodeMetrics(connection, detailed=True, now_s=lambda: NOW_S).count().decode()
    finally:
        connection.close()
    return {name.removeprefix("lyhord_node_"): samples for name, samples in families(text).items()}


async def test_what_is_known_of_each_node(bench: Bench) -> None:
    bench.add(NODE + 1, bytes(range(16, 32)))
    bench.add(NODE + 2, bytes(range(32, 48)))
    node, wired = Node(), Node(NODE + 1, bytes(range(16, 32)))
    faults = sum([*FAULTS][:2])
    status = {STATUS_BATTERY: 3712, STATUS_FAULTS: faults}
    await bench.heard(node.report(status=status), rssi=-97, heard_s=NOW_S)
    await bench.heard(node.report(), rssi=-101, heard_s=NOW_S + 60)  # its status stays the last one
    await bench.heard(wired.report(status={STATUS_FAULTS: 0}), heard_s=NOW_S + 120)
    found = counted(bench)
    assert found["heard_timestamp_seconds"] == {
        ("000a01",): NOW_S + 60,
        ("000a02",): NOW_S + 120,
        ("000a03",): 0,  # never heard: an alert on its silence sees it
    }
    assert found["battery_volts"] == {("000a01",): 3.712}
    assert found["rssi_dbm"] == {("000a01",): -101}
    assert found["faults"] == {("000a01",): 2, ("000a02",): 0}
    with_fault = found["lyhord_nodes_with_fault"]
    assert with_fault.keys() == {(fault.name,) for fault in FAULTS.values()}, "all are there from the start"
    assert {name for (name,), nodes in with_fault.items() if nodes} == {
        fault.name for bit, fault in FAULTS.items() if faults & bit
    }
    assert found["metrics_left_out"] == {(): 0}


async def test_there_are_so_many_nodes_at_most_and_the_sums_are_of_all(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bit = next(iter(FAULTS))
    for number in range(1, 6):
        key = bytes([number]) * 16
        bench.add(NODE + number, key)
        if number < 4:
            await bench.heard(Node(NODE + number, key).report(status={STATUS_FAULTS: bit}), rssi=-90)
    monkeypatch.setattr(node_metrics, "DETAILED_MAX", 2)
    found = counted(bench)
    assert all(len(found.get(name, ())) <= 2 for name in OF_NODES)
    assert found["lyhord_nodes_with_fault"][FAULTS[bit].name,] == 3
    assert found["metrics_left_out"] == {(): 4}  # six nodes, the bench's own among them


async def test_disabled_nodes_and_nodes_that_went_are_not_there(bench: Bench) -> None:
    node = Node()
    await bench.heard(node.report(status={STATUS_BATTERY: 3600}), rssi=-90)
    connection = connect(bench.path)
    connection.execute("UPDATE node SET enabled = 0")
    connection.close()
    found = counted(bench)
    assert not [name for name in OF_NODES if found.get(name)]


async def test_they_are_in_the_scrape_by_option_only(tmp_path: Path) -> None:
    texts = []
    for option in ("", "node_metrics = true\n"):
        folder = tmp_path / str(len(texts))
        folder.mkdir()
        port = free_port()
        gateway = GatewayProcess(folder, None, f"[http]\nport = {port}\n{option}")
        await gateway.add(Node())
        async with gateway, asyncio.timeout(DEADLINE_S):
            text = ""
            while "lyhord_node_missing_samples" not in text:
                text = (await asyncio.to_thread(get, port, "/metrics"))[1]
        texts.append(text)
    assert "lyhord_node_heard_timestamp_seconds" not in texts[0]
    assert families(texts[1])["lyhord_node_heard_timestamp_seconds"] == {("000a01",): 0}
