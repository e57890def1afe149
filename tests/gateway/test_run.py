"""The gateway as a process: stopped politely, started twice, fed while it runs, with a store that breaks.

Killed at any moment, and without its platform: tests/crash.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import socket
from pathlib import Path

import aiomqtt
import pytest

from lyhord_gateway.store.schema import connect
from lyhord_wire.refusal import Refused
from tests.gateway import senml_resolver
from tests.gateway.parts import (
    DEADLINE_S,
    KEY,
    GatewayProcess,
    Mosquitto,
    Node,
    cli,
    connected,
    free_port,
    next_message,
    until,
)


async def collect(port: int, readings: dict[tuple[int, int], dict]) -> None:
    """The platform's side: every reading by identity."""
    async with connected(port, "lyhord/#") as client:
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            readings.update(senml_resolver.readings(json.loads(message.payload)))


class StubbornNode(Node):
    """Keeps its samples until the gateway says *stored*, retransmits, and counts what it was told."""

    stored = 0
    ack_timeout_s = 0.5

    async def live(self, port: int, samples: int, rng: random.Random) -> None:
        """Takes `samples` samples and goes on until the gateway has stored them all."""
        while self.stored < samples:
            with contextlib.suppress(aiomqtt.MqttError, TimeoutError):
                async with connected(port, self.down) as client:
                    while self.stored < samples:
                        await self._exchange(client, samples, rng)
            await asyncio.sleep(0.02)

    async def _exchange(self, client: aiomqtt.Client, samples: int, rng: random.Random) -> None:
        count = min(rng.randrange(1, 5), samples - self.stored)
        frame = self.samples(self.stored, count, ack=True)
        for _ in range(2):  # the same bytes again if no answer comes
            await client.publish(self.up, frame, qos=1)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.ack_timeout_s):
                    self.stored = max(self.stored, await self._answer(client))
                self.ack_timeout_s = StubbornNode.ack_timeout_s
                return
        # A busy machine would answer only what has been given up.
        self.ack_timeout_s = min(2 * self.ack_timeout_s, 8.0)

    async def _answer(self, client: aiomqtt.Client) -> int:
        """The number of samples that the answer says are stored; late ones to earlier frames are left out."""
        while True:
            answer = await anext(client.messages)
            assert isinstance(answer.payload, bytes)
            with contextlib.suppress(Refused):
                return int(str(self.open(answer.payload)[1]))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_polite_stop_loses_nothing(number: int, tmp_path: Path) -> None:
    node = Node()
    async with Mosquitto(tmp_path) as platform, GatewayProcess(tmp_path, platform.port) as gateway:
        await gateway.add(node)
        async with connected(gateway.port, node.down) as client:
            await client.publish(node.up, node.report(ack=True), qos=1)
            await next_message(client)
            for _ in range(200):
                await client.publish(node.up, node.report(), qos=0)
        assert await gateway.terminate(number) == 0
        log = gateway.log.read_text()
        assert "Traceback" not in log
        assert log.count("gateway test stopped: ") == 1
        counters = gateway.status()["counters"]
        assert counters["ingest.heard"] == counters["store.frames"]
    await until(lambda: _closed(gateway.port), "the broker has gone with the gateway")


async def test_a_stop_does_not_wait_for_a_platform_that_does_not_answer(tmp_path: Path) -> None:
    """Neither to CONNECT nor, in a worker thread, to the first message of TLS."""
    loop = asyncio.get_running_loop()
    with contextlib.ExitStack() as stack:
        mute = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        mute.setblocking(False)
        port = mute.getsockname()[1]
        secure = f'[[platform]]\nname = "secure"\nurl = "mqtts://127.0.0.1:{port}"\nprofile = "senml"\n'
        async with GatewayProcess(tmp_path, port, secure) as gateway:
            for _ in range(2):
                async with asyncio.timeout(DEADLINE_S):
                    connection, _ = await loop.sock_accept(mute)
                stack.enter_context(connection)
                async with asyncio.timeout(DEADLINE_S):
                    assert await loop.sock_recv(connection, 1), "it has said something"
            waited = gateway.log.read_text().count("timed out")
            assert await gateway.terminate() == 0
            log = gateway.log.read_text()
            assert log.count("timed out") == waited, "it has waited until an attempt ended by itself"
            assert "Traceback" not in log


def _closed(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _children(pid: int) -> list[int]:
    threads = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for thread in threads for child in (thread / "children").read_text().split()]


async def test_the_broker_goes_with_a_killed_gateway_and_is_replaced_when_it_dies(tmp_path: Path) -> None:
    node = StubbornNode()
    async with GatewayProcess(tmp_path, None) as gateway:
        await gateway.add(node)
        await gateway.kill()
        await until(lambda: _closed(gateway.port), "no orphan holds the port")
        await gateway.start()
        assert gateway.process is not None
        (broker,) = _children(gateway.process.pid)
        os.kill(broker, signal.SIGKILL)
        await until(lambda: gateway.status()["counters"].get("broker.restarts"), "another broker")
        async with asyncio.timeout(DEADLINE_S):
            await node.live(gateway.port, 5, random.Random(1))


async def test_a_node_imported_at_runtime_is_heard_and_none_of_its_secrets_logged(tmp_path: Path) -> None:
    node = Node()
    secret = "geheimnis-4711"
    (tmp_path / "city.credentials").write_text(f"user-{secret}\npass-{secret}\n")
    (tmp_path / "city.credentials").chmod(0o600)
    async with Mosquitto(tmp_path) as platform:
        gateway = GatewayProcess(
            tmp_path, platform.port, 'credentials = "city.credentials"\n[log]\nlevel = "debug"\n'
        )
        async with gateway, connected(gateway.port, node.down) as client:
            await client.publish(node.up, node.report(ack=True), qos=1)
            await until(
                lambda: "reason=unknown_node" in gateway.log.read_text(), "an unknown node is refused"
            )
            await gateway.add(node)
            await client.publish(node.up, node.report(ack=True), qos=1)
            answer = await next_message(client)
            assert isinstance(answer.payload, bytes)
            assert node.open(answer.payload)[2] == (0, 1), "the sample of the refused frame is asked for"
            assert await gateway.terminate() == 0
        log = gateway.log.read_text()
    assert secret not in log
    assert KEY.hex() not in log


async def test_a_port_in_use_is_one_line_and_exit_2(tmp_path: Path) -> None:
    gateway = GatewayProcess(tmp_path, None)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", gateway.port))
        other.listen()
        code, _, err = await cli("run", "--config", str(gateway.config))
    assert code == 2
    lines = [line for line in err.splitlines() if " INFO " not in line]
    assert len(lines) == 1 and "mqtt.port: expected a free port" in lines[0], err
    assert str(gateway.port) in lines[0]


async def test_a_second_gateway_on_the_same_store_is_refused(tmp_path: Path) -> None:
    async with GatewayProcess(tmp_path, None) as gateway:
        other = tmp_path / "other.toml"
        other.write_text(gateway.config.read_text().replace(str(gateway.port), str(free_port())))
        code, _, err = await cli("run", "--config", str(other))
        assert code == 2
        assert err.count("\n") == 1 and "another lyhord-gateway is running" in err


async def test_a_dead_task_ends_the_process(tmp_path: Path) -> None:
    node = Node()
    async with GatewayProcess(tmp_path, None) as gateway, connected(gateway.port) as client:
        await gateway.add(node)
        connection = connect(tmp_path / "data" / "lyhord.db")
        connection.execute("DROP TABLE sample")  # somebody breaks the store under the running gateway
        connection.close()
        await client.publish(node.up, node.report(), qos=1)
        assert gateway.process is not None
        async with asyncio.timeout(DEADLINE_S):
            assert await gateway.process.wait() == 1
        assert "Traceback" in gateway.log.read_text()


async def test_damage_that_shows_while_running_ends_the_process_and_the_next_start_recovers(
    tmp_path: Path,
) -> None:
    node = StubbornNode()
    readings: dict[tuple[int, int], dict] = {}
    async with Mosquitto(tmp_path) as platform:
        await platform.stop()
        async with GatewayProcess(tmp_path, platform.port) as gateway:
            await gateway.add(node)
            await node.live(gateway.port, 90, random.Random(1))
            store = tmp_path / "data" / "lyhord.db"
            connection = connect(store)
            assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)
            (page, cells), *_ = connection.execute(
                "SELECT pageno, ncell FROM dbstat WHERE name = 'sample' AND pagetype = 'leaf'"
            ).fetchall()
            with store.open("r+b") as file:
                file.seek((page - 1) * 4096)
                file.write(bytes(4096))
            connection.execute("INSERT INTO kept VALUES ('a commit: no page in memory counts', x'')")
            connection.close()
            await platform.start()
            assert gateway.process is not None
            async with asyncio.timeout(DEADLINE_S):
                assert await gateway.process.wait() == 1
            log = gateway.log.read_text()
            assert "Traceback" not in log
            assert "is damaged (database disk image is malformed); the next start recovers it" in log
            collector = asyncio.create_task(collect(platform.port, readings))
            await gateway.start()
            await until(lambda: len(readings) >= 90 - cells, "what could be read arrives")
            await node.live(gateway.port, 95, random.Random(2))
            await until(lambda: (node.id, 94) in readings, "and what is new")
            collector.cancel()
    assert len(readings) == 95 - cells
    assert len(set(node.downlinks)) == len(node.downlinks), "a downlink counter came twice"
