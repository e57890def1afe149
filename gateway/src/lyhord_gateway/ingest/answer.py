"""Instructions for a node that asked for an acknowledgement, sealed as the answer to that very uplink."""

from collections.abc import Callable
from functools import partial

from lyhord_gateway.model.orders import ANSWER_MAX
from lyhord_gateway.model.uplink import AckRequest
from lyhord_gateway.model.work import Committed, DownlinkAborted, uplink_number
from lyhord_gateway.support.metrics import Metrics
from lyhord_gateway.timekeeping.dating import EARLIEST_S, LATEST_S
from lyhord_wire.frame import seal_downlink
from lyhord_wire.instructions import (
    AGAIN,
    COMMAND,
    SETTINGS,
    SETTINGS_VERSION,
    STORED,
    TIME,
    encode_instructions,
)


class Answerer:
    """gateway: this gateway's number, part of every downlink's nonce. aborted: takes back the orders of an
    answer that never went out. now_s: the time that a node may be told, None while the clock is in doubt."""

    def __init__(
        self,
        gateway: int,
        metrics: Metrics,
        aborted: Callable[[DownlinkAborted], object],
        now_s: Callable[[], float | None],
    ) -> None:
        self._gateway = gateway
        self._metrics = metrics
        self._aborted = aborted
        self._now_s = now_s
        metrics.declare("answers", "send_again", "without_time", "counter_used_up", under=["downlink"])

    def answer(self, question: AckRequest, committed: Committed) -> None:
        """Seals the answer and gives it to the source that heard the uplink; returns at once."""
        if committed.downlink is None:
            self._metrics.count("downlink.counter_used_up")
            return
        payload, more = self._instructions(committed)
        frame = seal_downlink(
            question.cipher,
            question.node,
            self._gateway,
            committed.downlink,
            question.counter,
            payload,
            question.generation,
            more,
        )
        self._metrics.count("downlink.answers")
        ids = committed.orders.ids
        question.reply(frame, partial(self._take_back, question, ids) if ids else _nothing_to_take_back)

    def _instructions(self, committed: Committed) -> tuple[bytes, bool]:
        """The payload, and whether more waits. Orders have the right of way, then the time."""
        orders = committed.orders
        instructions: dict[int, object] = {STORED: committed.stored}
        if orders.settings:
            instructions[SETTINGS] = orders.settings
            instructions[SETTINGS_VERSION] = orders.version
        if orders.command:
            instructions[COMMAND] = list(orders.command)
        left_out = False
        for key, value in ((TIME, self._time()), (AGAIN, committed.resend)):
            if value is None:
                continue
            instructions[key] = list(value) if isinstance(value, tuple) else value
            if orders.ids and len(encode_instructions(instructions)) > ANSWER_MAX:
                del instructions[key]
                left_out = True
        if AGAIN in instructions:
            self._metrics.count("downlink.send_again")
        payload = encode_instructions(instructions)
        return payload, orders.more or left_out

    def _time(self) -> int | None:
        now_s = self._now_s()
        if now_s is None or not EARLIEST_S <= now_s <= LATEST_S:
            self._metrics.count("downlink.without_time")
            return None
        return int(now_s)

    def _take_back(self, question: AckRequest, ids: tuple[int, ...]) -> None:
        uplink = uplink_number(question.generation, question.counter)
        self._aborted(DownlinkAborted(question.node, uplink, ids))


def _nothing_to_take_back() -> None:
    """The answer told the time and what is stored; the next one will tell it again."""
