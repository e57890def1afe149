"""The embedded broker: bounded, for this machine only, or with an account and two topics per node."""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import aiomqtt
import pytest

from lyhord_gateway.config.tree import load
from lyhord_gateway.node_broker.accounts import Accounts
from lyhord_gateway.node_broker.own_broker import OwnBroker
from lyhord_rig.street.services import free_port
from tests.fakes.certificates import Authority
from tests.fakes.rude_mqtt import RudeClient, publish
from tests.gateway.parts import DEADLINE_S, GatewayProcess, Node, cli, next_message, until

FLOOD = publish(b"lyhord/v1/000a01/up", bytes(4000)) * 50


def children(process: int) -> list[int]:
    found = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [int(child) for child in found] + [g for child in found for g in children(int(child))]


def memory_mib(process: int) -> int:
    (line,) = (row for row in Path(f"/proc/{process}/status").read_text().splitlines() if "VmRSS" in row)
    return int(line.split()[1]) >> 10


class Guarded(GatewayProcess):
    """A gateway whose embedded broker listens on every interface, so that nodes have accounts."""

    def __init__(self, folder: Path, options: str = "", listen: str = "0.0.0.0") -> None:
        super().__init__(folder, None)
        text = self.config.read_text().replace('listen = "127.0.0.1"', f'listen = "{listen}"\n{options}')
        self.config.write_text(text)

    @contextlib.asynccontextmanager
    async def as_node(
        self, node: int, host: str = "127.0.0.1", timeout_s: float = DEADLINE_S, **options: object
    ) -> AsyncIterator[aiomqtt.Client]:
        password = Accounts(self.folder / "data" / "broker").password(node)
        async with aiomqtt.Client(
            host,
            self.port,
            username=f"{node:06x}",
            password=password,
            timeout=timeout_s,
            **options,  # type: ignore[arg-type]
        ) as client:
            yield client


async def welcome(gateway: Guarded, node: int, **options: object) -> None:
    """Returns when the node's account is there: the broker is told within seconds."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            try:
                async with gateway.as_node(node, **options):  # type: ignore[arg-type]
                    return
            except aiomqtt.MqttError:
                await asyncio.sleep(0.1)


async def test_a_flood_costs_bounded_memory_and_nodes_are_heard_after_it(tmp_path: Path) -> None:
    async with GatewayProcess(tmp_path, None) as gateway:
        node = Node()
        await gateway.add(node)
        assert gateway.process is not None
        (broker,) = children(gateway.process.pid)
        before = memory_mib(broker)
        async with RudeClient(gateway.port) as unknown_node:
            for _ in range(2000):  # 400 MB
                await unknown_node.send(FLOOD)
        assert memory_mib(broker) < before + 100
        async with aiomqtt.Client("127.0.0.1", gateway.port, timeout=DEADLINE_S) as client:
            await client.subscribe(node.down, qos=1)
            async with asyncio.timeout(DEADLINE_S):
                while True:
                    await client.publish(node.up, node.report(ack=True), qos=1)
                    with contextlib.suppress(TimeoutError):
                        await next_message(client, 2.0)
                        break


async def test_nobody_who_knows_the_gateways_number_takes_its_connection(tmp_path: Path) -> None:
    async with GatewayProcess(tmp_path, None) as gateway:
        node = Node()
        await gateway.add(node)
        async with (
            RudeClient(gateway.port, b"lyhord-gateway-1"),
            aiomqtt.Client("127.0.0.1", gateway.port, timeout=DEADLINE_S) as client,
        ):
            await client.subscribe(node.down, qos=1)
            await client.publish(node.up, node.report(ack=True), qos=1)
            await next_message(client)
        assert gateway.status()["counters"].get("mqtt.connections_lost", 0) == 0


def test_the_embedded_broker_is_for_this_machine_unless_told_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text("[gateway]\nnumber = 1\n[mqtt]\n")
    ((own,),) = (source.options for source in load(path).sources)
    assert isinstance(own, OwnBroker) and own.listen == "127.0.0.1" and not own.accounts


async def test_beyond_loopback_a_node_has_an_account_and_its_own_topics_only(tmp_path: Path) -> None:
    node, other = Node(), Node(0xB, bytes(range(1, 17)))
    async with Guarded(tmp_path) as gateway:
        await gateway.add(node, other)
        await welcome(gateway, node.id)
        for user in (
            {},
            {"username": "000a01", "password": "guess"},
            {"username": "gateway", "password": ""},
        ):
            with pytest.raises(aiomqtt.MqttError):
                async with aiomqtt.Client("127.0.0.1", gateway.port, **user):  # type: ignore[arg-type]
                    raise AssertionError("an unknown node was let in")
        await welcome(gateway, other.id)
        async with gateway.as_node(node.id) as client, gateway.as_node(other.id) as curious:
            await curious.subscribe("#", qos=1)
            await client.subscribe(node.down, qos=1)
            await curious.publish(node.up, node.report(), qos=1)  # taken over there would cost a counter
            await client.publish(node.up, node.report(ack=True), qos=1)
            await next_message(client)
            await curious.publish(other.up, other.report(ack=True), qos=1)
            assert str((await next_message(curious)).topic) == other.down, "the first that it hears at all"
        await gateway.cli("nodes", "disable", "00000b")
        async with asyncio.timeout(DEADLINE_S):
            with pytest.raises(aiomqtt.MqttError):
                while True:
                    async with gateway.as_node(other.id):
                        await asyncio.sleep(0.1)


async def test_an_account_is_handed_over_in_a_file(tmp_path: Path) -> None:
    async with Guarded(tmp_path) as gateway:
        await gateway.add(Node())
        await gateway.cli("nodes", "account", "000a01", "--with-keys", str(tmp_path / "account"))
        user, password = (tmp_path / "account").read_text().splitlines()
        assert (tmp_path / "account").stat().st_mode & 0o777 == 0o600
        await welcome(gateway, 0xA01)
        async with aiomqtt.Client("127.0.0.1", gateway.port, username=user, password=password):
            pass
        assert password not in gateway.log.read_text()
        assert password not in (tmp_path / "data" / "broker" / "passwords").read_text()


async def test_with_a_certificate_it_speaks_tls_only(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "ca")
    certificate, key = authority.issue("localhost")
    options = f'cert_file = "{certificate}"\nkey_file = "{key}"'
    async with Guarded(tmp_path, options, "127.0.0.1") as gateway:
        await gateway.add(Node())
        tls = aiomqtt.TLSParameters(ca_certs=str(tmp_path / "ca.pem"))
        await welcome(gateway, 0xA01, host="localhost", tls_params=tls)
        with pytest.raises(aiomqtt.MqttError):
            async with gateway.as_node(0xA01, timeout_s=2.0):  # the broker waits for the rest of a handshake
                raise AssertionError("without TLS")


@pytest.mark.parametrize("listen", ["localhost", "::1", "[::1]", "::", "127.0.0.1"])
async def test_it_listens_wherever_the_configuration_may_say(tmp_path: Path, listen: str) -> None:
    gateway = Guarded(tmp_path, listen=listen)
    async with gateway:
        host = "::1" if ":" in listen else "127.0.0.1"
        with socket.create_connection((host, gateway.port), DEADLINE_S):
            pass
        assert gateway.status()["states"]["mqtt"] == "up"


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        *(
            ("listen", value, "mqtt.listen: expected an IP address")
            for value in ("", "a" * 64, "*", "lan", "1.2.3")
        ),
        ("listen", "fe80::1%eth0", "mqtt.listen: expected an IP address without a zone"),
        ("credentials", "x", "mqtt.credentials: expected nothing here, because mqtt.embedded is true"),
        ("ca_file", "x", "mqtt.ca_file: expected nothing here, because mqtt.embedded is true"),
        ("cert_file", "x", "mqtt.key_file: expected the broker's certificate and key, or neither"),
        ("key_file", "x", "mqtt.cert_file: expected the broker's certificate and key, or neither"),
    ],
)
async def test_what_cannot_count_is_one_line_and_exit_2(
    tmp_path: Path, key: str, value: str, expected: str
) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(f'[gateway]\nnumber = 1\ndata_dir = "data"\n[mqtt]\n{key} = {json.dumps(value)}\n')
    for command in ("check", "run"):
        code, _, err = await cli(command, "--config", str(path))
        assert code == 2
        assert expected in err and err.count("\n") == 1, err


async def test_an_address_of_another_machine_is_one_line_and_exit_2(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(
        f'[gateway]\nnumber = 1\ndata_dir = "d"\n[mqtt]\nlisten = "192.0.2.1"\nport = {free_port()}\n'
    )
    code, _, err = await cli("run", "--config", str(path))
    assert code == 2
    assert "mqtt.port: expected a free port, 192.0.2.1:" in err and "Traceback" not in err


@pytest.mark.parametrize(
    "url",
    [
        "mqtt://platform..example.net",
        "mqtt://" + "a" * 64 + ".example.net",
        "mqtt://.example.net",
        "mqtt://a b.example.net",
        "mqtt://[::1",
        "mqtt://[platform]",
        "mqtt://1.2.3.256",
        "mqtt://" + ".".join(["a" * 60] * 5),
        "mqtts://platform.example.net:0",
    ],
)
async def test_an_address_that_cannot_be_is_refused_by_check(tmp_path: Path, url: str) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(
        f'[gateway]\nnumber = 1\n[[platform]]\nname = "city"\nurl = "{url}"\nprofile = "senml"\n'
        "insecure = true\n"
    )
    code, _, err = await cli("check", "--config", str(path))
    assert code == 2
    assert "platform[0].url: expected" in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("[::1]", True),
        ("platform.example.net", False),
        ("192.0.2.7", False),
        ("[2001:db8::1]", False),
        ("localhost.example.net", False),
    ],
)
@pytest.mark.parametrize("section", ["platform", "mqtt"])
async def test_plain_mqtt_off_the_machine_needs_to_be_wanted(
    tmp_path: Path, host: str, here: bool, section: str
) -> None:
    path = tmp_path / "gateway.toml"
    text = f'[gateway]\nnumber = 1\n[{section}]\nurl = "mqtt://{host}"\n'
    if section == "platform":
        text = text.replace("[platform]", "[[platform]]") + 'name = "city"\nprofile = "senml"\n'
    else:
        text += "embedded = false\n"
    path.write_text(text)
    code, _, err = await cli("check", "--config", str(path))
    assert code == (0 if here else 2)
    assert here or ".url: expected mqtts://" in err
    path.write_text(text + "insecure = true\n")
    assert (await cli("check", "--config", str(path)))[0] == 0
    assert bool(load(path).in_clear()) is not here


async def test_what_goes_in_clear_is_said_at_the_start_and_in_health(tmp_path: Path) -> None:
    gateway = GatewayProcess(tmp_path, None, f"[http]\nport = {(port := free_port())}\n")
    text = gateway.config.read_text()
    text += '[[platform]]\nname = "city"\nurl = "mqtt://192.0.2.7"\nprofile = "senml"\ninsecure = true\n'
    gateway.config.write_text(text)
    async with gateway:
        assert "platform.city goes without TLS (insecure = true)" in gateway.log.read_text()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /health HTTP/1.0\r\n\r\n")
        answer = (await reader.read()).decode()
        writer.close()
        assert "platform.city goes without TLS (insecure = true)" in answer


async def test_the_guarded_broker_too_goes_with_a_killed_gateway(tmp_path: Path) -> None:
    gateway = Guarded(tmp_path)
    await gateway.start()
    assert gateway.process is not None
    (broker,) = children(gateway.process.pid)
    await gateway.kill()

    def gone() -> bool:
        try:
            os.kill(broker, 0)
        except ProcessLookupError:
            return True
        return False

    await until(gone, "the broker has ended")
