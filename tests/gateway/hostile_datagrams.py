"""Datagrams of Semtech's UDP protocol that are to be refused, each with its reason."""

import json

_EUI = 0xAA555A0000000101


def hostile() -> list[tuple[str, bytes]]:
    eui = _EUI.to_bytes(8, "big")
    push = b"\x02\x00\x01\x00" + eui
    return [
        ("short", b""),
        ("short", b"\x02"),
        ("short", b"\x02\x00\x01"),
        ("short", b"\x02\x00\x01\x00"),
        ("short", push[:11]),
        ("long", push + b'{"rxpk":[' + b" " * 4096 + b"]}"),
        ("version", b"\x01\x00\x01\x00" + eui + b"{}"),
        ("direction", b"\x02\x00\x01\x03" + json.dumps({"txpk": {"imme": True}}).encode()),
        ("direction", b"\x02\x00\x01\x01"),
        ("direction", b"\x02\x00\x01\x04"),
        ("kind", b"\x02\x00\x01\x06" + eui),
        ("json", push),
        ("json", push + b"{"),
        ("json", push + b'{"rxpk":[{]}'),
        ("json", push + b"\xff\xfe{}"),
        ("json", push + b'{"x":' + b"[" * 4000),
        ("json", push + b'{"rxpk":' + b"[" * 4000),
        ("schema", push + b"[]"),
        ("schema", push + b'{"rxpk":{}}'),
        ("schema", push + b'{"rxpk":null}'),
        ("json", b"\x02\x00\x01\x05" + eui + b"{{"),
        ("schema", b"\x02\x00\x01\x05" + eui + b'{"txpk_ack":7}'),
    ]
