"""The buffers between the MQTT library and its socket: nothing is lost, doubled or out of order."""

import asyncio
import random
import socket
import struct
from collections.abc import Iterator

import aiomqtt
import pytest

from lyhord_gateway.mqtt.buffered_socket import BufferedSocket
from lyhord_gateway.mqtt.client import Client, make_client, watch
from lyhord_gateway.options.endpoint import Endpoint
from lyhord_gateway.options.mqtt_url import MqttUrl
from tests.fakes.silent_broker import SilentBroker
from tests.gateway.parts import DEADLINE_S

Pair = tuple[BufferedSocket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    buffered = BufferedSocket(ours)
    buffered.setblocking(False)
    with theirs:
        yield buffered, theirs
    buffered.close()


def test_bytes_are_handed_out_in_pieces_and_the_rest_is_known(pair: Pair) -> None:
    ours, theirs = pair
    with pytest.raises(BlockingIOError):
        ours.recv(1)
    theirs.sendall(b"\x40\x02\x00\x01")
    assert (ours.recv(1), ours.pending()) == (b"\x40", 3)
    assert (ours.recv(100), ours.pending()) == (b"\x02\x00\x01", 0)
    with pytest.raises(BlockingIOError):
        ours.recv(1)
    theirs.close()
    assert ours.recv(1) == b"", "the end of the connection shows"


def test_what_is_sent_goes_out_together(pair: Pair) -> None:
    ours, theirs = pair
    theirs.setblocking(False)
    assert ours.send(b"one") == 3
    ours.send(b"two")
    with pytest.raises(BlockingIOError):
        theirs.recv(100)
    assert ours.flush()
    assert theirs.recv(100) == b"onetwo"


def test_a_peer_that_takes_nothing_is_waited_for(pair: Pair) -> None:
    seed = random.SystemRandom().randrange(1 << 31)
    print(f"seed {seed}")
    rng = random.Random(seed)
    ours, theirs = pair
    sent = b""
    with pytest.raises(BlockingIOError):
        while len(sent) < 1 << 24:
            piece = rng.randbytes(rng.randint(1, 5000))
            assert ours.send(piece) == len(piece)
            sent += piece
    assert not ours.flush()
    got = b""
    while not ours.flush():
        got += theirs.recv(1 << 16)
    while len(got) < len(sent):
        got += theirs.recv(1 << 16)
    assert got == sent


def test_a_lost_connection_is_said(pair: Pair) -> None:
    ours, theirs = pair
    ours.send(b"anybody?")
    theirs.close()
    with pytest.raises(OSError):
        ours.flush()


def test_a_connection_that_was_reset_ends_and_tells_why() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connected = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        theirs.close()
    ours = BufferedSocket(connected)
    assert ours.recv(1) == b""
    assert isinstance(ours.lost, ConnectionResetError)
    ours.close()


async def test_a_peer_that_takes_connections_and_says_nothing_is_left_in_time() -> None:
    """No CONNACK: a process that was stopped, or something that is no broker."""
    ended = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        ended.set()

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as silent:
        port = silent.sockets[0].getsockname()[1]
        async with asyncio.timeout(DEADLINE_S):
            with pytest.raises(aiomqtt.MqttError, match="timed out"):
                await Client("127.0.0.1", port, timeout=0.1).__aenter__()
            await ended.wait()


async def test_a_client_whose_peer_breaks_off_in_the_middle_of_a_write_says_so_and_comes_back() -> None:
    async with SilentBroker(acknowledging=True) as broker:
        endpoint = Endpoint(url=MqttUrl("127.0.0.1", broker.port, False))
        for _ in range(3):
            with pytest.raises(aiomqtt.MqttError):
                async with asyncio.timeout(DEADLINE_S), make_client(endpoint) as client:
                    # More than the kernel holds: most of it still waits when the peer breaks off.
                    sending = asyncio.create_task(client.publish("t", bytes(1 << 25), qos=1))
                    asyncio.get_running_loop().call_later(0.002, broker.drop_all)
                    try:
                        await watch(client)
                    finally:
                        sending.cancel()
        assert not broker.published
        async with asyncio.timeout(DEADLINE_S), make_client(endpoint) as client:
            await client.publish("t", bytes(1 << 22), qos=1)
        assert [len(payload) for _, payload in broker.published] == [1 << 22]


async def test_a_cancellation_that_comes_with_the_answer_is_not_forgotten() -> None:
    client = Client("127.0.0.1")
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(client._wait_for(answer, None))
    await asyncio.sleep(0)  # it waits now
    answer.set_result("PUBACK")
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
