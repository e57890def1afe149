"""The bench itself, a few hundred frames long: it runs, and it notices what did not arrive exactly once."""

from pathlib import Path

import pytest

from tests.bench.bench import line, run
from tests.bench.scenes import Scene, Wrong, burst, staged


async def test_every_reading_of_a_tiny_bench_arrives_exactly_once(tmp_path: Path) -> None:
    said: list[str] = []
    report = await run(tmp_path, ("udp-4", "mqtt-1"), 1, 0.01, said.append)
    assert list(report.results) == ["udp-4", "mqtt-1"]
    assert all(result.samples_s > 0 and result.peak_mb > 10 for result in report.results.values())
    assert set(report.blocks) == {"open", "insert", "publish"}
    assert all(len(text) <= 80 for text in (*said, *report.comparison()))
    assert said[-1] == line(report.results["mqtt-1"])


async def test_a_reading_that_is_missing_or_doubled_is_noticed(tmp_path: Path) -> None:
    async with staged(Scene("short", "udp", 10, 4, 40), tmp_path / "short") as stage:
        await burst(stage, 40)
        stage.taken += 1
        with pytest.raises(Wrong, match=r"of 161 readings the platform has \{'distinct': 160"):
            await stage.judge()


async def test_the_lists_of_a_small_store_are_whole(tmp_path: Path) -> None:
    said: list[str] = []
    await run(tmp_path, ("nodes",), 1, 0.01, said.append)
    assert [text[:13].split() for text in said[1:]] == [["nodes"], ["nodes", "--json"], ["nodes", "--csv"]]
    assert all("50 nodes:" in text and len(text) <= 80 for text in said[1:])
