"""Nodes whose frames are sealed before the clock starts, and readings that can be judged by identity."""

from lyhord_gateway.model.cipher import Cipher
from lyhord_wire.frame import KIND_REPORT, seal_uplink
from lyhord_wire.report import Report, encode_report

FIRST_S = 1_767_225_600
PERIOD_S = 300  # a hundred thousand samples are not yet in the future
FIRST_NODE = 0xB00001
ACK_EVERY = 4  # `ack_every` of a node that nobody has set otherwise

Identity = tuple[int, int]


def key(node: int) -> bytes:
    return node.to_bytes(16, "big")


def values(node: int, seq: int) -> dict[int, int]:
    """The values of a node: fill level in percent and temperature in 0.1 °C, two as in the peer's figures."""
    return {1: (node + seq) % 101, 3: (node * 7 + seq) % 300}


class Fleet:
    """`number` nodes that take turns; numbers of samples and counters go on from round to round."""

    def __init__(self, number: int) -> None:
        self.nodes = [FIRST_NODE + at for at in range(number)]
        self._ciphers = [Cipher(key(node)) for node in self.nodes]
        self._taken = [0] * number
        self._counters = [0] * number
        self._turn = 0

    def seal(self, frames: int, samples: int) -> list[tuple[int, int, bytes]]:
        """(node, number of the first sample, frame) of the next frames, `samples` in each."""
        sealed = []
        for _ in range(frames):
            at = self._turn
            self._turn = (at + 1) % len(self.nodes)
            node, first, counter = self.nodes[at], self._taken[at], self._counters[at]
            self._taken[at] += samples
            self._counters[at] += 1
            rows = [values(node, seq) for seq in range(first, first + samples)]
            columns: dict[int, list[int | None]] = {1: [row[1] for row in rows], 3: [row[3] for row in rows]}
            period = PERIOD_S if samples > 1 else 0
            payload = encode_report(Report(first, FIRST_S + PERIOD_S * first, period, columns))
            ask = (at + counter) % ACK_EVERY == 0  # evenly over the nodes
            sealed.append(
                (node, first, seal_uplink(self._ciphers[at], node, counter, KIND_REPORT, payload, ask))
            )
        return sealed


def asks(frame: bytes) -> bool:
    """True if the frame wants an answer."""
    return bool(frame[1] & 0x10)
