"""The building blocks alone, in the same run on the same machine: what a gateway without any work of its
own would do. `python -m tests.bench.blocks PORT FOLDER`; one line of JSON, samples/s by block.

open: header, AES-CCM, CBOR. insert: SQLite, synchronous=FULL, unique index, 1000 rows per transaction.
publish: aiomqtt, QoS 1, 20 under way, the very messages that the platform got.
"""

import asyncio
import json
import sqlite3
import sys
import time
from pathlib import Path

import cbor2
import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from lyhord_gateway.mqtt.client import WINDOW
from tests.bench.fleet import FIRST_NODE, Fleet, key
from tests.gateway.parts import connected

_SAMPLES = 4
_FRAMES = 5000
_ROWS = 20_000
_GROUP = 1000
_TABLE = (
    'CREATE TABLE sample (id INTEGER PRIMARY KEY, node INTEGER, seq INTEGER, time_s INTEGER, "values" TEXT, '
    "rssi INTEGER, snr INTEGER, source TEXT, UNIQUE (node, seq))"
)


def opening() -> float:
    """One node's frames of four samples."""
    frames = [frame for _, _, frame in Fleet(1).seal(_FRAMES, _SAMPLES)]
    ccm = AESCCM(key(FIRST_NODE), tag_length=8)
    start_s = time.perf_counter()
    for raw in frames:
        nonce = b"\0\0" + raw[2:5] + b"\0\0\0\0\0" + raw[5:8]
        cbor2.loads(ccm.decrypt(nonce, raw[8:], b"\x83\x68Encrypt0\x43\xa1\x01\x0a\x48" + raw[:8]))
    return _FRAMES * _SAMPLES / (time.perf_counter() - start_s)


def inserting(folder: Path) -> float:
    connection = sqlite3.connect(folder / "block.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(_TABLE)
    rows = [
        (at, at % 1000, at // 1000, 1767225600 + at, '{"1":63,"3":214}', -87, 30, "b1c0000000000001")
        for at in range(_ROWS)
    ]
    start_s = time.perf_counter()
    for at in range(0, _ROWS, _GROUP):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO sample VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows[at : at + _GROUP])
        connection.execute("COMMIT")
    took_s = time.perf_counter() - start_s
    connection.close()
    return _ROWS / took_s


async def publishing(port: int, payloads: list[bytes]) -> float:
    async with connected(port) as client:
        client.pending_calls_threshold = 1000
        start_s = time.perf_counter()
        for at in range(0, len(payloads), WINDOW):
            async with asyncio.TaskGroup() as group:
                for payload in payloads[at : at + WINDOW]:
                    group.create_task(client.publish("bench/block", payload, qos=1))
        took_s = time.perf_counter() - start_s
    return sum(payload.count(b'"n":"seq"') for payload in payloads) / took_s


def main() -> None:
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    payloads = msgspec.json.decode((folder / "payloads").read_bytes(), type=list[bytes])
    print(
        json.dumps(
            {
                "open": opening(),
                "insert": inserting(folder),
                "publish": asyncio.run(publishing(port, payloads)),
            }
        )
    )


if __name__ == "__main__":
    main()
