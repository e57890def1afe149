"""Operating the gateway: health, metrics, the health topic, the log, the service manager."""

import asyncio
import json
import os
import re
import socket
import subprocess
import time
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.parser import text_string_to_metric_families

from lyhord_gateway.config.tree import load
from lyhord_gateway.model.reading import NodeFacts
from lyhord_gateway.operation.exposition import RULES, Exposition, rx1_share
from lyhord_gateway.operation.health import Facts, Health, Limits, Report
from lyhord_gateway.operation.notify import Notify
from lyhord_gateway.operation.wiring import Operation
from lyhord_gateway.profiles.catalogue import KINDS
from lyhord_gateway.profiles.kind import PlatformContext
from lyhord_gateway.store.schema import open_store
from lyhord_gateway.support.metrics import Metrics
from tests.gateway.parts import (
    DEADLINE_S,
    KEY,
    GatewayProcess,
    Mosquitto,
    Node,
    cli,
    connected,
    free_port,
    get,
    next_message,
    until,
)
from tests.gateway.promtool import find_promtool

LIMITS = Limits(source_down_s=300, platform_down_s=900, backlog_age_s=3600, disk_free_bytes=1 << 20)
ENOUGH = 1 << 30


def health(metrics: Metrics, position: tuple[int, int] = (0, 0), **facts: object) -> Report:
    """A report with one source, one platform and these facts."""
    known = Facts(time.monotonic(), **{"disk_free_bytes": ENOUGH, **facts})  # type: ignore[arg-type]
    health = Health(LIMITS, metrics, lambda _: known)
    health.expect(["roof"], {"city": lambda: position})
    health._facts = known
    return health.report()


def up() -> Metrics:
    metrics = Metrics()
    for part in ("roof", "platform.city", "store"):
        metrics.state(part, "up")
    return metrics


def codes(report: Report) -> list[tuple[str, str]]:
    return [(reason.code, reason.part) for reason in report.reasons]


def test_all_is_well() -> None:
    assert health(up()).healthy


@pytest.mark.parametrize(
    ("part", "state", "for_s", "reasons"),
    [
        ("roof", "down", 299, []),
        ("roof", "down", 301, [("source_down", "roof")]),
        ("platform.city", "down", 899, []),
        ("platform.city", "down", 901, [("platform_down", "city")]),
        ("store", "full", 0, [("store_full", "store")]),
        ("store", "SQLITE_FULL", 0, [("store_refusing", "store")]),
    ],
)
def test_a_part_that_is_down_for_long_is_a_reason(
    part: str, state: str, for_s: int, reasons: list[tuple[str, str]]
) -> None:
    metrics = up()
    metrics.state(part, state)
    metrics.since_mono_s[part] -= for_s
    assert codes(health(metrics)) == reasons


def test_a_source_that_has_never_come_up_is_a_reason_too() -> None:
    metrics = up()
    health = Health(LIMITS, metrics, lambda _: Facts(time.monotonic()))
    health.expect(["attic"], {})
    health._start_mono_s -= 301
    health._facts = Facts(time.monotonic(), disk_free_bytes=ENOUGH)
    assert codes(health.report()) == [("source_down", "attic")]


def test_what_the_disk_says() -> None:
    old_s = int(time.time()) - 3700
    assert codes(health(up(), (5, 4), oldest_s={"city": old_s})) == [("backlog_old", "city")]
    assert health(up(), (0, 9), oldest_s={"city": old_s}).healthy, "delivered since the disk was asked"
    assert codes(health(up(), disk_free_bytes=(1 << 20) - 1)) == [("disk_nearly_full", "store")]
    silent = Health(LIMITS, up(), lambda _: Facts(0.0))
    silent._start_mono_s -= 61
    assert codes(silent.report()) == [("store_silent", "store")]
    noted = health(up(), set_aside=2)
    assert noted.healthy and "2 damaged" in noted.notes[0]


def families(text: str) -> dict[str, dict[tuple[str, ...], float]]:
    """The families that Prometheus' own parser reads, by sample name and label values; its linter (of the
    Debian package prometheus) finds nothing, where it is installed."""
    if (promtool := find_promtool()) is not None:
        lint = subprocess.run(
            [promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False
        )
        assert (lint.returncode, lint.stdout + lint.stderr) == (0, "")
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation, f"{family.name} has no help"
        assert family.type != "untyped", f"{family.name} has no type"
        for sample in family.samples:
            labels = tuple(sample.labels[name] for name in sorted(sample.labels))
            assert labels not in found.setdefault(sample.name, {}), f"{sample.name} {labels} is there twice"
            found[sample.name][labels] = sample.value
    return found


def test_every_counter_is_exposed_once_by_convention() -> None:
    metrics = up()
    metrics.heard["roof"] += 3
    for name in (
        "ingest.heard",
        "ingest.refused.replay",
        "ingest.retransmissions",
        "store.frames",
        "store.samples",
        "platform.city.readings",
        "platform.city.x.messages",
        "roof.rx1_answers",
        "roof.rx2_answers",
        "roof.tx.sent",
        "roof.tx_refused.duty",
        "mqtt.refused.junk",
        "udp.something_new",
        'odd."name\n\\',
    ):
        metrics.count(name, 2)
    for took_s in (0.0004, 0.003, 0.003, 9.0):
        metrics.commit_s.observe(took_s)
    report = health(metrics, (3, 4), oldest_s={"city": int(time.time()) - 60}, nodes={"known": 5})
    found = families(Exposition("test", metrics, lambda: report).text().decode())
    for name in found:
        assert re.fullmatch(r"(lyhord|process)_[a-z0-9_]+", name), name
    assert found["lyhord_frames_total"] == {("roof",): 3}
    assert found["lyhord_frames_refused_total"] == {("replay",): 2}
    assert found["lyhord_answers_sent_total"] == {("roof", "1"): 2, ("roof", "2"): 2}
    assert found["lyhord_answers_refused_total"] == {("duty", "roof"): 2}
    assert found["lyhord_source_messages_refused_total"] == {("junk", "mqtt"): 2}
    assert found["lyhord_platform_messages_total"] == {("city.x",): 2}
    assert found["lyhord_events_total"] == {("udp.something_new",): 2, ('odd."name\n\\',): 2}
    assert found["lyhord_platform_backlog_readings"] == {("city",): 3}
    assert 60 <= found["lyhord_platform_backlog_age_seconds"]["city",] < 70
    assert found["lyhord_nodes"] == {("known",): 5}
    assert found["lyhord_rx1_answers_ratio"] == {(): 0.5}
    assert found["lyhord_up"] == {("roof",): 1, ("store",): 1}
    assert found["lyhord_platform_up"] == {("city",): 1}
    commits = found["lyhord_store_commit_seconds_bucket"]
    assert (commits["0.0005",], commits["0.0025",], commits["0.005",], commits["5.0",]) == (1, 1, 3, 3)
    assert commits["+Inf",] == found["lyhord_store_commit_seconds_count"][()] == 4


def test_what_is_declared_and_expected_is_there_before_its_first_event() -> None:
    metrics = Metrics()
    metrics.declare("ingest.refused.tag", "store.samples")
    metrics.declare("messages", "readings", under=["platform.city", "platform.region"])
    metrics.declare("messages", under=[])
    metrics.hears("roof")
    health = Health(LIMITS, metrics, lambda _: Facts(time.monotonic()))
    health.expect(["roof", "attic"], {"city": lambda: (0, 0)})
    metrics.state("roof", "up")
    exposition = Exposition("test", metrics, health.report)
    found = families(exposition.text().decode())
    assert found["lyhord_up"] == {("roof",): 1, ("attic",): 0}
    assert found["lyhord_platform_up"] == {("city",): 0}
    assert found["lyhord_frames_total"] == {("roof",): 0}
    assert found["lyhord_frames_refused_total"] == {("tag",): 0}
    assert found["lyhord_samples_stored_total"] == {(): 0}
    assert found["lyhord_platform_messages_total"] == {("city",): 0, ("region",): 0}
    assert "lyhord_events_total" not in found
    assert not {"lyhord_disk_free_bytes", "lyhord_nodes"} & found.keys(), "nobody has looked at the disk yet"
    metrics.count("ingest.refused.tag")
    assert families(exposition.text().decode())["lyhord_frames_refused_total"] == {("tag",): 1}
    assert "store.samples" not in metrics.snapshot()["counters"], "the status file has what has happened"  # type: ignore[operator]


def test_the_scrape_has_the_process_under_the_units_sandbox(tmp_path: Path) -> None:
    """With ProcSubset=pid there are processes in /proc, and nothing else: the library then tells nothing."""
    (tmp_path / "self").symlink_to("/proc/self")
    registry = CollectorRegistry()
    ProcessCollector(proc=str(tmp_path), pid=lambda: "self", registry=registry)  # type: ignore[arg-type,return-value]
    assert not list(registry.collect()), "else the unit may have ProcSubset=pid again"
    unit = (Path(__file__).parents[3] / "gateway/systemd/lyhord-gateway.service").read_text()
    assert not re.search(r"^ProcSubset=pid", unit, re.M)


def test_no_family_of_metrics_has_two_rules() -> None:
    assert len({rule.family for rule in RULES}) == len(RULES)


def test_no_share_of_rx1_before_the_first_answer() -> None:
    assert rx1_share({"roof.tx.sent": 4}) is None


async def test_health_and_metrics_of_a_running_gateway(tmp_path: Path) -> None:
    node, port = Node(), free_port()
    extra = f"[http]\nport = {port}\n[health]\nplatform_down_s = 1\n"
    platform = Mosquitto(tmp_path)
    gateway = GatewayProcess(tmp_path, platform.port, extra)
    await gateway.add(node)
    async with platform, gateway:
        async with connected(gateway.port, node.down) as client:
            await client.publish(node.up, node.report(ack=True), qos=1)
            await next_message(client)
        found: dict[str, dict[tuple[str, ...], float]] = {}

        async def settled(condition: str) -> None:
            async with asyncio.timeout(DEADLINE_S):
                while condition not in (await asyncio.to_thread(get, port, "/metrics"))[1]:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)

        await settled('lyhord_platform_readings_total{platform="city"} 1.0')
        await settled('lyhord_nodes{kind="known"} 1.0')
        code, text = await asyncio.to_thread(get, port, "/metrics")
        found = families(text)
        assert code == 200
        assert found["lyhord_frames_total"] == {("mqtt",): 1}
        assert found["lyhord_samples_stored_total"] == {(): 1}
        assert found["lyhord_store_commit_seconds_count"][()] >= 1
        assert found["process_resident_memory_bytes"][()] > 0
        code, text = await asyncio.to_thread(get, port, "/health")
        assert (code, json.loads(text)["state"]) == (200, "healthy")
        await platform.stop()
        async with asyncio.timeout(DEADLINE_S):
            while code != 503:
                await asyncio.sleep(0.05)
                code, text = await asyncio.to_thread(get, port, "/health")
        (reason,) = json.loads(text)["reasons"]
        assert (reason["code"], reason["part"]) == ("platform_down", "city")
        assert (await asyncio.to_thread(get, port, "/nothing"))[0] == 404
        await platform.start()
        async with asyncio.timeout(DEADLINE_S):
            while code != 200:
                await asyncio.sleep(0.05)
                code, text = await asyncio.to_thread(get, port, "/health")
        assert await gateway.terminate() == 0
        assert "Traceback" not in gateway.log.read_text()


async def test_the_http_port_in_use_is_one_line_and_exit_2(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        gateway = GatewayProcess(tmp_path, None, f"[http]\nport = {port}\n")
        code, _, err = await cli("run", "--config", str(gateway.config))
    assert code == 2
    assert "http.port: expected a free port" in err.splitlines()[-1]
    assert "Traceback" not in err


@pytest.mark.slow  # a platform waits half a minute before it says that we are gone
async def test_the_platform_hears_that_we_are_there_and_when_we_are_gone(tmp_path: Path) -> None:
    topic = "lyhord-gateway/test/health"

    async def told(wanted: str, port: int) -> None:
        async with connected(port, topic) as client, asyncio.timeout(DEADLINE_S):
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                if json.loads(message.payload)["state"] == wanted:
                    return

    async with Mosquitto(tmp_path) as platform, GatewayProcess(tmp_path, platform.port) as gateway:
        await told("healthy", platform.port)
        await gateway.kill()
        await told("gone", platform.port)
        await gateway.start()
        await told("healthy", platform.port)
        assert await gateway.terminate() == 0
        await told("gone", platform.port)


def test_every_platform_is_told_that_has_a_place_for_it(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text('[gateway]\nnumber = 1\ndata_dir = "data"\n')
    loaded = load(path)
    open_store(loaded.store_path).close()
    operation = Operation(loaded, Metrics())
    wills = {}
    for kind in KINDS:
        options = kind.options(name="city", url="mqtt://localhost")
        profile = kind.make(options, PlatformContext("gw", NodeFacts))
        publisher = operation.status_publisher(profile, "city")
        if publisher is not None:
            wills[kind.profile] = publisher.will is not None
    operation.close()
    others = dict.fromkeys(("senml", "fiware-iota-json", "ngsi-ld", "homeassistant"), True)
    assert wills == {"thingsboard": False, **others}, "Yggio has topics of nodes only"


async def test_the_log_as_json_never_shows_a_secret(tmp_path: Path) -> None:
    node, unknown_node = Node(), Node(0xB02, os.urandom(16))
    secret = "geheimnis-4711"
    (tmp_path / "city.credentials").write_text(f"user-{secret}\npass-{secret}\n")
    (tmp_path / "city.credentials").chmod(0o600)
    port = free_port()
    extra = (
        f'credentials = "city.credentials"\n[http]\nport = {port}\n[log]\nlevel = "debug"\nformat = "json"\n'
    )
    async with Mosquitto(tmp_path) as platform, GatewayProcess(tmp_path, platform.port, extra) as gateway:
        await gateway.add(node)
        async with connected(gateway.port, node.down) as client:
            await client.publish(unknown_node.up, unknown_node.report(), qos=1)
            await client.publish(node.up, node.report(ack=True), qos=1)
            await next_message(client)
        told = "".join([(await asyncio.to_thread(get, port, path))[1] for path in ("/health", "/metrics")])
        await platform.stop()
        await until(lambda: gateway.status()["states"]["platform.city"] == "down", "the loss is seen")
        assert await gateway.terminate() == 0
        status = json.dumps(gateway.status())
    log = gateway.log.read_text()
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert any(line["level"] == "warning" and "unknown_node" in line["message"] for line in lines)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"]) for line in lines)
    for where in (log, told, status):
        assert secret not in where
        assert KEY.hex() not in where and str(KEY) not in where


async def test_systemd_hears_ready_watchdog_status_and_stopping(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "300000")
        loop = asyncio.get_running_loop()
        heard: list[str] = []

        async def hear(line: str) -> None:
            async with asyncio.timeout(DEADLINE_S):
                while True:
                    lines = (await loop.sock_recv(manager, 4096)).decode().split("\n")
                    heard.extend(lines)
                    if line in lines:
                        return

        async with GatewayProcess(tmp_path, None) as gateway:
            await hear("READY=1")
            for _ in range(3):
                await hear("WATCHDOG=1")
            assert "STATUS=healthy" in heard and "STOPPING=1" not in heard
            stop = asyncio.create_task(gateway.terminate())
            await hear("STOPPING=1")
            assert await stop == 0


def test_nobody_listens_to_notifications(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Notify({}).send("READY=1")
    assert not caplog.records
    Notify({"NOTIFY_SOCKET": str(tmp_path / "none")}).send("READY=1")
    assert len(caplog.records) == 1


def test_notifications_reach_an_abstract_socket() -> None:
    name = f"lyhord-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(DEADLINE_S)
        manager.bind("\0" + name)
        Notify({"NOTIFY_SOCKET": "@" + name}).send("READY=1", "STATUS=x")
        assert manager.recv(100) == b"READY=1\nSTATUS=x"


def test_the_watchdog_of_another_process_is_not_ours() -> None:
    for pid, period_s in ("", 2.0), (str(os.getpid()), 2.0), ("1", None):
        assert Notify({"WATCHDOG_USEC": "2000000", "WATCHDOG_PID": pid}).watchdog_s == period_s
