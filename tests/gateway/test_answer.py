"""Answers: what a node is told, sealed as protocol and vectors say."""

from lyhord_gateway.answer import Answerer
from lyhord_gateway.cipher import Cipher
from lyhord_gateway.metrics import Metrics
from lyhord_gateway.uplink import Question
from lyhord_gateway.work import Committed
from lyhord_wire.frame import open_downlink, parse_downlink
from lyhord_wire.instructions import AGAIN, STORED, TIME, decode_instructions
from tests.gateway.parts import KEY, NODE, vectors


def answered(gateway: int, counter: int, committed: Committed, now_s: float) -> list[bytes]:
    sent: list[bytes] = []
    question = Question(NODE, 0, counter, Cipher(KEY), sent.append)
    Answerer(gateway, Metrics(), lambda: now_s).answer(question, committed)
    return sent


def test_golden_answers_byte_for_byte() -> None:
    plain = [v for v in vectors("frames") if v["name"] in ("ack and time", "send again")]
    assert len(plain) == 2
    for vector in plain:
        instructions = vector["instructions"]
        again = instructions.get("2")
        committed = Committed(instructions["1"], tuple(again) if again else None, vector["counter"])
        sent = answered(vector["gateway"], vector["answers"], committed, instructions["0"] + 0.9)
        assert sent == [bytes.fromhex(vector["frame"])], vector["name"]


def test_a_gateway_without_a_clock_sets_none() -> None:
    (frame,) = answered(1, 7, Committed(3, None, 0), 1000.0)
    opened = open_downlink(parse_downlink(frame), Cipher(KEY), 7)
    assert decode_instructions(opened.payload) == {STORED: 3}
    (frame,) = answered(1, 7, Committed(3, (3, 2), 0), 1_800_000_000.0)
    opened = open_downlink(parse_downlink(frame), Cipher(KEY), 7)
    assert decode_instructions(opened.payload) == {TIME: 1_800_000_000, STORED: 3, AGAIN: (3, 2)}


def test_without_a_counter_nothing_is_sent() -> None:
    assert answered(1, 7, Committed(3, None, None), 1_800_000_000.0) == []
