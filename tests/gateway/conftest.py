"""What the gateway's tests share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway.bench import Bench, running


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """Ingest and store with the vectors' node registered."""
    async with running(Bench(tmp_path / "lyhord.db")) as bench:
        bench.add()
        yield bench
