"""Orders out of this process into the nodes' queues, the way `lyhord-gateway send` brings them there."""

import asyncio
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lyhord_gateway.orders import Order, OrderRefused
from lyhord_gateway.store.queue import Entry, enqueue
from lyhord_gateway.store.schema import connect


class Desk:
    """Queues orders over a connection of its own, in a thread of its own, as another process would."""

    def __init__(self, store: Path) -> None:
        self._connection = connect(store)
        self._pool = ThreadPoolExecutor(1, "desk")

    def close(self) -> None:
        self._pool.shutdown()
        self._connection.close()

    async def queue(self, node: int, order: Order, origin: str) -> Entry:
        """Durable when it returns. Raises OrderRefused."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self._queue, node, order, origin)

    def _queue(self, node: int, order: Order, origin: str) -> Entry:
        try:
            return enqueue(self._connection, node, order, origin, int(time.time()))
        except sqlite3.OperationalError as error:
            raise OrderRefused(f"the store takes nothing at the moment ({error})", "store") from error
