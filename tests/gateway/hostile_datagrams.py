"""Datagrams of Semtech's UDP protocol that are to be refused, each with its reason."""

import json

_EUI = 0xAA555A0000000101


def hostile() -> list[tuple[str, bytes]]:
    """Those whose header makes no sense: they are not even acknowledged."""
    eui = _EUI.to_bytes(8, "big")
    push = b"\x02\x00\x01\x00" + eui
    return [
        ("short", b""),
        ("short", b"\x02"),
        ("short", b"\x02\x00\x01"),
        ("short", b"\x02\x00\x01\x00"),
        ("short", push[:11]),
        ("version", b"\x01\x00\x01\x00" + eui + b"{}"),
        ("direction", b"\x02\x00\x01\x03" + json.dumps({"txpk": {"imme": True}}).encode()),
        ("direction", b"\x02\x00\x01\x01"),
        ("direction", b"\x02\x00\x01\x04"),
        ("kind", b"\x02\x00\x01\x06" + eui),
    ]


def hostile_pushes() -> list[tuple[str, bytes]]:
    """Bodies of PUSH_DATA of which not one entry can be read."""
    return [
        ("json", b""),
        ("json", b"{"),
        ("json", b'{"rxpk":[{]}'),
        ("json", b"\xff\xfe{}"),
        ("json", b'{"x":' + b"[" * 4000),
        ("json", b'{"rxpk":' + b"[" * 4000),
        ("json", b'{"rxpk":[' + b"{" * 60_000),
        ("json", b'{"rxpk":[' + b'{"a":' * 12_000),
        ("json", b"9" * 60_000),
        ("schema", b"[]"),
        ("schema", b"7"),
        ("schema", b'{"rxpk":"4AECAwQ="}'),
    ]


def hostile_tx_acks() -> list[tuple[str, bytes]]:
    return [("json", b"{{"), ("schema", b'{"txpk_ack":7}'), ("schema", b"[1]")]


def datagrams() -> list[bytes]:
    """All of them, as a listed concentrator would send them."""
    eui = _EUI.to_bytes(8, "big")
    found = [datagram for _, datagram in hostile()]
    found += [b"\x02\x00\x01\x00" + eui + body for _, body in hostile_pushes()]
    return found + [b"\x02\x00\x01\x05" + eui + body for _, body in hostile_tx_acks()]
