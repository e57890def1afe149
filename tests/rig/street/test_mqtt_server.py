"""Servers inside a world: boards reach them over WiFi in virtual time alone; the MQTT broker among them."""

from contextlib import asynccontextmanager

import pytest

from lyhord_rig import AccessPoint, World
from lyhord_rig.street.mqtt_server import MqttServer
from tests.rig.wifi.joined import joined


class Line:
    """The broker's way back to one client."""

    def __init__(self):
        self.said = bytearray()
        self.hung_up = False

    def say(self, data):
        self.said += data

    def hang_up(self):
        self.hung_up = True


class Echo:
    """A server that says what it hears, and remembers who left."""

    def __init__(self):
        self.open = True
        self.left = 0
        self.lines = []

    def accept(self, line):
        if not self.open:
            return None
        self.lines.append(line)
        return EchoPeer(self, line)


class EchoPeer:
    def __init__(self, echo, line):
        self.echo = echo
        self.line = line

    def received(self, data):
        self.line.say(data)

    def closed(self):
        self.echo.left += 1


@asynccontextmanager
async def town(tmp_path, server, main):
    async with World(seed=4, pace=None) as world:
        AccessPoint(world, "street", "secret", {"gateway.lan": server})
        board = joined(world, tmp_path, main)
        yield world, board


async def test_an_echo_takes_four_ways_of_virtual_time_and_none_of_wall_time(tmp_path):
    server = Echo()
    main = """
    s = dial("gateway.lan")
    began = time.ticks_ms()
    s.send(b"hello")
    print(s.recv(10), time.ticks_diff(time.ticks_ms(), began))
    s.close()
    time.sleep(1)
    """
    async with town(tmp_path, server, main) as (world, board):
        await world.run_for(10)
        assert board.serial_lines()[-1] == "b'hello' 10"
        assert server.left == 1


async def test_a_closed_port_refuses_and_a_server_that_goes_resets(tmp_path):
    server = Echo()
    server.open = False
    main = """
    for _ in range(2):
        try:
            s = dial("gateway.lan")
            print(s.recv(10))
        except OSError as error:
            print(errno.errorcode[error.errno])
        time.sleep(5)
    """
    async with town(tmp_path, server, main) as (world, board):
        await board.expect(rb"ECONNREFUSED", 10)
        server.open = True
        await world.run_until(lambda: server.lines, 10)
        server.lines[0].hang_up()
        await board.expect(rb"ECONNRESET", 10)


async def test_a_board_without_power_leaves_its_server(tmp_path):
    server = Echo()
    main = """
    s = dial("gateway.lan")
    print("up")
    time.sleep(99)
    """
    async with town(tmp_path, server, main) as (world, board):
        await board.expect(rb"up", 10)
        board.power_off()
        await world.run_for(1)
        assert server.left == 1


def packet(kind, body, flags=0):
    assert len(body) < 128
    return bytes([kind << 4 | flags, len(body)]) + body


TOPIC = b"\0\4down"


def test_the_broker_carries_messages_both_ways_in_any_pieces():
    heard = []
    broker = MqttServer(lambda topic, payload: heard.append((topic, payload)))
    line = Line()
    client = broker.accept(line)
    sent = packet(1, b"\0\4MQTT\4\2\0\x3c\0\1n") + packet(8, b"\0\7" + TOPIC + b"\1", 2)
    sent += packet(3, b"\0\2up\0\1frame", 2) + packet(12, b"")
    for byte in sent:
        client.received(bytes([byte]))
    assert heard == [("up", b"frame")]
    assert line.said == packet(2, b"\0\0") + packet(9, b"\0\7\1") + packet(4, b"\0\1") + packet(13, b"")
    line.said.clear()
    assert broker.publish("down", b"x" * 200) == 1
    assert line.said == bytes([0x32, 0xD0, 0x01]) + TOPIC + b"\0\1" + b"x" * 200
    assert broker.publish("elsewhere", b"") == 0
    client.received(packet(14, b""))
    assert broker.publish("down", b"") == 0
    assert broker.junk == 0


@pytest.mark.parametrize("junk", [packet(2, b""), packet(3, b"\0\x09up"), packet(8, b"\0\1" + TOPIC, 0)])
def test_what_no_node_may_send_ends_the_connection(junk):
    broker = MqttServer(lambda topic, payload: None)
    line = Line()
    client = broker.accept(line)
    client.received(junk)
    assert line.hung_up and broker.junk == 1


def test_a_broker_that_stops_hangs_up_and_refuses():
    broker = MqttServer(lambda topic, payload: None)
    line = Line()
    broker.accept(line)
    broker.stop()
    assert line.hung_up and broker.accept(Line()) is None
    broker.start()
    assert broker.accept(Line()) is not None
    assert broker.connections == 2
