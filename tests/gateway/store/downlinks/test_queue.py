"""The queue of orders: from the command line, through the store, into answers, until it is done."""

import json
from collections.abc import Iterator

import pytest

from lyhord_gateway.model.orders import Order, OrderRefused, command_order, settings_order
from lyhord_gateway.store.downlinks.queue import QUEUE_MAX, Entry, cancel, enqueue
from lyhord_gateway.store.schema import connect
from lyhord_wire.about import encode_about
from lyhord_wire.frame import KIND_ABOUT, open_downlink, parse_downlink
from lyhord_wire.instructions import COMMAND, SETTINGS, SETTINGS_VERSION, decode_instructions
from lyhord_wire.tables import STATUS_SETTINGS_VERSION, STATUS_UPTIME
from tests.gateway.bench import NOW_S, Bench
from tests.gateway.parts import NODE, GatewayProcess, Node, cli, connected, next_message, until

RESTART, REPORT_NOW, SEND_ABOUT, BLINK, STOP_ALARMS = range(1, 6)


class OrderEntry:
    """The operator's side: another process's connection to the same store."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.connection = connect(bench.path)

    def send(self, order: Order, node: int = NODE) -> int:
        return enqueue(self.connection, node, order, "cli", NOW_S).id

    def command(self, name: str, *arguments: int) -> int:
        return self.send(command_order(name, arguments))

    def set(self, **wanted: int) -> int:
        return self.send(settings_order(wanted))

    def entry(self, number: int) -> Entry:
        (found,) = (entry for entry in self.bench.reader.orders() if entry.id == number)
        return found

    def state(self, number: int) -> str:
        return self.entry(number).state

    async def told(self, node: Node, frame: bytes, heard_us: int = 0) -> tuple[dict[int, object], bool]:
        """The orders in the answer to a frame, and whether more wait."""
        before = len(self.bench.answers)
        await self.bench.heard(frame, heard_us=heard_us)
        (answer,) = self.bench.answers[before:]
        opened = open_downlink(parse_downlink(answer[1]), node.cipher, node.counter)
        found = decode_instructions(opened.payload)
        return {k: v for k, v in found.items() if k in (COMMAND, SETTINGS, SETTINGS_VERSION)}, opened.more


@pytest.fixture
def order_entry(bench: Bench) -> Iterator[OrderEntry]:
    order_entry = OrderEntry(bench)
    yield order_entry
    order_entry.connection.close()


async def test_settings_go_out_until_the_status_names_their_version(
    bench: Bench, order_entry: OrderEntry
) -> None:
    node = Node()
    await bench.heard(node.report())
    first, second = order_entry.set(full_alarm=80, ack_every=2), order_entry.set(full_alarm=70)
    assert [order_entry.entry(number).version for number in (first, second)] == [1, 2]
    await bench.heard(node.report(status={STATUS_SETTINGS_VERSION: 1}))
    assert order_entry.state(first) == "waiting", "nothing can be told to a node that does not listen"
    for tries in (1, 2, 3):  # the answers are lost
        assert await order_entry.told(node, node.report(ack=True)) == (
            {SETTINGS: {3: 80, 11: 2}, SETTINGS_VERSION: 1},
            False,
        )
        assert (order_entry.state(first), order_entry.entry(first).tries) == ("sent", tries)
    # The status that confirms the first asks for an answer, and that has the second.
    told, more = await order_entry.told(node, node.report(ack=True, status={STATUS_SETTINGS_VERSION: 1}))
    assert (told, more) == ({SETTINGS: {3: 70}, SETTINGS_VERSION: 2}, False)
    assert (order_entry.state(first), order_entry.state(second)) == ("confirmed", "sent")
    await bench.heard(node.report(status={STATUS_UPTIME: 5}))
    assert order_entry.state(second) == "sent", "a status without the version proves nothing"
    await bench.heard(node.report(status={STATUS_SETTINGS_VERSION: 2}))
    assert order_entry.state(second) == "confirmed"
    assert await order_entry.told(node, node.report(ack=True)) == ({}, False)
    assert order_entry.entry(order_entry.set(full_alarm=60)).version == 3
    assert bench.metrics.counters["queue.confirmed"] == 2


async def test_settings_that_the_node_refuses_are_not_offered_for_ever(
    bench: Bench, order_entry: OrderEntry
) -> None:
    node = Node()
    number = order_entry.set(channels=1)
    offered = 0
    while (
        SETTINGS
        in (await order_entry.told(node, node.report(ack=True, status={STATUS_SETTINGS_VERSION: 9})))[0]
    ):
        offered += 1
        assert offered < 20
    assert order_entry.state(number) == "refused"
    assert offered == 5
    assert bench.metrics.counters["queue.refused"] == 1


async def test_a_restart_goes_out_once_and_with_every_repetition_of_that_answer(
    bench: Bench, order_entry: OrderEntry
) -> None:
    node = Node()
    number = order_entry.command("restart")
    frame = node.report(ack=True)
    assert await order_entry.told(node, frame) == ({COMMAND: [RESTART]}, False)
    # The node has not heard the answer: it opens one answer to a frame, so it cannot restart twice.
    assert await order_entry.told(node, frame, heard_us=3_000_000) == ({COMMAND: [RESTART]}, False)
    for _ in range(3):
        assert await order_entry.told(node, node.report(ack=True)) == ({}, False)
    assert (order_entry.state(number), order_entry.entry(number).tries) == ("sent", 1)


async def test_what_is_harmless_twice_is_repeated_until_the_node_shows_it(
    bench: Bench, order_entry: OrderEntry
) -> None:
    node = Node()
    about, report = order_entry.command("send_about"), order_entry.command("report_now")
    told = [await order_entry.told(node, node.report(ack=True)) for _ in range(5)]
    assert told == [({COMMAND: [SEND_ABOUT]}, True)] * 3 + [({COMMAND: [REPORT_NOW]}, False)] * 2
    assert order_entry.state(about) == "sent", "nobody knows"
    await bench.heard(node.report(status={STATUS_UPTIME: 5}))
    assert order_entry.state(report) == "confirmed"
    again = order_entry.command("send_about")
    assert (await order_entry.told(node, node.report(ack=True)))[0] == {COMMAND: [SEND_ABOUT]}
    await bench.heard(node.frame(encode_about({0: "Kvarngatan 7"}), kind=KIND_ABOUT))
    assert order_entry.state(again) == "confirmed"
    assert await order_entry.told(node, node.report(ack=True)) == ({}, False)


async def test_commands_keep_their_order_and_more_is_said(bench: Bench, order_entry: OrderEntry) -> None:
    node = Node()
    for name in ("blink", "stop_alarms", "restart"):
        order_entry.command(name)
    order_entry.set(full_alarm=80)
    told = [await order_entry.told(node, node.report(ack=True)) for _ in range(4)]
    settings = {SETTINGS: {3: 80}, SETTINGS_VERSION: 1}
    assert told == [
        ({COMMAND: [BLINK], **settings}, True),
        ({COMMAND: [STOP_ALARMS], **settings}, True),
        ({COMMAND: [RESTART], **settings}, False),
        (settings, False),
    ]


async def test_an_answer_that_was_not_sent_does_not_count(bench: Bench, order_entry: OrderEntry) -> None:
    node = Node()
    number = order_entry.command("restart")
    bench.mute = True
    await bench.heard(node.report(ack=True))
    await bench.settled()
    assert (order_entry.state(number), order_entry.entry(number).tries) == ("waiting", 0)
    assert bench.metrics.counters["queue.aborted"] == 1
    bench.mute = False
    assert (await order_entry.told(node, node.report(ack=True)))[0] == {COMMAND: [RESTART]}


async def test_an_old_frame_takes_nothing_along(bench: Bench, order_entry: OrderEntry) -> None:
    """Nobody listens for the answer to a frame that another one has overtaken."""
    node = Node()
    old, new = node.report(ack=True), node.report(ack=True)
    await bench.heard(new)
    number = order_entry.command("restart")
    await bench.heard(old)
    assert order_entry.state(number) == "waiting"


async def test_a_restarted_gateway_goes_on_where_it_was(bench: Bench, order_entry: OrderEntry) -> None:
    node = Node()
    number = order_entry.command("restart")
    frame = node.report(ack=True)
    await order_entry.told(node, frame)
    order_entry.command("blink")  # a foreign commit makes the writer forget what it has in memory
    assert await order_entry.told(node, frame, heard_us=3_000_000) == ({COMMAND: [RESTART]}, True)
    assert await order_entry.told(node, node.report(ack=True)) == ({COMMAND: [BLINK]}, False)
    assert order_entry.entry(number).tries == 1


async def test_the_queue_is_bounded_and_old_entries_go(bench: Bench, order_entry: OrderEntry) -> None:
    for _ in range(QUEUE_MAX):
        order_entry.command("blink")
    with pytest.raises(OrderRefused, match="000a01: 16 orders wait") as refused:
        order_entry.command("blink")
    assert refused.value.reason == "full"
    with pytest.raises(OrderRefused, match="00beef: expected a node of the registry"):
        order_entry.send(command_order("blink"), 0xBEEF)
    for _ in range(10):
        for entry in bench.reader.orders():
            if entry.state == "waiting":
                cancel(order_entry.connection, entry.id, NOW_S)
        for _ in range(QUEUE_MAX):
            order_entry.command("blink")
    assert len(bench.reader.orders()) == 2 * QUEUE_MAX


async def test_cancelling(bench: Bench, order_entry: OrderEntry) -> None:
    node = Node()
    blink, settings = order_entry.command("blink"), order_entry.set(full_alarm=80)
    await order_entry.told(node, node.report(ack=True))
    with pytest.raises(OrderRefused, match=f"{blink}: expected an order that waits, this one is sent"):
        cancel(order_entry.connection, blink, NOW_S)
    cancel(order_entry.connection, settings, NOW_S)
    assert order_entry.state(settings) == "cancelled"
    assert await order_entry.told(node, node.report(ack=True)) == ({}, False)
    with pytest.raises(OrderRefused, match="999: expected an order that waits, this one is not there"):
        cancel(order_entry.connection, 999, NOW_S)


async def test_frames_of_nodes_without_orders_cost_no_statement(
    bench: Bench, order_entry: OrderEntry
) -> None:
    other = Node(0xB02)
    bench.add(other.id)
    order_entry.send(command_order("blink"), other.id)
    node = Node()
    await bench.heard(node.report(ack=True))
    statements: list[str] = []
    bench.connection.set_trace_callback(statements.append)
    for _ in range(20):
        await bench.heard(node.report(ack=True))
    bench.connection.set_trace_callback(None)
    assert statements
    assert not [
        statement for statement in statements if "downlink WHERE" in statement or "UPDATE" in statement
    ]


async def test_from_the_command_line_to_the_node_while_the_gateway_runs(tmp_path) -> None:
    node = Node()
    async with GatewayProcess(tmp_path, None) as gateway:
        await gateway.add(node)
        said = await gateway.cli("send", "--node", "000a01", "--set", "full_alarm=80", "--set", "ack_every=2")
        assert said == "order 1 waits for node 000a01: full_alarm=80 ack_every=2, settings version 1\n"
        assert "order 2" in await gateway.cli("send", "--node", "000A01", "--command", "blink", "--arg", "5")
        assert "order 3" in await gateway.cli("send", "--node", "000a01", "--command", "restart")
        assert "cancelled" in await gateway.cli("queue", "cancel", "3")
        async with connected(gateway.port, node.down) as client:
            await client.publish(node.up, node.report(ack=True), qos=1)
            told = node.open(bytes((await next_message(client)).payload))
            assert told[SETTINGS] == {3: 80, 11: 2}
            assert told[COMMAND] == [BLINK, 5]
            await client.publish(node.up, node.report(ack=True, status={STATUS_SETTINGS_VERSION: 1}), qos=1)
            assert SETTINGS not in node.open(bytes((await next_message(client)).payload))
        table = await gateway.cli("queue", "--node", "000a01")
        assert all(len(line) <= 80 for line in table.splitlines())
        rows = json.loads(await gateway.cli("queue", "--json"))
        assert [row["state"] for row in rows] == ["confirmed", "sent", "cancelled"]
        assert rows[0]["origin"] == "cli"
        await until(lambda: gateway.status()["counters"].get("queue.confirmed") == 1, "it is counted")
        config = ("--config", str(gateway.config))
        for arguments, line in (
            (("--set", "full_alarm=101"), "full_alarm: expected 1…100 (%)"),
            (("--set", "full_alarm"), "--set full_alarm: expected name=whole number"),
            (("--set", "full_alarm=1", "--command", "blink"), "send: expected either --set or --command"),
            (("--command", "blink", "--arg", "500"), "blink: expected one argument at most, 1…100"),
        ):
            code, _, err = await cli("send", "--node", "000a01", *arguments, *config)
            assert (code, err) == (2, f"lyhord-gateway: {line}\n")
