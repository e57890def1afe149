"""Pages of readings for platforms, read in a thread and over a connection of their own: a long page holds up
neither the event loop nor the writer."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lyhord_gateway.model.reading import Reading
from lyhord_gateway.store.published import Published
from lyhord_gateway.store.reader import Reader
from lyhord_gateway.store.schema import connect_reading


class PageReader:
    """`close()` it in any case. published: takes note of what was shown."""

    def __init__(self, path: Path, published: Published) -> None:
        self._reader = Reader(connect_reading(path))
        self._published = published
        self._thread = ThreadPoolExecutor(1, "store-reader")

    async def page(self, first: int, end: int, limit: int, late: bool) -> list[Reading]:
        """At most `limit` readings with an arrival number in first … end − 1, see `Reader.part`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._thread, self._published.part, self._reader, first, end, limit, late
        )

    async def enabled_nodes(self) -> frozenset[int]:
        """The ids of those that may be heard."""
        loop = asyncio.get_running_loop()
        return frozenset(await loop.run_in_executor(self._thread, self._reader.enabled_nodes))

    def close(self) -> None:
        self._thread.shutdown()
        self._reader.close()
