"""The whole node on a virtual board, over WiFi and a real Mosquitto."""

import hashlib
import itertools
import re

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from lyhord_rig import AccessPoint, State, World
from lyhord_rig.deadline import DEADLINE_S
from lyhord_rig.measuring.budget import read_budget
from lyhord_wire import codes
from tests.fakes.certificates import Authority
from tests.fakes.mqtt_gateway import MqttGateway
from tests.gateway.parts import Mosquitto, free_port
from tests.node.bin_node import KEY, BinNode

PASSWORD = "one secret of its own"
WIFI = {
    "sample_period": 10,
    "report_period": 20,
    "empty_distance": 1200,
    "full_distance": 200,
    "link": 2,
    "wifi_ssid": "town",
    "wifi_password": PASSWORD,
    "broker_host": "gateway.lan",
    "broker_port": 1883,
}
_GRACE_S = DEADLINE_S  # the broker and the gateway are real: time stands still until they have answered


@pytest.fixture
async def world():
    async with World(seed=6, pace=None, start_unix=1_767_225_600, grace_s=_GRACE_S) as made:
        yield made


@pytest.fixture
async def broker(tmp_path):
    async with Mosquitto(tmp_path) as made:
        yield made


@pytest.fixture
async def gateway(world, broker):
    async with MqttGateway(world, KEY, broker.port) as made:
        yield made
        made.check()


@pytest.fixture
def access_point(world, broker):
    return AccessPoint(world, "town", PASSWORD, {"gateway.lan": ("127.0.0.1", broker.port)})


@pytest.fixture
async def node(world, gateway, access_point, node_image, tmp_path):
    made = BinNode(world, node_image, tmp_path / "node")
    yield made
    print(made.printed())
    assert made.board.crash_reports == []
    assert "Traceback" not in made.printed()
    assert PASSWORD not in made.printed()


def whole(gateway):
    assert sorted(gateway.samples) == list(range(len(gateway.samples)))
    return len(gateway.samples)


async def test_samples_arrive_over_wifi_each_acknowledged(world, gateway, node):
    await node.provision(WIFI)
    assert await world.run_until(lambda: len(gateway.samples) >= 14, 400)
    whole(gateway)
    heap = 128 * 1024
    reports = re.findall(r"report: done \d+ heap (\d+) (\d+)", node.printed())
    assert min(int(after) for _, after in reports) >= heap * 30 // 100
    assert min(int(while_sending) for while_sending, _ in reports) >= heap * 15 // 100
    assert all(uplink.ack_requested for uplink in gateway.frames)
    assert gateway.topics == {"lyhord/v1/000a01/up"}
    times = [gateway.samples[number][0] for number in range(len(gateway.samples))]
    assert all(before < after for before, after in itertools.pairwise(times))
    # Broker and gateway live on the wall clock: while they answer, the node's seconds go by.
    assert world.start_unix - 10 <= times[0] and times[-1] <= world.unix_us() // 1_000_000 + 10
    assert await world.run_until(lambda: node.board.state is State.ASLEEP, 60)
    assert gateway.statuses[0][codes.STATUS_FAULTS] & codes.FAULT_RADIO == 0


async def test_an_outage_of_the_access_point_costs_no_sample(world, gateway, access_point, node):
    await node.provision(WIFI | {"sample_period": 40, "report_period": 80})
    await world.run_for(100)
    access_point.switch(False)
    await world.run_for(700)
    assert "link down: wifi" in node.printed()
    access_point.switch(True)
    assert await world.run_until(lambda: len(gateway.samples) >= 22, 300)
    whole(gateway)
    # The backlog came in as few frames as it fits into.
    assert max(report.count() for report in gateway.reports) >= 12


async def test_a_wifi_driver_that_refuses_is_a_link_that_is_down(world, gateway, node):
    await node.provision(WIFI | {"sample_period": 40, "report_period": 80})
    node.board.station.fault = "WiFi Out of Memory"
    await world.run_for(900)
    printed = node.printed()
    assert "link down: wifi: OSError" in printed and printed.count("sample ") >= 20
    node.board.station.fault = ""
    assert await world.run_until(lambda: len(gateway.samples) >= 25, 900)
    whole(gateway)


async def test_a_broker_that_is_down_and_comes_back(world, broker, access_point, node_image, tmp_path):
    await broker.stop()
    node = BinNode(world, node_image, tmp_path / "node")
    await node.provision(WIFI)
    await world.run_for(100)
    assert "link down: broker: OSError" in node.printed()
    await broker.start()
    async with MqttGateway(world, KEY, broker.port) as gateway:
        assert await world.run_until(lambda: len(gateway.samples) >= 14, 300)
        gateway.check()
        whole(gateway)
    assert "Traceback" not in node.printed()


async def test_a_silent_gateway_is_asked_again_next_time(world, gateway, node):
    gateway.silent = True
    world.grace_s = 1.0  # for answers that do not come
    await node.provision(WIFI)
    await world.run_for(100)
    reports = node.printed().count("report:")
    assert await world.run_until(lambda: node.printed().count("report:") > reports, 60)
    counters = [uplink.counter for uplink in gateway.frames]
    assert counters == [0, *range(len(counters) - 1)]  # the question for the time twice, samples' ages once
    gateway.silent = False
    world.grace_s = _GRACE_S
    assert await world.run_until(lambda: len(gateway.samples) >= 14, 300)
    whole(gateway)


async def test_everything_is_delivered_on_demand(world, gateway, access_point, node):
    access_point.switch(False)
    await node.provision(WIFI | {"report_period": 86400})
    await world.run_for(420)
    access_point.switch(True)
    await node.enter()
    end, lines = await node.say("send")
    assert end == "ok" and lines[-1].startswith("sent: ") and lines[-1].endswith("left: 0"), lines
    status = await node.ask("status")
    assert whole(gateway) == int(status["next_sample"]) >= 40
    assert (status["stored"], status["kept"]) == (status["next_sample"], "0")


class TlsMosquitto(Mosquitto):
    """With a TLS listener beside the one in clear that `MqttGateway` uses."""

    def __init__(self, folder):
        super().__init__(folder)
        self.tls_port = free_port()
        authority = Authority(folder, "authority")
        # Expired and of another name: what counts is that it is the one that the node was told of.
        self.certificate, key = authority.issue("broker", "elsewhere.example", valid=False)
        der = x509.load_pem_x509_certificate(self.certificate.read_bytes()).public_bytes(Encoding.DER)
        self.pin = hashlib.sha256(der).hexdigest()
        with self._config.open("a") as file:
            file.write(f"listener {self.tls_port} 127.0.0.1\ncertfile {self.certificate}\nkeyfile {key}\n")


@pytest.fixture
async def tls_broker(tmp_path):
    async with TlsMosquitto(tmp_path) as made:
        yield made


async def test_over_tls_to_the_broker_that_has_the_certificate(world, tls_broker, node_image, tmp_path):
    AccessPoint(world, "town", PASSWORD, {"gateway.lan": ("127.0.0.1", tls_broker.tls_port)})
    node = BinNode(world, node_image, tmp_path / "node")
    async with MqttGateway(world, KEY, tls_broker.port) as gateway:
        await node.provision(WIFI | {"sample_period": 60, "broker_pin": tls_broker.pin.upper()})
        assert await world.run_until(lambda: len(gateway.samples) >= 6, 900), node.printed()
        gateway.check()
        whole(gateway)
    assert "link down" not in node.printed() and "Traceback" not in node.printed()
    assert min(node.board.chip.largest_blocks) >= read_budget().free_block_bytes_min


async def test_over_tls_nothing_is_said_to_another_broker_nor_in_clear(
    world, tls_broker, node_image, tmp_path
):
    point = AccessPoint(world, "town", PASSWORD, {"gateway.lan": ("127.0.0.1", tls_broker.tls_port)})
    node = BinNode(world, node_image, tmp_path / "node")
    async with MqttGateway(world, KEY, tls_broker.port) as gateway:
        wrong = "0" + tls_broker.pin[1:] if tls_broker.pin[0] != "0" else "1" + tls_broker.pin[1:]
        await node.provision(WIFI | {"sample_period": 60, "broker_pin": wrong})
        assert await world.run_until(lambda: "link down: broker: " in node.printed(), 300)
        point.hosts["gateway.lan"] = ("127.0.0.1", tls_broker.port)
        node.board.reset()
        assert await world.run_until(lambda: node.printed().count("link down: broker: ") >= 2, 300)
        assert not gateway.frames
    assert "Traceback" not in node.printed() and node.board.events.watchdog_resets == 0


async def test_lora_takes_over_where_wifi_is_missing(world, gateway, access_point, node):
    access_point.switch(False)
    await node.provision(WIFI | {"link": 0})
    await world.run_for(60)
    assert "link down: wifi" in node.printed() and "link down: radio" in node.printed()
