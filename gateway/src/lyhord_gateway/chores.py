"""What the gateway does now and then beside the flow: old keys go, the list of strangers is kept."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lyhord_gateway.metrics import Metrics
from lyhord_gateway.reading import node_text
from lyhord_gateway.store.keyring import retire_older
from lyhord_gateway.store.rotation import Rotation, due
from lyhord_gateway.store.schema import connect
from lyhord_gateway.store.transaction import transaction
from lyhord_gateway.strangers import Strangers

_log = logging.getLogger(__name__)

_LOOK_S = 10.0
_KEYS_S = 3600.0


class Chores:
    """now_s: Unix seconds."""

    def __init__(
        self, store: Path, strangers: Strangers, metrics: Metrics, now_s: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._strangers = strangers
        self._metrics = metrics
        self._now_s = now_s

    async def run(self) -> None:
        """Until cancelled; then the list of strangers is kept once more."""
        loop = asyncio.get_running_loop()
        pool = ThreadPoolExecutor(1, "chores")
        keys_s = float("-inf")
        try:
            while True:
                if time.monotonic() - keys_s >= _KEYS_S:
                    keys_s = time.monotonic()
                    await loop.run_in_executor(pool, self.retire_keys)
                self._strangers.save(int(self._now_s()))
                await asyncio.sleep(_LOOK_S)
        finally:
            self._strangers.save(int(self._now_s()), at_once=True)
            pool.shutdown(wait=False, cancel_futures=True)

    def retire_keys(self) -> None:
        """Takes back older keys whose grace period is over. The disk's faults wait for the next time."""
        try:
            retired = self._retire()
        except sqlite3.OperationalError as error:
            _log.warning("keys: older ones are not retired yet (%s)", error)
            return
        for change in retired:
            _log.info(
                "node %s: only the key of generation %d is left", node_text(change.node), change.generation
            )
            self._metrics.count("keys.retired")

    def _retire(self) -> list[Rotation]:
        connection = connect(self._store)
        try:
            changes = due(connection, int(self._now_s()))
            if changes:
                with transaction(connection):
                    retire_older(connection, changes, int(self._now_s()))
        finally:
            connection.close()
        return changes
