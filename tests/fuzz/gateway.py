"""Parsers of the gateway under fuzzing: frames, concentrators' datagrams, MQTT messages, files.

A *check* takes any bytes and raises AssertionError, or whatever the parser should not have raised.
"""

import asyncio
import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import aiomqtt
from paho.mqtt.client import MQTTMessage

from lyhord_gateway.cli.node_rows import listed
from lyhord_gateway.config.tree import load
from lyhord_gateway.fleet.nodes import export_line, import_nodes, parse_lines
from lyhord_gateway.model.uplink import Uplink
from lyhord_gateway.node_broker.own_broker import NodeBroker
from lyhord_gateway.sources import gwmp
from lyhord_gateway.sources.mqtt import NAME, Inbox, MqttSource
from lyhord_gateway.sources.rxpk import PAYLOAD_MAX, read_push
from lyhord_gateway.sources.schedule import Scheduler
from lyhord_gateway.sources.source import SourceContext
from lyhord_gateway.sources.udp import UdpSource
from lyhord_gateway.store.reader import Reader
from lyhord_gateway.support.errors import UserError
from lyhord_gateway.support.metrics import Metrics
from lyhord_wire.frame import MAX_FRAME, parse_downlink, parse_uplink
from lyhord_wire.lora import band_of
from lyhord_wire.refusal import CBOR, REASONS, SCHEMA, Refused
from tests.fuzz.street import NOW_S, Street, memory_store
from tests.gateway.virtual_times import VirtualTimes

EUI = "aa555a0000000101"
_REASONS = {"short", "version", "direction", "kind"}
_FRAMES_MAX = 4096  # bytes of an MQTT payload that reach ingest


def check_frame(data: bytes) -> None:
    """Raw bytes as a frame in both directions: parsed, or refused before anything is decoded."""
    for parse in (parse_uplink, parse_downlink):
        try:
            sealed = parse(data)
        except Refused as refused:
            assert refused.reason in set(REASONS) - {CBOR, SCHEMA}
            continue
        assert sealed.raw == data and len(data) <= MAX_FRAME and 1 <= sealed.node <= 0xFFFFFF


def check_sealed(data: bytes) -> None:
    """Checks the frame of a node that is known, from its seal to the platforms' messages (see `Street`)."""
    _street().live(data)


@cache
def _street() -> Street:
    return Street()


def _around(heard: list[Uplink], metrics: Metrics) -> SourceContext:
    """A source's surroundings in which time stands still."""

    def duty(_: str, power_dbm: int) -> tuple[Scheduler, Callable[[bytes], None]]:
        return Scheduler(power_dbm), lambda _: None

    connect = NodeBroker(Path(), list, metrics).connect
    return SourceContext(heard.append, asyncio.Event(), metrics, duty, connect, times=VirtualTimes(NOW_S))


def check_datagram(data: bytes) -> None:
    heard: list[Uplink] = []
    metrics = Metrics()
    source = UdpSource("", 0, [EUI], 14, _around(heard, metrics))
    try:
        message = gwmp.parse(data)
    except gwmp.Malformed as malformed:
        assert malformed.reason in _REASONS
        message = None
    source._received(data, ("192.0.2.1", 1700))
    if message is None or message.eui != EUI:
        assert not heard
        return
    if message.kind == gwmp.PUSH_DATA:
        try:
            packets, _ = read_push(message.body)
        except gwmp.Malformed as malformed:
            assert malformed.reason in {"json", "schema"}
            assert not heard
            return
        # Each transmission once: of copies the best, which are those of one time on the radio's clock.
        assert {packet.data for packet in packets} == {uplink.raw for uplink in heard}
        assert len(heard) == len({uplink.raw for uplink in heard})
        for packet in packets:
            assert band_of(packet.freq_hz) and 7 <= packet.sf <= 12 and len(packet.data) <= PAYLOAD_MAX
            assert packet.tmst_us is None or 0 <= packet.tmst_us < 1 << 32
        for uplink in heard:
            uplink.reply(bytes(40), lambda: None)  # nowhere to send it, which is counted and not raised
    assert len(metrics.counters) < 80


def check_mqtt(data: bytes) -> None:
    """A topic, a zero byte, a payload, as paho gives them to us."""
    topic, _, payload = data.partition(b"\0")
    message = MQTTMessage(mid=1, topic=topic)
    message.payload = payload
    metrics = Metrics()
    heard: list[Uplink] = []
    source = MqttSource(lambda **_: None, _around(heard, metrics))  # type: ignore[arg-type, return-value]
    inbox = Inbox(metrics)
    try:
        said = aiomqtt.Message._from_paho_message(message)
    except (UnicodeDecodeError, ValueError):
        return  # mqtt.client.Client counts it; tests/gateway/test_hostile_peers.py
    inbox.queue_type()().put_nowait(said)
    for waiting in inbox.waiting:
        source._take(waiting)
    refused = sum(n for name, n in metrics.counters.items() if name.startswith(f"{NAME}.refused."))
    assert refused + len(heard) == 1
    for uplink in heard:
        assert len(uplink.raw) <= _FRAMES_MAX


def check_nodes(data: bytes) -> None:
    """JSON Lines of nodes: entered whole and listed, or refused in one line that shows no key."""
    try:
        nodes = parse_lines("nodes.jsonl", data.split(b"\n"))
    except UserError as fault:
        assert str(fault).isprintable()
        return
    connection = memory_store()
    assert import_nodes(connection, nodes) == len(nodes)
    for row in Reader(connection).nodes():
        listed(row, 1_800_000_000)
        line = export_line(row)
        assert "key" not in json.loads(line)
        parse_lines("export", [line.encode()])
    connection.close()


def check_config(data: bytes) -> None:
    path = _folder() / "gateway.toml"
    path.write_bytes(data)
    try:
        load(path)
    except UserError as fault:
        assert str(fault).isprintable() and str(fault).startswith(f"{path}: ")


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="lyhord-fuzz-"))
