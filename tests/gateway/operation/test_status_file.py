"""The status file's cost for the card: nothing while nothing changes, a bounded number of writes else."""

import asyncio
import json
from pathlib import Path

import pytest

from lyhord_gateway.operation import status_file
from lyhord_gateway.operation.status_file import Budget, watch
from lyhord_gateway.support.metrics import Metrics
from tests.gateway.parts import meanwhile, until

DAY_S = 86_400


class Written:
    """Counts looks and writes of a watch that looks very often."""

    def __init__(self, metrics: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
        self.looks = self.writes = 0
        snapshot, write = metrics.snapshot, metrics.write

        def looked() -> dict[str, object]:
            self.looks += 1
            return snapshot()

        def wrote(path: Path) -> None:
            self.writes += 1
            write(path)

        monkeypatch.setattr(metrics, "snapshot", looked)
        monkeypatch.setattr(metrics, "write", wrote)
        monkeypatch.setattr(status_file, "_EVERY_S", 0.001)


async def test_nothing_changes_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = Metrics()
    written = Written(metrics, monkeypatch)
    async with meanwhile(watch(metrics, tmp_path / "status.json")):
        await until(lambda: written.looks > 50, "it has looked often")
    assert written.writes == 1


async def test_counters_and_parts_that_never_rest_use_up_a_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = Metrics()
    written = Written(metrics, monkeypatch)
    path = tmp_path / "status.json"
    async with meanwhile(watch(metrics, path)):
        for turn in range(300):
            metrics.count("ingest.heard")
            metrics.state("city", "up" if turn % 2 else "down")
            looks = written.looks
            await until(lambda looks=looks: written.looks > looks, "it looks")
    assert written.writes <= 62


async def test_a_state_is_told_at_once(tmp_path: Path) -> None:
    metrics = Metrics()
    path = tmp_path / "status.json"
    async with meanwhile(watch(metrics, path)):
        for state in ("down", "up", "refusing"):
            metrics.state("city", state)
            await until(
                lambda state=state: path.exists() and json.loads(path.read_text())["states"]["city"] == state,
                "it is told",
            )


async def test_what_a_full_disk_refused_is_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = Metrics()
    written = Written(metrics, monkeypatch)
    folder = tmp_path / "later"
    async with meanwhile(watch(metrics, folder / "status.json")):
        await until(lambda: metrics.counters["status_not_written"] > 1, "it cannot be written")
        folder.mkdir()
        await until(lambda: (folder / "status.json").exists(), "it is written")
        await asyncio.sleep(0)
    assert written.writes <= 61


def test_a_day_of_counters_costs_less_than_2_megabytes() -> None:
    budget = Budget(0.0)
    writes = sum(budget.take(now_s) for now_s in range(2, DAY_S, 2))
    assert writes <= 60 + DAY_S / 600 + 1
    assert writes * 8192 < 2_000_000, "a page of text and one of the folder"
