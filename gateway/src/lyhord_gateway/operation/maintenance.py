"""Maintenance beside the flow: old keys go, the list of unknown nodes is kept."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable
from typing import Any

from lyhord_gateway.fleet.unknown_nodes import UnknownNodes
from lyhord_gateway.model.reading import node_text
from lyhord_gateway.model.work import Change, Outcome
from lyhord_gateway.store.keyring import retire_older
from lyhord_gateway.store.rotation import Rotation, due
from lyhord_gateway.support.metrics import Metrics

_log = logging.getLogger(__name__)

_LOOK_S = 10.0
_KEYS_S = 3600.0


class Maintenance:
    """submit: the writer's. now_s: Unix seconds."""

    def __init__(
        self,
        submit: Callable[[Change, Callable[[Any], None]], bool],
        unknown_nodes: UnknownNodes,
        metrics: Metrics,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._submit = submit
        self._unknown_nodes = unknown_nodes
        self._metrics = metrics
        self._now_s = now_s
        metrics.declare("keys.retired")

    async def run(self) -> None:
        """Until cancelled; then the list of unknown nodes is kept once more."""
        keys_mono_s = float("-inf")
        try:
            while True:
                if time.monotonic() - keys_mono_s >= _KEYS_S:
                    keys_mono_s = time.monotonic()
                    self.retire_keys()
                self._unknown_nodes.save(int(self._now_s()))
                await asyncio.sleep(_LOOK_S)
        finally:
            self._unknown_nodes.save(int(self._now_s()), at_once=True)

    def retire_keys(self) -> None:
        """Takes back older keys whose grace period is over. What a refused commit keeps waits for the next
        time."""
        self._submit(Change(self._retire, registry=True), self._retired)

    def _retire(self, connection: sqlite3.Connection) -> list[Rotation]:
        now_s = int(self._now_s())
        changes = due(connection, now_s)
        retire_older(connection, changes, now_s)
        return changes

    def _retired(self, outcome: Outcome) -> None:
        changes = outcome.value
        if not isinstance(changes, list):
            _log.warning("keys: older ones are not retired yet, the store did not take the change")
            return
        for change in changes:
            _log.info(
                "node %s: only the key of generation %d is left", node_text(change.node), change.generation
            )
            self._metrics.count("keys.retired")
