"""Everything that is fuzzed: the check, where its seeds come from, and words that help the search."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from lyhord_gateway.config.template import template
from tests.fuzz import gateway, orders, street, wire
from tests.vectors import load

FOUND = Path(__file__).parent / "found"  # FOUND/<target>/*: what fuzzing found before, and must hold now


@dataclass(frozen=True, slots=True)
class Target:
    """size: longest input. words: tokens of the language, for libFuzzer's dictionary."""

    check: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    size: int
    words: tuple[str, ...] = ()

    def corpus(self, name: str) -> list[bytes]:
        found = sorted((FOUND / name).iterdir()) if (FOUND / name).is_dir() else []
        return [*self.seeds(), *(path.read_bytes() for path in found)]


def _hex(name: str, field: str, **only: object) -> list[bytes]:
    return [
        bytes.fromhex(vector[field])
        for vector in load(name)
        if all(vector.get(key) == value for key, value in only.items())
    ]


def _payloads() -> list[bytes]:
    return _hex("frames", "payload") + _hex("bad-payloads", "payload")


def _frames() -> list[bytes]:
    return _hex("frames", "frame") + _hex("tampered", "frame")


def _sealed() -> list[bytes]:
    """Each vector's payload, sealed anew; all of them one after the other; and retransmissions."""
    single = [street.step(street.ACK, payload) for payload in _payloads()]
    about = [street.step(street.ABOUT | street.ODD, payload) for payload in _payloads()]
    raw = [street.step(street.RAW | street.ACK, frame) for frame in _frames()]
    again = single[0] + street.step(street.AGAIN, b"") + single[1]
    return [*single, *about, *raw, again, b"".join(single[:12])]


def _serial() -> list[bytes]:
    wires, messages = _hex("bridge", "wire"), _hex("bridge", "message")
    return [*(b"\0" + line for line in wires), b"\6" + b"".join(wires), *(b"\1" + m for m in messages)]


def _datagrams() -> list[bytes]:
    eui = bytes.fromhex(gateway.EUI)
    rxpk = {
        "tmst": 3512348611,
        "chan": 2,
        "rfch": 0,
        "freq": 868.1,
        "stat": 1,
        "modu": "LORA",
        "datr": "SF7BW125",
        "codr": "4/5",
        "rssi": -35,
        "lsnr": 5.1,
        "size": 5,
        "data": "4AECAwQ=",
    }
    stat = {"time": "2026-01-02 03:04:05 GMT", "rxnb": 2, "rxok": 2, "rxfw": 2, "ackr": 100.0}
    bodies: list[tuple[int, object]] = [
        (0, {"rxpk": [rxpk]}),
        (0, {"rxpk": [rxpk, {**rxpk, "modu": "FSK", "datr": 50000}, {**rxpk, "freq": 868.3}], "stat": stat}),
        (0, {"stat": stat}),
        (5, {"txpk_ack": {"error": "TOO_LATE"}}),
        (5, {"txpk_ack": {"warn": "TX_POWER", "value": 12}}),
    ]
    heads = [bytes([2, 0x12, 0x34, kind]) + eui for kind in range(7)]
    return [*heads, *(heads[kind] + json.dumps(body).encode() for kind, body in bodies)]


def _mqtt() -> list[bytes]:
    topics = (b"lyhord/v1/000a01/up", b"lyhord/v1/000A01/up", b"lyhord/v1/xyz/up", b"$SYS/broker", b"a/#")
    return [topic + b"\0" + frame for topic in topics for frame in _frames()[:4]]


def _nodes() -> list[bytes]:
    line = {
        "id": "000a01",
        "key": "000102030405060708090a0b0c0d0e0f",
        "generation": 1,
        "name": "Åkergränd 3",
        "profile": "bin",
        "board": "devkit_rfm95",
        "latitude": 59.1954,
        "longitude": 17.6253,
        "empty_distance_mm": 900,
        "full_distance_mm": 100,
        "firmware": "1.0.0",
        "enabled": True,
        "created": "2026-01-02T03:04:05Z",
    }
    return [
        json.dumps(line).encode(),
        json.dumps(line, ensure_ascii=False).encode() + b'\n\n{"id":"00000B"}\n',
    ]


def _requests() -> list[bytes]:
    calls: list[tuple[str, object]] = [
        ("setSettings", {"full_alarm": 80, "ack_every": 2}),
        ("setSettings", {"empty_distance": 1200, "full_distance": 200}),
        ("blink", 5),
        ("blink", {"count": 7}),
        ("reportNow", {}),
        ("sendAbout", ""),
        ("restart", None),
        ("explode", [1]),
    ]
    answer = {"device": "lyhord-000a01", "id": 1, "data": {"success": True}}
    return [
        *(
            json.dumps(
                {"device": "lyhord-000a01", "data": {"id": 1, "method": method, "params": params}}
            ).encode()
            for method, params in calls
        ),
        json.dumps(answer).encode(),
    ]


def _sends() -> list[bytes]:
    return [
        b"000a01\n1\nblink\n5",
        b"000A01\n\nrestart",
        b"000a01\n1\n\n\nfull_alarm=80\nack_every=2",
        b"000a01\n\n\n\nempty_distance=1200\nfull_distance=200\nchannels=1",
        b"00beef\n9223372036854775807\nreport_now",
    ]


def _configs() -> list[bytes]:
    whole = template()
    uncommented = "\n".join(
        line.removeprefix("#") if line[1:2].strip() else line for line in whole.split("\n")
    )
    sections = [b"[gateway]\nnumber = 1\n" + part.encode() for part in uncommented.split("\n\n")]
    return [whole.encode(), b"[gateway]\nnumber = 1\n", *sections]


_JSON = ('"', "{", "}", "[", "]", "null", "true", "1e300", "-1", "\\ud800", "\\u0000")
_RXPK = ("rxpk", "stat", "tmst", "freq", "modu", "datr", "data", "rssi", "lsnr", "size", "LORA", "SF7BW125")
_LINE = ("id", "key", "generation", "name", "profile", "building", "latitude", "enabled")
_CALL = ("device", "lyhord-000a01", "data", "id", "method", "params", "count", "setSettings", "full_alarm")
_TOML = (
    "[[platform]]",
    "[[bridge]]",
    "[udp]",
    "euis",
    "inf",
    "nan",
    '"""',
    "mqtts://",
    "{node}",
    "{gateway}",
)

TARGETS = {
    "cbor": Target(wire.check_cbor, _payloads, 222),
    "report": Target(wire.check_report, _payloads, 206),
    "about": Target(wire.check_about, _payloads, 206),
    "instructions": Target(wire.check_instructions, _payloads, 205),
    "serial": Target(wire.check_serial, _serial, 1200),
    "frame": Target(gateway.check_frame, _frames, 300),
    "sealed": Target(gateway.check_sealed, _sealed, 1200),
    "datagram": Target(gateway.check_datagram, _datagrams, 4200, _JSON + _RXPK + ("txpk_ack", "error")),
    "mqtt": Target(gateway.check_mqtt, _mqtt, 5000, ("lyhord/v1/", "/up", "000a01")),
    "nodes": Target(gateway.check_nodes, _nodes, 2000, _JSON + _LINE),
    "rpc": Target(orders.check_rpc, _requests, 2000, _JSON + _CALL),
    "send": Target(orders.check_send, _sends, 400, ("full_alarm=", "ack_every=", "=-1", "000a01")),
    "config": Target(gateway.check_config, _configs, 8000, _TOML),
}
