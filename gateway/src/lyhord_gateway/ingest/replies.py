"""The reply to a stored frame: it waits for a radio that heard the frame better, and goes out through it."""

from collections.abc import Callable
from functools import partial

from lyhord_gateway.ingest.streams import Exchange, Stream
from lyhord_gateway.model.uplink import AckRequest
from lyhord_gateway.model.work import Committed
from lyhord_gateway.timekeeping.times import Times
from lyhord_wire.frame import SealedUplink


class Replies:
    """answer: seals and sends an answer (`answer.py`)."""

    def __init__(self, answer: Callable[[AckRequest, Committed], None], times: Times) -> None:
        self._answer = answer
        self._times = times

    def reply(self, sealed: SealedUplink, stream: Stream, exchange: Exchange, committed: Committed) -> None:
        """At once, or when `Uplink.dedup_us` have passed since the frame was heard."""
        best = exchange.best
        wait_us = best.heard_us + best.dedup_us - self._times.now_us() if best.dedup_us else 0
        if wait_us > 0:
            self._times.later(wait_us, partial(self._send, sealed, stream, exchange, committed))
        else:
            self._send(sealed, stream, exchange, committed)

    def _send(self, sealed: SealedUplink, stream: Stream, exchange: Exchange, committed: Committed) -> None:
        reply = exchange.best.reply  # of the radio that has heard the frame best until now
        self._answer(
            AckRequest(sealed.node, sealed.generation, sealed.counter, stream.cipher, reply), committed
        )
