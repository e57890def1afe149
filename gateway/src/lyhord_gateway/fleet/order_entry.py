"""Orders out of this process into the nodes' queues, through the store's one writer."""

import asyncio
import time
from collections.abc import Callable
from functools import partial

from lyhord_gateway.model.orders import Order, OrderRefused
from lyhord_gateway.model.work import Change, Outcome
from lyhord_gateway.store.downlinks.queue import Entry, Refuse, enter_order
from lyhord_gateway.support.errors import UserError

_WAIT_S = 30.0  # a disk that hangs longer has health look at it


class OrderEntry:
    """submit: the writer's. refuse: what a node must not be told; see `reach.py`."""

    def __init__(
        self, submit: Callable[[Change, Callable[[Outcome], None]], bool], refuse: Refuse | None = None
    ) -> None:
        self._submit = submit
        self._refuse = refuse

    async def queue(self, node: int, order: Order, origin: str) -> Entry:
        """Durable when it returns. Raises OrderRefused."""
        answered: asyncio.Future[object] = asyncio.get_running_loop().create_future()

        def done(outcome: Outcome) -> None:
            if not answered.done():
                answered.set_result(outcome.value)

        now_s = int(time.time())
        entering = partial(
            enter_order, node=node, order=order, origin=origin, now_s=now_s, refuse=self._refuse
        )
        change = Change(entering)
        if not self._submit(change, done):
            raise OrderRefused("the store takes nothing at the moment (its queue is full)", "store")
        try:
            async with asyncio.timeout(_WAIT_S):
                answer = await answered
        except TimeoutError as error:
            raise OrderRefused("the store does not answer, see the queue", "store") from error
        if isinstance(answer, UserError):
            raise answer
        if not isinstance(answer, Entry):
            raise OrderRefused("the store takes nothing at the moment (a commit was refused)", "store")
        return answer
