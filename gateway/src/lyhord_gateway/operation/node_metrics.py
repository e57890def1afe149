"""Every node's gaps and completeness as Prometheus reads them, counted in a thread now and then.

Ten thousand nodes are some megabytes of text and a third of a second of work: too much to do while a node
waits for its answer, so a scrape gets the text of at most a minute ago.
"""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from lyhord_gateway.model import intervals
from lyhord_gateway.model.reading import node_text
from lyhord_gateway.store.completeness import DAY_S, WEEK_S, completeness
from lyhord_gateway.store.session import COLUMNS, from_row

_log = logging.getLogger(__name__)

_EVERY_S = 60.0
_RATIO = "lyhord_node_completeness_ratio"
_MISSING = "lyhord_node_missing_samples"
_ROWS = (
    "SELECT "  # noqa: S608
    + ", ".join(f"session.{column}" for column in COLUMNS.split(", "))
    + ", coalesce(mark.marks, x'') FROM session JOIN node ON node.id = session.node "
    "LEFT JOIN mark ON mark.node = session.node WHERE node.enabled ORDER BY session.node"
)


class NodeMetrics:
    """`text` is a piece of an exposition, with families of its own. The connection is for one thread at a
    time; now_s: Unix seconds."""

    def __init__(self, connection: sqlite3.Connection, now_s: Callable[[], float] = time.time) -> None:
        self._connection = connection
        self._now_s = now_s
        self.text = b""

    async def watch(self) -> None:
        """Counts, again and again, until cancelled."""
        loop = asyncio.get_running_loop()
        pool = ThreadPoolExecutor(1, "node_metrics")
        try:
            while True:
                try:
                    self.text = await loop.run_in_executor(pool, self.count)
                except sqlite3.OperationalError as error:
                    _log.warning("node metrics: the store does not answer (%s)", error)
                await asyncio.sleep(_EVERY_S)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def count(self) -> bytes:
        now_s = int(self._now_s())
        ratios = [
            f"# HELP {_RATIO} Received of the samples that the node is known to have taken.",
            f"# TYPE {_RATIO} gauge",
        ]
        missing = [
            f"# HELP {_MISSING} Samples that the node has taken and that may still come.",
            f"# TYPE {_MISSING} gauge",
        ]
        for *row, marks in self._connection.execute(_ROWS):
            session = from_row(tuple(row))
            node = node_text(session.node)
            gaps = intervals.total(intervals.gaps(session.received, session.expected))
            missing.append(f'{_MISSING}{{node="{node}"}} {gaps}')
            for window, length_s in (("day", DAY_S), ("week", WEEK_S)):
                found = completeness(session, marks, now_s - length_s)
                if found is not None:
                    share = found[0] / found[1]
                    ratios.append(f'{_RATIO}{{node="{node}",window="{window}"}} {share:.6g}')
        return "".join(f"{line}\n" for line in ratios + missing).encode()
