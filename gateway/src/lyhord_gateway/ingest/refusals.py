"""Refused frames: counted by reason, told now and then, kept in the quarantine if their node sealed them."""

import logging
from collections.abc import Callable

from lyhord_gateway.ingest.quota import QUOTA
from lyhord_gateway.model.uplink import Uplink
from lyhord_gateway.model.work import FAULT, Quarantine
from lyhord_gateway.support.log_rate_limit import LogRateLimit, more
from lyhord_gateway.support.metrics import Metrics
from lyhord_gateway.timekeeping.dating import bounded
from lyhord_wire import refusal
from lyhord_wire.refusal import Refused

_log = logging.getLogger(__name__)

DISABLED = "disabled"  # the node is known, but switched off in the registry
OVERLOAD = "overload"  # the store's queue is full; the node keeps its samples
_HOUR_US = 3_600_000_000
_REASONS = (*refusal.REASONS, DISABLED, OVERLOAD, QUOTA, FAULT)
# Bytes 0 and 1 are not those of our frames: what stands behind them is an unknown node's, and no node id.
_FOREIGN = (refusal.NOT_OURS, refusal.VERSION, refusal.LENGTH)
_COUNTERS = ("ingest.quarantine_dropped", *(f"ingest.refused.{reason}" for reason in _REASONS))


class Refusals:
    """keep: takes a frame into the quarantine (store/quarantine.py), False if the store has no room."""

    def __init__(self, metrics: Metrics, keep: Callable[[Quarantine], bool]) -> None:
        self._metrics = metrics
        self._keep = keep
        self._lines = LogRateLimit()
        self._held_us: dict[tuple[int, str], int] = {}  # node, reason → when one went into the quarantine
        metrics.declare(*_COUNTERS)

    def refuse(self, uplink: Uplink, refused: Refused) -> None:
        """Counts a frame and, now and then, has it in the log."""
        self._metrics.count(f"ingest.refused.{refused.reason}")
        if refused.reason in _FOREIGN:
            return  # a neighbour's LoRaWAN sends all day: counted, and that is all
        held_back = self._lines.admit(refused.reason, uplink.heard_us / 1e6)
        if held_back is None:
            return
        node = uplink.raw[2:5].hex() if len(uplink.raw) >= 5 else "-"
        detail = f" ({refused.detail})" if refused.detail else ""
        _log.warning(
            "refused node=%s reason=%s source=%s%s%s",
            node,
            refused.reason,
            uplink.source,
            detail,
            more(held_back),
        )

    def fault(self, uplink: Uplink, error: Exception) -> None:
        """One of our own bugs, met by this frame; to be called while `error` is handled."""
        held_back = self._lines.admit("bug", uplink.heard_us / 1e6)
        if held_back is not None:
            _log.exception("a bug of ours, one frame is refused%s", more(held_back))
        refused = Refused(FAULT, f"{type(error).__name__}: {error}")
        self.refuse(uplink, refused)
        self.hold(uplink, refused)

    def hold(self, uplink: Uplink, refused: Refused) -> None:
        """Into the quarantine, one frame per node, reason and hour."""
        node = int.from_bytes(uplink.raw[2:5], "big")
        held_us = self._held_us.get((node, refused.reason))
        if held_us is not None and 0 <= uplink.heard_us - held_us < _HOUR_US:
            return
        self._held_us[node, refused.reason] = uplink.heard_us
        heard_s = bounded(uplink.heard_s)
        if not self._keep(
            Quarantine(node, heard_s, uplink.source, refused.reason, refused.detail, uplink.raw)
        ):
            self._metrics.count("ingest.quarantine_dropped")
