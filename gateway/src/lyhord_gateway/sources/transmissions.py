"""Answers on their way through one radio.

uplink ──plan──▶ RX1 or RX2 ──token──▶ radio ──its report──▶ sent: counted by window
           └─ refused                    └─ not reached  └─ not sent
                 └────────────────┬──────────────┴───────────────┘
                             counted, and `unsent`
"""

from collections.abc import Callable

from lyhord_gateway.sources.schedule import Heard, Plan, Refusal, Scheduler

_AWAITED = 256  # transmissions whose report is awaited


class Transmissions:
    """scheduler: the radio's transmit times. keep: makes its duty ledgers durable. count: counts by name.
    tokens: how many different ones the radio's protocol has."""

    def __init__(
        self, scheduler: Scheduler, keep: Callable[[bytes], None], count: Callable[[str], None], tokens: int
    ) -> None:
        self._scheduler = scheduler
        self._keep = keep
        self._count = count
        self._tokens = tokens
        self._token = 0
        # token → receive window, and whom to tell if it was not sent
        self._awaited: dict[int, tuple[int, Callable[[], None]]] = {}

    def plan(
        self, now_us: int, heard: Heard, size: int, unsent: Callable[[], None]
    ) -> tuple[int, Plan] | None:
        """Token and plan of an answer of `size` bytes; None, and `unsent` is told, if it fits nowhere."""
        plan = self._scheduler.plan(now_us, heard, size)
        if isinstance(plan, Refusal):
            self._count(f"tx_refused.{plan.value}")
            unsent()
            return None
        self._keep(self._scheduler.pack(now_us))
        self._token = (self._token + 1) % self._tokens
        self._awaited[self._token] = plan.window, unsent
        if len(self._awaited) > _AWAITED:
            del self._awaited[next(iter(self._awaited))]
            self._count("tx_unanswered")
        return self._token, plan

    def not_reached(self, token: int) -> None:
        """The radio was never told; whoever drops a message counts that."""
        _, unsent = self._awaited.pop(token)
        unsent()

    def reported(self, token: int, outcome: str, sent: bool) -> bool:
        """The radio says what became of it; False if nobody has asked it to transmit that."""
        awaited = self._awaited.pop(token, None)
        if awaited is None:
            self._count("tx_unknown_token")
            return False
        window, unsent = awaited
        self._count(f"tx.{outcome}")
        if sent:
            self._count(f"rx{window}_answers")
        else:
            unsent()
        return True
