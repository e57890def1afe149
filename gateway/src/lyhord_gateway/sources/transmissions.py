"""Answers on their way through one radio.

uplink ──plan──▶ RX1 or RX2 ──token──▶ radio ──its report──▶ sent: counted by window
           └─ refused                    └─ not reached  ├─ not sent
                 │                              │        └─ no report: nobody knows
                 └──────────────┬───────────────┘
                        counted, and `aborted`

Several that fail in a row are a state of their own: the log says so once, and health until one is sent.
"""

import logging
import secrets
from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

from lyhord_gateway.sources.schedule import Heard, Plan, Refusal, Scheduler
from lyhord_gateway.support.metrics import Metrics, answers_of

_log = logging.getLogger(__name__)

_AWAITED = 256  # transmissions whose report is awaited
_REPORT_US = 10_000_000  # RX2 is over 2 s after the uplink; a report that is not there by then is lost
_FAILING = 3  # failures in a row that are no accident
_COUNTERS = (
    "rx1_answers",
    "rx2_answers",
    "tx_unknown_token",
    "tx_unanswered",
    *(f"tx_refused.{refusal.value}" for refusal in Refusal),
)
_TOLD_EACH = 16  # failures, from there on: hundreds a second may fail while a radio's hour is used up
_OURS = frozenset({Refusal.BUSY.value})  # the radio is sending other answers, so nothing is wrong

DownlinkAborted = Callable[[], None]


def counters(outcomes: Iterable[str], refusals: Iterable[str]) -> list[str]:
    """Every name that is counted here. outcomes: what the radio may report; refusals: why its source may not
    even ask it."""
    named = [f"tx.{outcome}" for outcome in outcomes] + [f"tx_refused.{reason}" for reason in refusals]
    return [*_COUNTERS, *named]


class _Awaited(NamedTuple):
    window: int
    aborted: DownlinkAborted
    since_us: int


class Transmissions:
    """radio: its name in metrics and log. scheduler: its transmit times. keep: makes its duty ledgers
    durable. count: counts by name. tokens: how many different ones the radio's protocol has."""

    def __init__(
        self,
        radio: str,
        scheduler: Scheduler,
        keep: Callable[[bytes], None],
        count: Callable[[str], None],
        metrics: Metrics,
        tokens: int,
    ) -> None:
        self._radio = radio
        self._scheduler = scheduler
        self._keep = keep
        self._count = count
        self._metrics = metrics
        self._tokens = tokens
        self._awaited: dict[int, _Awaited] = {}
        self._failed: Counter[str] = Counter()  # since one was sent, by reason
        self._reports = False  # it has reported before; the oldest forwarders never do
        metrics.state(answers_of(radio), "up")

    def plan(self, now_us: int, heard: Heard, size: int, aborted: DownlinkAborted) -> tuple[int, Plan] | None:
        """Token and plan of an answer of `size` bytes; None, and `aborted` is told, if it fits nowhere."""
        self._forget(now_us)
        plan = self._scheduler.plan(now_us, heard, size)
        if isinstance(plan, Refusal):
            self.refused(plan.value, aborted)
            return None
        self._keep(self._scheduler.pack(now_us))
        token = self._new_token()
        self._awaited[token] = _Awaited(plan.window, aborted, now_us)
        return token, plan

    def refused(self, reason: str, aborted: DownlinkAborted) -> None:
        """The radio was not even asked."""
        self._count(f"tx_refused.{reason}")
        self._failure(reason)
        aborted()

    def not_reached(self, token: int, reason: str) -> None:
        """The radio was never told; whoever drops a message counts that."""
        awaited = self._awaited.pop(token, None)
        if awaited is not None:
            self._failure(reason)
            awaited.aborted()

    def reported(self, token: int, outcome: str, sent: bool) -> bool:
        """The radio says what became of it; False if nobody has asked it to transmit that."""
        awaited = self._awaited.pop(token, None)
        if awaited is None:
            self._count("tx_unknown_token")
            return False
        self._reports = True
        self._count(f"tx.{outcome}")
        if sent:
            self._count(f"rx{awaited.window}_answers")
            self._success()
        else:
            self._failure(outcome)
            awaited.aborted()
        return True

    def _new_token(self) -> int:
        """One that nobody can guess, and that no report about an earlier life of ours can have."""
        while (token := secrets.randbelow(self._tokens)) in self._awaited:
            pass
        return token

    def _forget(self, now_us: int) -> None:
        """Reports that will not come any more. The answer may have been sent, so it is not taken back."""
        while self._awaited:
            token, oldest = next(iter(self._awaited.items()))
            if now_us - oldest.since_us < _REPORT_US and len(self._awaited) < _AWAITED:
                break
            del self._awaited[token]
            self._count("tx_unanswered")
            if self._reports:
                self._failure("unanswered")

    def _failure(self, reason: str) -> None:
        if reason in _OURS:
            return
        self._failed[reason] += 1
        number = self._failed.total()
        if number < _FAILING or (number > _TOLD_EACH and number % _TOLD_EACH):
            return
        reasons = ", ".join(f"{reason} {times}" for reason, times in self._failed.most_common())
        why = f"the last {number} answers were not sent: {reasons}"
        if self._metrics.state(answers_of(self._radio), "failing", why):
            _log.warning("%s: %s", self._radio, why)

    def _success(self) -> None:
        self._failed.clear()
        if self._metrics.state(answers_of(self._radio), "up"):
            _log.info("%s: answers are sent again", self._radio)
