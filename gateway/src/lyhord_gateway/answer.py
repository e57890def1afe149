"""Instructions for a node that asked for an acknowledgement, sealed as the answer to that very uplink."""

import time
from collections.abc import Callable

from lyhord_gateway.metrics import Metrics
from lyhord_gateway.uplink import Question
from lyhord_gateway.work import Committed
from lyhord_wire.frame import seal_downlink
from lyhord_wire.instructions import AGAIN, STORED, TIME, encode_instructions

_CLOCK_SET_S = 1_704_067_200  # 2024-01-01: a gateway whose own clock is older must not set a node's


class Answerer:
    """gateway: this gateway's number, part of every downlink's nonce."""

    def __init__(self, gateway: int, metrics: Metrics, now_s: Callable[[], float] = time.time) -> None:
        self._gateway = gateway
        self._metrics = metrics
        self._now_s = now_s

    def answer(self, question: Question, committed: Committed) -> None:
        """Seals the answer and gives it to the source that heard the uplink; returns at once."""
        if committed.downlink is None:
            self._metrics.count("downlink.counter_used_up")
            return
        now_s = int(self._now_s())
        instructions: dict[int, object] = {STORED: committed.stored}
        if now_s >= _CLOCK_SET_S:
            instructions[TIME] = now_s
        if committed.again is not None:
            instructions[AGAIN] = list(committed.again)
            self._metrics.count("downlink.send_again")
        frame = seal_downlink(
            question.cipher,
            question.node,
            self._gateway,
            committed.downlink,
            question.counter,
            encode_instructions(instructions),
            question.generation,
        )
        self._metrics.count("downlink.answers")
        question.reply(frame)
