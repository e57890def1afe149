"""What nodes are to be told: from the command line, through the store, into answers, until it is done."""

import json
from collections.abc import Iterator

import pytest

from lyhord_gateway.orders import Order, OrderRefused, command_order, settings_order
from lyhord_gateway.store.queue import QUEUE_MAX, Entry, cancel, enqueue
from lyhord_gateway.store.schema import connect
from lyhord_wire.about import encode_about
from lyhord_wire.frame import KIND_ABOUT, open_downlink, parse_downlink
from lyhord_wire.instructions import COMMAND, SETTINGS, SETTINGS_VERSION, decode_instructions
from lyhord_wire.tables import STATUS_SETTINGS_VERSION, STATUS_UPTIME
from tests.gateway.bench import NOW_S, Bench
from tests.gateway.parts import NODE, GatewayProcess, Node, cli, connected, next_message, until

RESTART, REPORT_NOW, SEND_ABOUT, BLINK, STOP_ALARMS = range(1, 6)


class Desk:
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
def desk(bench: Bench) -> Iterator[Desk]:
    desk = Desk(bench)
    yield desk
    desk.connection.close()


async def test_settings_go_out_until_the_status_names_their_version(bench: Bench, desk: Desk) -> None:
    node = Node()
    await bench.heard(node.report())
    first, second = desk.set(full_alarm=80, ack_every=2), desk.set(full_alarm=70)
    assert [desk.entry(number).version for number in (first, second)] == [1, 2]
    await bench.heard(node.report(status={STATUS_SETTINGS_VERSION: 1}))
    assert desk.state(first) == "waiting", "nothing can be told to a node that does not listen"
    for tries in (1, 2, 3):  # the answers are lost
        assert await desk.told(node, node.report(ack=True)) == (
            {SETTINGS: {3: 80, 11: 2}, SETTINGS_VERSION: 1},
            False,
        )
        assert (desk.state(first), desk.entry(first).tries) == ("sent", tries)
    # The status that confirms the first asks for an answer, and that has the second.
    told, more = await desk.told(node, node.report(ack=True, status={STATUS_SETTINGS_VERSION: 1}))
    assert (told, more) == ({SETTINGS: {3: 70}, SETTINGS_VERSION: 2}, False)
    assert (desk.state(first), desk.state(second)) == ("confirmed", "sent")
    await bench.heard(node.report(status={STATUS_UPTIME: 5}))
    assert desk.state(second) == "sent", "a status without the version proves nothing"
    await bench.heard(node.report(status={STATUS_SETTINGS_VERSION: 2}))
    assert desk.state(second) == "confirmed"
    assert await desk.told(node, node.report(ack=True)) == ({}, False)
    assert desk.entry(desk.set(full_alarm=60)).version == 3
    assert bench.metrics.counters["queue.confirmed"] == 2


async def test_settings_that_the_node_refuses_are_not_offered_for_ever(bench: Bench, desk: Desk) -> None:
    node = Node()
    number = desk.set(channels=1)
    offered = 0
    while SETTINGS in (await desk.told(node, node.report(ack=True, status={STATUS_SETTINGS_VERSION: 9})))[0]:
        offered += 1
        assert offered < 20
    assert desk.state(number) == "refused"
    assert offered == 5
    assert bench.metrics.counters["queue.refused"] == 1


async def test_a_restart_goes_out_once_and_with_every_repetition_of_that_answer(
    bench: Bench, desk: Desk
) -> None:
    node = Node()
    number = desk.command("restart")
    frame = node.report(ack=True)
    assert await desk.told(node, frame) == ({COMMAND: [RESTART]}, False)
    # The node has not heard the answer: it opens one answer to a frame, so it cannot restart twice.
    assert await desk.told(node, frame, heard_us=3_000_000) == ({COMMAND: [RESTART]}, False)
    for _ in range(3):
        assert await desk.told(node, node.report(ack=True)) == ({}, False)
    assert (desk.state(number), desk.entry(number).tries) == ("sent", 1)


async def test_what_is_harmless_twice_is_repeated_until_the_node_shows_it(bench: Bench, desk: Desk) -> None:
    node = Node()
    about, report = desk.command("send_about"), desk.command("report_now")
    told = [await desk.told(node, node.report(ack=True)) for _ in range(5)]
    assert told == [({COMMAND: [SEND_ABOUT]}, True)] * 3 + [({COMMAND: [REPORT_NOW]}, False)] * 2
    assert desk.state(about) == "sent", "nobody knows"
    await bench.heard(node.report(status={STATUS_UPTIME: 5}))
    assert desk.state(report) == "confirmed"
    again = desk.command("send_about")
    assert (await desk.told(node, node.report(ack=True)))[0] == {COMMAND: [SEND_ABOUT]}
    await bench.heard(node.frame(encode_about({0: "Kvarngatan 7"}), kind=KIND_ABOUT))
    assert desk.state(again) == "confirmed"
    assert await desk.told(node, node.report(ack=True)) == ({}, False)


async def test_commands_keep_their_order_and_more_is_said(bench: Bench, desk: Desk) -> None:
    node = Node()
    for name in ("blink", "stop_alarms", "restart"):
        desk.command(name)
    desk.set(full_alarm=80)
    told = [await desk.told(node, node.report(ack=True)) for _ in range(4)]
    settings = {SETTINGS: {3: 80}, SETTINGS_VERSION: 1}
    assert told == [
        ({COMMAND: [BLINK], **settings}, True),
        ({COMMAND: [STOP_ALARMS], **settings}, True),
        ({COMMAND: [RESTART], **settings}, False),
        (settings, False),
    ]


async def test_an_answer_that_was_not_sent_does_not_count(bench: Bench, desk: Desk) -> None:
    node = Node()
    number = desk.command("restart")
    bench.mute = True
    await bench.heard(node.report(ack=True))
    await bench.settled()
    assert (desk.state(number), desk.entry(number).tries) == ("waiting", 0)
    assert bench.metrics.counters["queue.unsent"] == 1
    bench.mute = False
    assert (await desk.told(node, node.report(ack=True)))[0] == {COMMAND: [RESTART]}


async def test_an_old_frame_takes_nothing_along(bench: Bench, desk: Desk) -> None:
    """Nobody listens for the answer to a frame that another one has overtaken."""
    node = Node()
    old, new = node.report(ack=True), node.report(ack=True)
    await bench.heard(new)
    number = desk.command("restart")
    await bench.heard(old)
    assert desk.state(number) == "waiting"


async def test_a_restarted_gateway_goes_on_where_it_was(bench: Bench, desk: Desk) -> None:
    node = Node()
    number = desk.command("restart")
    frame = node.report(ack=True)
    await desk.told(node, frame)
    desk.command("blink")  # a foreign commit makes the writer forget what it has in memory
    assert await desk.told(node, frame, heard_us=3_000_000) == ({COMMAND: [RESTART]}, True)
    assert await desk.told(node, node.report(ack=True)) == ({COMMAND: [BLINK]}, False)
    assert desk.entry(number).tries == 1


async def test_the_queue_is_bounded_and_old_entries_go(bench: Bench, desk: Desk) -> None:
    for _ in range(QUEUE_MAX):
        desk.command("blink")
    with pytest.raises(OrderRefused, match="000a01: 16 orders wait") as refused:
        desk.command("blink")
    assert refused.value.reason == "full"
    with pytest.raises(OrderRefused, match="00beef: expected a node of the registry"):
        desk.send(command_order("blink"), 0xBEEF)
    for _ in range(10):
        for entry in bench.reader.orders():
            if entry.state == "waiting":
                cancel(desk.connection, entry.id, NOW_S)
        for _ in range(QUEUE_MAX):
            desk.command("blink")
    assert len(bench.reader.orders()) == 2 * QUEUE_MAX


async def test_cancelling(bench: Bench, desk: Desk) -> None:
    node = Node()
    blink, settings = desk.command("blink"), desk.set(full_alarm=80)
    await desk.told(node, node.report(ack=True))
    with pytest.raises(OrderRefused, match=f"{blink}: expected an order that waits, this one is sent"):
        cancel(desk.connection, blink, NOW_S)
    cancel(desk.connection, settings, NOW_S)
    assert desk.state(settings) == "cancelled"
    assert await desk.told(node, node.report(ack=True)) == ({}, False)
    with pytest.raises(OrderRefused, match="999: expected an order that waits, this one is not there"):
        cancel(desk.connection, 999, NOW_S)


async def test_frames_of_nodes_without_orders_cost_no_statement(bench: Bench, desk: Desk) -> None:
    other = Node(0xB02)
    bench.add(other.id)
    desk.send(command_order("blink"), other.id)
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
