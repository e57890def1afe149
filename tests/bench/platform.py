"""The platform's side, a process of its own: `python -m tests.bench.platform FOLDER`, told by lines of JSON.

    {"do": "connect", "port": 1883}                     → {}
    {"do": "take", "readings": 4000, "deadline_s": 30}  → {"first_s": …, "last_s": …, "taken": …}
    {"do": "judge"}                                     → {"distinct": 4000, "again": 0, "wrong": 0}
    {"do": "latency", "file": "sent.json"}              → {"latency_s": […]}, ascending
    {"do": "drain", "below": 100}                       → {"first_s": …, "last_s": …} of samples below 100
    {"do": "leave"}                                     → {}, and the newest payloads in FOLDER/payloads

While the clock runs, payloads are only kept and their readings counted; judged they are afterwards, by
identity, against what the nodes measured.
"""

import json
import sys
import time
from pathlib import Path

import msgspec

from tests.bench.fleet import FIRST_S, PERIOD_S, Identity, values
from tests.bench.packets import PUBLISH, Connection, payload_of

_SEQ = b'"n":"seq"'
_PREFIX = len("lyhord-")


class _Record(msgspec.Struct):
    n: str
    v: float | None = None
    bn: str | None = None
    bt: int = 0


_decoder = msgspec.json.Decoder(list[_Record])


class City:
    """came: when each reading came first. again: readings that came another time, all equal; wrong: those
    that are not what the node measured."""

    def __init__(self) -> None:
        self.connection: Connection | None = None
        self.kept: list[tuple[float, bytes]] = []
        self.came: dict[Identity, float] = {}
        self.again = 0
        self.wrong = 0

    def take(self, readings: int, deadline_s: float) -> dict[str, object]:
        """Returns when so many readings are there, or nothing has come for `deadline_s`."""
        assert self.connection is not None
        self.connection.socket.settimeout(deadline_s)
        self.kept = []
        taken = 0
        while taken < readings:
            try:
                packets = self.connection.receive()
            except TimeoutError:
                break
            now_s = time.monotonic()
            for kind, body in packets:
                if kind == PUBLISH:
                    self.kept.append((now_s, body))
                    taken += body.count(_SEQ)
        first_s, last_s = (self.kept[0][0], self.kept[-1][0]) if self.kept else (0.0, 0.0)
        return {"first_s": first_s, "last_s": last_s, "taken": taken}

    def judge(self) -> None:
        for when_s, body in self.kept:
            node = seq = 0
            for record in _decoder.decode(payload_of(body)):
                if record.bn is not None:
                    node, seq = int(record.bn[_PREFIX : _PREFIX + 6], 16), int(record.v or 0)
                    known = len(self.came)
                    self.came.setdefault((node, seq), when_s)
                    self.again += known == len(self.came)
                    self.wrong += record.bt != FIRST_S + PERIOD_S * seq
                elif record.n == "fill_level":
                    self.wrong += record.v != values(node, seq)[1] / 100
                elif record.n == "temperature":
                    self.wrong += record.v != values(node, seq)[3] / 10


def latencies(city: City, sent: list[tuple[int, int, float]]) -> list[float]:
    return sorted(city.came[node, seq] - when_s for node, seq, when_s in sent if (node, seq) in city.came)


def main() -> None:
    folder = Path(sys.argv[1])
    city = City()
    for line in sys.stdin:
        asked = json.loads(line)
        reply: dict[str, object] = {}
        match asked["do"]:
            case "connect":
                city.connection = Connection(asked["port"], "bench-platform", "lyhord/#")
            case "take":
                reply = city.take(asked["readings"], asked["deadline_s"])
            case "judge":
                city.judge()
                reply = {"distinct": len(city.came), "again": city.again, "wrong": city.wrong}
            case "latency":
                sent = json.loads(Path(asked["file"]).read_text())
                reply = {"latency_s": latencies(city, sent)}
            case "drain":  # when the last reading of the backlog came
                backlog = [at for (_, seq), at in city.came.items() if seq < asked["below"]]
                reply = {"first_s": min(backlog), "last_s": max(backlog)}
            case "leave":
                kept = [payload_of(body) for _, body in city.kept]
                (folder / "payloads").write_bytes(msgspec.json.encode(kept))
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
