"""What the gateway's tests share."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

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
