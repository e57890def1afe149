"""People's and platforms' orders for nodes, under fuzzing: ThingsBoard's requests, `send`, `queue cancel`."""

import json
from collections.abc import Coroutine
from functools import cache
from typing import Any

from lyhord_gateway.cli.common import node_number
from lyhord_gateway.cli.queue import order_from, queued
from lyhord_gateway.fleet.remote import Remote
from lyhord_gateway.model.orders import ANSWER_MAX, Order, instructions_size
from lyhord_gateway.profiles.thingsboard import ThingsBoardProfile
from lyhord_gateway.store.downlinks.queue import Entry, cancel, enqueue, entries
from lyhord_gateway.support.errors import UserError
from lyhord_gateway.support.metrics import Metrics
from lyhord_wire.tables import SETTINGS
from tests.fuzz.street import NODE, NOW_S, memory_store

_ERROR_MAX = 500  # characters of an answer or a line


class _Platform:
    """The part of an MQTT client that `Remote` uses, and a queue in memory."""

    def __init__(self) -> None:
        self.connection = memory_store()
        self.connection.execute("INSERT INTO node (id) VALUES (?)", (NODE,))
        self.answers: list[dict] = []

    async def publish(self, topic: str, payload: bytes, qos: int) -> None:
        self.answers.append(json.loads(payload))

    async def queue(self, node: int, order: Order, origin: str) -> Entry:
        return enqueue(self.connection, node, order, origin, NOW_S)

    def orders(self) -> list[Entry]:
        """All that are queued; the queue is empty afterwards."""
        found = entries(self.connection)
        self.connection.execute("DELETE FROM downlink")
        self.answers.clear()
        return found


@cache
def _platform() -> _Platform:
    return _Platform()


def check_rpc(data: bytes) -> None:
    """A message in ThingsBoard's inbox: an order and an answer, an answer that refuses, or counted."""
    platform, metrics = _platform(), Metrics()
    remote = Remote("city", ThingsBoardProfile(), platform.queue, metrics)
    _done(remote._take(platform, data))  # type: ignore[arg-type]
    answers = list(platform.answers)
    orders = platform.orders()
    accepted = metrics.counters["platform.city.rpc.accepted"]
    refused = sum(n for name, n in metrics.counters.items() if ".rpc.refused." in name)
    assert len(orders) == accepted and accepted + refused <= 1 and len(answers) <= 1
    for answer in answers:
        asked = json.loads(data.decode(errors="replace"))  # a name that nobody asks for may be anything
        assert (answer["device"], answer["id"]) == (asked["device"], asked["data"]["id"])
        assert answer["data"]["success"] == bool(accepted)
        assert accepted or 0 < len(answer["data"]["error"]) < _ERROR_MAX
    for entry in orders:
        _sound(entry)


def _done(coroutine: Coroutine[Any, Any, None]) -> None:
    """Runs what never has to wait here; an event loop for each input would take most of the time."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("expected nothing to wait for")


def check_send(data: bytes) -> None:
    """Lines: a node, an order's number to cancel, a command, its argument, then assignments; as the command
    line has them."""
    node, number, command, argument, *assignments = [
        *data.decode(errors="surrogateescape").split("\n"),
        *[""] * 4,
    ]
    platform = _platform()
    try:
        order = order_from(
            [assignment for assignment in assignments if assignment],
            command or None,
            int(argument) if argument.isascii() and argument.isdecimal() and len(argument) < 20 else None,
        )
        entry = enqueue(platform.connection, node_number(node), order, "cli", NOW_S)
        _sound(entry)
        (stored,) = entries(platform.connection)
        assert json.dumps(queued(stored)) == json.dumps(queued(entry))
        if number.isascii() and number.isdecimal() and len(number) < 19:
            cancel(platform.connection, int(number), NOW_S)
    except UserError as fault:
        assert str(fault).isprintable()
    platform.orders()


def _sound(entry: Entry) -> None:
    """It fits into an answer, and every setting is in its range."""
    order = entry.order
    assert entry.node == NODE and bool(order.settings) != bool(order.command)
    assert instructions_size(order.settings, order.command) <= ANSWER_MAX
    assert all(SETTINGS[key].low <= value <= SETTINGS[key].high for key, value in order.settings.items())
