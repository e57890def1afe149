"""A platform's requests to nodes: they become orders in the nodes' queues, and each gets an answer.

    message ──▶ profile: which node, which method ──▶ order ──▶ the node's queue ──▶ accepted
                   │ no request at all: counted            │ refused: answered and counted

*Accepted* says that the order waits durably. What becomes of it is told by the node's next reports, and by
`lyhord-gateway queue`: the node sleeps, and no platform waits that long.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import get_args

import aiomqtt

from lyhord_gateway.model.orders import Order, OrderRefused, WhyRefused, command_order, settings_order
from lyhord_gateway.mqtt.client import SubscriptionRefused
from lyhord_gateway.profiles import BadRequest, NoRequest, Profile, Request
from lyhord_gateway.store.downlinks.queue import Entry
from lyhord_gateway.support.log_rate_limit import LogRateLimit, more
from lyhord_gateway.support.metrics import Metrics

_log = logging.getLogger(__name__)

_REQUEST_MAX = 16_384  # bytes
_COUNTERS = (
    "accepted",
    *(f"refused.{reason}" for reason in (*get_args(NoRequest), *get_args(WhyRefused))),
)
_SET_SETTINGS = "setSettings"
_COMMANDS = {
    "restart": "restart",
    "reportNow": "report_now",
    "sendAbout": "send_about",
    "blink": "blink",
    "stopAlarms": "stop_alarms",
}


class Remote:
    """One platform's requests. queue: makes an order durable, or raises OrderRefused (`order_entry.py`)."""

    def __init__(
        self,
        platform: str,
        profile: Profile,
        queue: Callable[[int, Order, str], Awaitable[Entry]],
        metrics: Metrics,
    ) -> None:
        self._platform = platform
        self._profile = profile
        self._queue = queue
        self._metrics = metrics
        metrics.declare(*_COUNTERS, under=[f"platform.{platform}.rpc"])
        self._lines = LogRateLimit()

    async def serve(self, client: aiomqtt.Client) -> None:
        """Takes requests, one after the other; raises MqttError as soon as the connection is gone."""
        inbox = self._profile.inbox()
        if inbox is not None:
            try:
                await client.subscribe(inbox, qos=1)
            except SubscriptionRefused as refused:  # readings can still go there
                _log.warning("platform %s: no requests are taken (%s)", self._platform, refused)
        async for message in client.messages:
            payload = message.payload
            if isinstance(payload, bytes | bytearray):
                await self._take(client, bytes(payload))

    async def _take(self, client: aiomqtt.Client, payload: bytes) -> None:
        try:
            if len(payload) > _REQUEST_MAX:
                raise BadRequest("too_long")
            request = self._profile.request(payload)
        except BadRequest as bad:
            self._refused(bad.reason, "nobody to answer to")
            return
        if request is None:
            return
        reply = self._profile.reply(request, await self._outcome(request))
        if reply is not None:
            await client.publish(reply.topic, reply.payload, qos=1)

    async def _outcome(self, request: Request) -> dict[str, object]:
        try:
            if request.node is None:
                raise OrderRefused("device: expected one of this gateway's", "unknown_node")
            order = order_of(request.method, request.params)
            entry = await self._queue(request.node, order, self._platform)
        except OrderRefused as refused:
            self._refused(refused.reason, str(refused))
            return {"success": False, "error": str(refused)}
        self._metrics.count(f"platform.{self._platform}.rpc.accepted")
        version = {} if entry.version is None else {"settings_version": entry.version}
        return {"success": True, "order": entry.id, **version}

    def _refused(self, reason: str, text: str) -> None:
        self._metrics.count(f"platform.{self._platform}.rpc.refused.{reason}")
        held_back = self._lines.admit(reason, time.monotonic())
        if held_back is not None:
            _log.warning(
                "platform %s: request refused: %s (%r)%s", self._platform, reason, text, more(held_back)
            )


def order_of(method: str, params: object) -> Order:
    """The order that a request asks for. Raises OrderRefused.

    setSettings: {"full_alarm": 80, …}. blink: a number, {"count": 5}, or nothing. The others: nothing.
    """
    if method == _SET_SETTINGS:
        if not isinstance(params, Mapping) or not all(_whole(value) for value in params.values()):
            raise OrderRefused(f"{_SET_SETTINGS}: expected settings with whole numbers")
        return settings_order(params)
    command = _COMMANDS.get(method)
    if command is None:
        raise OrderRefused(
            f"{method:.40}: expected one of {', '.join((_SET_SETTINGS, *_COMMANDS))}", "method"
        )
    if isinstance(params, Mapping):
        params = params.get("count") if params.keys() <= {"count"} else params
    if params is None or params == "":
        return command_order(command)
    if not isinstance(params, int) or not _whole(params):
        raise OrderRefused(f"{method}: expected no parameters, or a count")
    return command_order(command, (params,))


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
