"""Fixtures of the gateway's tests."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from lyhord_gateway.store.counters import COUNTERS
from lyhord_gateway.support.metrics import Metrics
from tests.gateway.bench import Bench, running
from tests.gateway.killed_store import Store, a_killed_gateways_store
from tests.gateway.parts import meanwhile, until
from tests.gateway.roofs import Roofs


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """Ingest and store with the vectors' node registered."""
    async with running(Bench(tmp_path / "lyhord.db")) as bench:
        bench.add()
        yield bench


@pytest.fixture
async def roofs(bench: Bench) -> AsyncIterator[Roofs]:
    roofs = Roofs(bench)
    async with meanwhile(roofs.source.run()):
        await until(lambda: roofs.source.address, "the source listens")
        yield roofs


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store as a killed gateway leaves it; tests damage copies of it."""
    return asyncio.run(a_killed_gateways_store(tmp_path_factory))


@pytest.fixture(autouse=True)
def every_counter_is_declared(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A stage that counts under a name which it has not declared shows nothing before that event. Holds for
    every `Metrics` of a test in which stages, and not the test itself, have declared theirs."""
    made: list[Metrics] = []
    make = Metrics.__init__

    def remember(self: Metrics) -> None:
        make(self)
        made.append(self)

    monkeypatch.setattr(Metrics, "__init__", remember)
    yield
    for metrics in made:
        unknown = [name for name in metrics.counters if name not in {*metrics.declared, *COUNTERS}]
        assert not metrics.declared or not unknown, f"counted and not declared: {unknown}"
