"""Boards on WiFi against a real TCP server."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from lyhord_rig import AccessPoint, World
from lyhord_rig.deadline import DEADLINE_S
from tests.rig.wifi.joined import joined


class Peer:
    """A TCP server that echoes, until a line says `vanish`; `silent` answers nothing."""

    def __init__(self):
        self.ended = []
        self.arrived = asyncio.Event()
        self.left = asyncio.Event()

    async def serve(self, reader, writer):
        self.arrived.set()
        try:
            while data := await reader.read(4096):
                if data.startswith(b"vanish"):
                    writer.transport.abort()
                    return
                if data.startswith(b"silent"):
                    continue
                writer.write(data)
                await writer.drain()
            self.ended.append("closed")
        except ConnectionResetError:
            self.ended.append("reset")
        finally:
            writer.close()
            self.left.set()


@asynccontextmanager
async def street(seed=3, **options):
    peer = Peer()
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with World(seed=seed, pace=None) as world:
        hosts = {"gateway.lan": ("127.0.0.1", port), "closed.lan": ("127.0.0.1", 1)}
        point = AccessPoint(world, "street", "secret", hosts, **options)
        yield world, point, peer
    server.close()
    await server.wait_closed()


async def test_join_and_echo(tmp_path):
    async with street() as (world, _, peer):
        board = joined(
            world,
            tmp_path,
            """
    s = dial("gateway.lan")
    s.write(b"x" * 3000)
    print(len(s.read(3000)))
    s.send(b"line\\n")
    print(s.readline(), wlan.ifconfig()[0], wlan.status("rssi"))
    s.setblocking(False)
    print(s.read(1))
    try:
        s.recv(1)
    except OSError as error:
        print(error.errno == errno.EAGAIN)
    s.close()
    print("end")
    """,
        )
        await board.expect(
            rb"joined True 1010 12\r\n3000\r\nb'line\\n' 192.168.4.100 -60\r\nNone\r\nTrue\r\nend", 20
        )
        async with asyncio.timeout(DEADLINE_S):
            await peer.left.wait()
        assert peer.ended == ["closed"]


async def test_poll_on_a_socket(tmp_path):
    async with street() as (world, _, _peer):
        board = joined(
            world,
            tmp_path,
            """
    s = dial("gateway.lan")
    poll = select.poll()
    poll.register(s, select.POLLIN)
    print(len(poll.poll(100)))
    s.write(b"hello")
    print(poll.poll(5000)[0][1], s.recv(100))
    """,
        )
        await board.expect(rb"0\r\n1 b'hello'", 20)


@pytest.mark.parametrize(
    ("say", "shown"),
    [
        ("vanish", rb"(b''|\[Errno 104\] ECONNRESET) 0\r\n"),
        ("silent", rb"\[Errno 110\] ETIMEDOUT 5\r\n"),
    ],
)
async def test_a_server_that_vanishes_or_is_silent(tmp_path, say, shown):
    async with street() as (world, _, _peer):
        board = joined(
            world,
            tmp_path,
            f"""
    s = dial("gateway.lan")
    s.write(b"{say}")
    began = time.ticks_ms()
    try:
        out = s.recv(10)
    except OSError as error:
        out = error
    print(out, time.ticks_diff(time.ticks_ms(), began) // 1000)
    """,
        )
        await board.expect(shown, 30)


async def test_refused_unknown_and_wrong_password(tmp_path):
    async with street() as (world, _, _peer):
        board = joined(
            world,
            tmp_path,
            """
    for host in ("closed.lan", "nowhere.lan"):
        try:
            dial(host)
        except OSError as error:
            print(host, error.errno)
    wlan.connect("street", "guess")
    time.sleep(5)
    print(wlan.status() == network.STAT_WRONG_PASSWORD)
    wlan.connect("elsewhere", "secret")
    time.sleep(5)
    print(wlan.status() == network.STAT_NO_AP_FOUND)
    """,
        )
        await board.expect(rb"closed.lan 111\r\nnowhere.lan -202\r\nTrue\r\nTrue", 30)


async def test_the_access_point_goes_and_comes(tmp_path):
    async with street() as (world, point, _peer):
        board = joined(
            world,
            tmp_path,
            """
    s = dial("gateway.lan")
    s.write(b"a")
    print(s.recv(1))
    try:
        s.recv(1)
    except OSError as error:
        print("lost", wlan.isconnected(), error.errno)
    try:
        s.settimeout(60)
        s.recv(1)
    except OSError as error:
        print("lost", wlan.isconnected(), error.errno)
    while not wlan.isconnected():
        time.sleep(1)
    print("again")
    """,
        )
        await board.expect(rb"b'a'", 20)
        world.call_later(10_000_000, point.switch, False)
        world.call_later(30_000_000, setattr, point, "available", True)
        await board.expect(rb"lost True 110\r\nlost False 103\r\nagain", 60)


async def test_power_off_resets_the_connection(tmp_path):
    async with street() as (world, _, peer):
        board = joined(
            world,
            tmp_path,
            """
    s = dial("gateway.lan")
    s.write(b"silent")
    print("waiting")
    s.settimeout(None)
    s.recv(1)
    """,
        )
        await board.expect(rb"waiting", 20)
        async with asyncio.timeout(DEADLINE_S):
            await peer.arrived.wait()
        board.power_off()
        async with asyncio.timeout(DEADLINE_S):
            await peer.left.wait()
        assert len(peer.ended) == 1
