"""The dates of a node's samples (timekeeping/dating.py has the rule), and what was dated before."""

import logging

from lyhord_gateway.model.reading import node_text
from lyhord_gateway.support.metrics import Metrics
from lyhord_gateway.timekeeping.clock import Clock
from lyhord_gateway.timekeeping.dating import Redated, date, plausible
from lyhord_wire.report import Report

_log = logging.getLogger(__name__)

_DAY_S = 86_400


class Dates:
    """clock: ours, which may be in doubt; None: it never is."""

    def __init__(self, metrics: Metrics, clock: Clock | None) -> None:
        self._metrics = metrics
        self._clock = clock
        self._aged: dict[int, tuple[int, int]] = {}  # node → last sample dated by age: number, time
        self._told_days: dict[int, int] = {}  # node → day of the last line about its dates
        metrics.declare(*(f"ingest.redated.{why.value}" for why in Redated))

    def first_s(self, node: int, report: Report, count: int, heard_s: int) -> int:
        """Unix seconds of a report's first sample. count: its samples; heard_s: its arrival."""
        if plausible(report.time, report.time + (count - 1) * report.period, heard_s):
            self._aged.pop(node, None)
            return report.time  # as nearly always
        doubtful = self._clock is not None and self._clock.doubtful
        last_seq, last_s = self._aged.get(node, (-1, 0))
        after_s = last_s if report.seq > last_seq else 0
        dated = date(report.time, report.period, count, heard_s, doubtful, after_s)
        if report.time < 0:
            self._aged[node] = report.seq + count - 1, dated.first_s + (count - 1) * report.period
        elif last_s:
            del self._aged[node]
        if dated.redated is not None:
            self._redated(node, report, dated.redated, count, heard_s)
        return dated.first_s

    def _redated(self, node: int, report: Report, why: Redated, count: int, heard_s: int) -> None:
        self._metrics.count(f"ingest.redated.{why.value}", count)
        day = heard_s // _DAY_S
        if self._told_days.get(node) != day:
            self._told_days[node] = day
            _log.warning(
                "node %s: samples are dated by their arrival, its clock says %d (%s); said once a day",
                node_text(node),
                report.time,
                why.value,
            )
