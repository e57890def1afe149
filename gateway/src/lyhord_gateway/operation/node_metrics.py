"""Every node's gaps and completeness as Prometheus reads them, counted in a thread now and then; by option
also when it was heard, its battery, its signal and its faults.

Ten thousand nodes are some megabytes of text and a third of a second of work: too much to do while a node
waits for its answer, so a scrape gets the text of at most a minute ago.
"""

import asyncio
import json
import logging
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from lyhord_gateway.model import intervals
from lyhord_gateway.model.reading import node_text
from lyhord_gateway.store.completeness import DAY_S, WEEK_S, completeness
from lyhord_gateway.store.session import COLUMNS, Session, from_row
from lyhord_wire.tables import FAULTS, STATUS_BATTERY, STATUS_FAULTS

_log = logging.getLogger(__name__)

_EVERY_S = 60.0
DETAILED_MAX = 10_000  # nodes that have the families of the option: four series each
_RATIO = "lyhord_node_completeness_ratio"
_MISSING = "lyhord_node_missing_samples"
_HEARD = "lyhord_node_heard_timestamp_seconds"
_BATTERY = "lyhord_node_battery_volts"
_RSSI = "lyhord_node_rssi_dbm"
_FAULTS = "lyhord_node_faults"
_WITH_FAULT = "lyhord_nodes_with_fault"
_LEFT_OUT = "lyhord_node_metrics_left_out"
_TEXTS = {
    _RATIO: "Received of the samples that the node is known to have taken.",
    _MISSING: "Samples that the node has taken and that may still come.",
    _HEARD: "When the node was last heard; 0: never.",
    _BATTERY: "Battery in the node's last status.",
    _RSSI: "Signal of the node's last frame, at the radio that heard it best.",
    _FAULTS: "Number of faults in the node's last status.",
    _WITH_FAULT: "Nodes whose last status has the fault.",
    _LEFT_OUT: "Nodes beyond the bound of the metrics per node.",
}
_ROWS = (
    "SELECT "  # noqa: S608
    + ", ".join(f"session.{column}" for column in COLUMNS.split(", "))
    + ", coalesce(mark.marks, x'') FROM session JOIN node ON node.id = session.node "
    "LEFT JOIN mark ON mark.node = session.node WHERE node.enabled ORDER BY session.node"
)
_NEVER_HEARD = "SELECT id FROM node WHERE enabled AND id NOT IN (SELECT node FROM session) ORDER BY id"


class NodeMetrics:
    """`text` is a piece of an exposition, with families of its own. The connection is for one thread at a
    time; detailed: the families of the option too; now_s: Unix seconds."""

    def __init__(
        self, connection: sqlite3.Connection, detailed: bool = False, now_s: Callable[[], float] = time.time
    ) -> None:
        self._connection = connection
        self._detailed = detailed
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
        """The text of this moment."""
        now_s = int(self._now_s())
        families = _Families()
        details = _Details(families) if self._detailed else None
        for *row, marks in self._connection.execute(_ROWS):
            session = from_row(tuple(row))
            node = node_text(session.node)
            gaps = intervals.total(intervals.gaps(session.received, session.expected))
            families.add(_MISSING, f'node="{node}"', gaps)
            for window, length_s in (("day", DAY_S), ("week", WEEK_S)):
                found = completeness(session, marks, now_s - length_s)
                if found is not None:
                    families.add(_RATIO, f'node="{node}",window="{window}"', f"{found[0] / found[1]:.6g}")
            if details is not None:
                details.heard(session)
        if details is not None:
            for (node_id,) in self._connection.execute(_NEVER_HEARD):
                details.heard(Session(node_id))
            details.sums()
        return families.text()


class _Families:
    """Samples by family, as lines of the text format."""

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = {_RATIO: [], _MISSING: []}

    def add(self, family: str, labels: str, value: float | str) -> None:
        self._lines.setdefault(family, []).append(
            f"{family}{{{labels}}} {value}" if labels else f"{family} {value}"
        )

    def text(self) -> bytes:
        found = []
        for family, lines in self._lines.items():
            found += [f"# HELP {family} {_TEXTS[family]}", f"# TYPE {family} gauge", *lines]
        return "".join(f"{line}\n" for line in found).encode()


class _Details:
    """The families of the option, of so many nodes at most; the sums are over all of them."""

    def __init__(self, families: _Families) -> None:
        self._families = families
        self._nodes = 0
        self._with_fault = dict.fromkeys(FAULTS, 0)

    def heard(self, session: Session) -> None:
        status = json.loads(session.status) if session.status else {}
        faults = int(status.get(str(STATUS_FAULTS)) or 0)
        found = [bit for bit in FAULTS if faults & bit]
        for bit in found:
            self._with_fault[bit] += 1
        self._nodes += 1
        if self._nodes > DETAILED_MAX:
            return
        label = f'node="{node_text(session.node)}"'
        self._families.add(_HEARD, label, session.heard_s)
        if (battery_mv := status.get(str(STATUS_BATTERY))) is not None:
            self._families.add(_BATTERY, label, battery_mv / 1000)
        if session.rssi_dbm is not None:
            self._families.add(_RSSI, label, session.rssi_dbm)
        if session.status:
            self._families.add(_FAULTS, label, len(found))

    def sums(self) -> None:
        for bit, number in self._with_fault.items():
            self._families.add(_WITH_FAULT, f'fault="{FAULTS[bit].name}"', number)
        self._families.add(_LEFT_OUT, "", max(0, self._nodes - DETAILED_MAX))
