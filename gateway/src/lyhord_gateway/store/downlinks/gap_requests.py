"""Requests to send missing samples again: as many as the node's duty cycle and ours allow.

a gap ──▶ as much as one frame holds ──▶ it comes: the next part ──▶ … ──▶ filled, or given up
                   │ it does not: asked again with the answer to the node's next frame
                   └─ repetitions of one uplink get one and the same answer
"""

from collections import Counter
from dataclasses import dataclass

from lyhord_gateway.model.orders import ANSWER_MAX
from lyhord_gateway.store.session import Session
from lyhord_wire.airtime import airtime_us
from lyhord_wire.frame import max_frame
from lyhord_wire.lora import BANDS

# Filling gaps may take a quarter of what a node may send in one band, and a quarter of what a radio may
# answer on the uplinks' channels (1 % each): fresh readings and their acknowledgements keep the rest.
_BUDGET_US = min(budget for _, _, budget, _ in BANDS.values()) // 4
_HOUR_S = 3600
_SAMPLES = {7: 16, 8: 16, 9: 16, 10: 6, 11: 6, 12: 6}  # as many as a node puts into a frame of that size

Span = tuple[int, int]


@dataclass(slots=True)
class _Bucket:
    """Airtime that was spent and has not run out again."""

    level_us: float
    at_s: int


class GapRequests:
    """Remembers what was asked and what it cost; what is forgotten with a restart is asked once too often."""

    def __init__(self) -> None:
        self._asked: dict[int, tuple[int, Span | None]] = {}
        self._nodes: dict[int, _Bucket] = {}
        self._radios: dict[str, _Bucket] = {}
        self.counts: Counter[str] = Counter()  # the caller takes them

    def next(self, session: Session, uplink: int | None, sf: int | None, now_s: int) -> Span | None:
        """(first, count) for the answer to `uplink` (None: to an older frame), heard by the session's
        source with spreading factor `sf` (None: without a radio, so without a duty cycle)."""
        missing = session.resend
        if missing is None:
            if self._asked:
                self._asked.pop(session.node, None)
                self._nodes.pop(session.node, None)
            return None
        if uplink is None:
            return None
        asked = self._asked.get(session.node)
        if asked is None or asked[0] != uplink:
            asked = self._asked[session.node] = uplink, self._within_budget(session, missing, sf, now_s)
        return asked[1]

    def _within_budget(self, session: Session, missing: Span, sf: int | None, now_s: int) -> Span | None:
        if sf is None:
            return missing
        node = self._nodes.setdefault(session.node, _Bucket(0, now_s))
        radio = self._radios.setdefault(session.source, _Bucket(0, now_s))
        sent_us = airtime_us(max_frame(sf), sf)
        answered_us = airtime_us(ANSWER_MAX, sf, crc=False)
        if not (_has_room(node, sent_us, now_s) and _has_room(radio, answered_us, now_s)):
            self.counts["store.resend_postponed"] += 1
            return None
        node.level_us += sent_us
        radio.level_us += answered_us
        return missing[0], min(missing[1], _SAMPLES[sf])


def _has_room(bucket: _Bucket, cost_us: int, now_s: int) -> bool:
    """A clock that goes back only means that nothing runs out."""
    passed_s = max(0, now_s - bucket.at_s)
    bucket.level_us = max(0.0, bucket.level_us - passed_s * _BUDGET_US / _HOUR_S)
    bucket.at_s = max(now_s, bucket.at_s) if now_s > bucket.at_s - _HOUR_S else now_s
    return bucket.level_us + cost_us <= _BUDGET_US
