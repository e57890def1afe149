"""The registry's list out of a large store: the whole command, from its start to the last line."""

import json
import os
import resource
import sqlite3
import statistics
import subprocess
import time
from pathlib import Path

from tests.gateway.parts import PROGRAM

SAMPLES = 40  # of each node
_SHAPES: tuple[tuple[str, ...], ...] = ((), ("--json",), ("--csv",))


def fill(folder: Path, nodes: int) -> Path:
    """A store with so many nodes, all heard, and SAMPLES readings of each. Returns its configuration."""
    folder.mkdir(exist_ok=True)
    config = folder / "gateway.toml"
    config.write_text('[gateway]\nnumber = 1\ndata_dir = "data"\n')
    lines = "".join(
        json.dumps({"id": f"{number:06x}", "key": os.urandom(16).hex(), "name": f"Storgatan {number}"}) + "\n"
        for number in range(1, nodes + 1)
    )
    run = [*PROGRAM, "nodes", "import", "-", "--config", str(config)]
    subprocess.run(run, input=lines, text=True, check=True, capture_output=True, timeout=90)
    store = sqlite3.connect(folder / "data" / "lyhord.db")
    store.execute(
        "INSERT INTO session (node, received, given_up, expected, downlink, top0, mask0, latest0, top1, "
        "mask1, latest1, heard_s, source, rssi_dbm, snr_q4, status, alarms) "
        "SELECT id, '[[0,500],[510,900]]', '[]', 900, "
        "5, 9, zeroblob(8), zeroblob(8), -1, zeroblob(8), x'', 1767300000, 'roof', -90, 4, "
        "'{\"3\":3800}', '[1]' FROM node"
    )
    store.execute(
        "WITH RECURSIVE n (seq) AS (SELECT 0 UNION ALL SELECT seq + 1 FROM n WHERE seq < ?) "
        'INSERT INTO sample (node, seq, time_s, heard_s, "values", alarms, rssi_dbm, snr_q4, source, '
        "backlog) "
        "SELECT node.id, seq, 1767300000 + seq, 1767300000 + seq, '{\"1\":63}', '[]', -90, 4, 'roof', 0 "
        "FROM n, node",
        (SAMPLES - 1,),
    )
    store.commit()
    store.close()
    return config


def measured(folder: Path, nodes: int, rounds: int) -> list[str]:
    """A line for each shape of the list: the median of its wall time and of the processor's."""
    config = fill(folder, nodes)
    said = []
    for shape in _SHAPES:
        took = [_once(config, shape, nodes) for _ in range(rounds)]
        wall_s, cpu_s = (statistics.median(column) for column in zip(*took, strict=True))
        said.append(f"{' '.join(('nodes', *shape)):22} {nodes:9,} nodes: {wall_s:.2f} s, CPU {cpu_s:.2f} s")
    return said


def _once(config: Path, shape: tuple[str, ...], nodes: int) -> tuple[float, float]:
    before, start_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    run = [*PROGRAM, "nodes", *shape, "--config", str(config)]
    printed = subprocess.run(run, capture_output=True, check=True, timeout=90).stdout
    after, wall_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - start_s
    found = len(json.loads(printed)) if shape == ("--json",) else printed.count(b"\n") - 1
    if found != nodes:
        raise RuntimeError(f"{run}: expected {nodes} nodes, found {found}")
    return wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
