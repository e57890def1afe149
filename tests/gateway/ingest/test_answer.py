"""Answers: what a node is told, sealed as protocol and vectors say."""

from lyhord_gateway.ingest.answer import Answerer
from lyhord_gateway.model.cipher import Cipher
from lyhord_gateway.model.orders import settings_order
from lyhord_gateway.model.uplink import AckRequest
from lyhord_gateway.model.work import Committed, DownlinkAborted, DownlinkDispatch, uplink_number
from lyhord_gateway.support.metrics import Metrics
from lyhord_wire.frame import max_frame, open_downlink, parse_downlink
from lyhord_wire.instructions import (
    AGAIN,
    COMMAND,
    SETTINGS,
    SETTINGS_VERSION,
    STORED,
    TIME,
    decode_instructions,
)
from tests.gateway.parts import KEY, NODE, vectors


def answered(gateway: int, counter: int, committed: Committed, now_s: float) -> list[bytes]:
    sent: list[bytes] = []
    question = AckRequest(NODE, 0, counter, Cipher(KEY), lambda frame, aborted: sent.append(frame))
    Answerer(gateway, Metrics(), print, lambda: now_s).answer(question, committed)
    return sent


def opened(frame: bytes) -> tuple[dict[int, object], bool]:
    """Instructions of an answer to uplink 7, and whether more waits."""
    found = open_downlink(parse_downlink(frame), Cipher(KEY), 7)
    return decode_instructions(found.payload), found.more


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
    assert opened(frame) == ({STORED: 3}, False)
    (frame,) = answered(1, 7, Committed(3, (3, 2), 0), 1_800_000_000.0)
    assert opened(frame) == ({TIME: 1_800_000_000, STORED: 3, AGAIN: (3, 2)}, False)


def test_without_a_counter_nothing_is_sent() -> None:
    assert answered(1, 7, Committed(3, None, None), 1_800_000_000.0) == []


def test_orders_have_the_right_of_way_and_every_answer_fits_at_sf12() -> None:
    """The parts that are left out come with the next answer, and the node is told to ask for it."""
    most = settings_order(
        {
            "sample_period": 86400,
            "report_period": 86400,
            "full_alarm": 90,
            "fire_alarm": 700,
            "warm_alarm": 500,
        }
        | {"empty_distance": 1200, "full_distance": 200, "channels": 1}
    )
    dispatch = DownlinkDispatch((1,), most.settings, 0xFFFFFFFF, ())
    (frame,) = answered(1, 7, Committed(0xFFFFFFFF, (0xFFFFFF, 1000), 0, dispatch), 1_800_000_000.0)
    assert len(frame) <= max_frame(12)
    instructions, more = opened(frame)
    assert instructions == {STORED: 0xFFFFFFFF, SETTINGS: dict(most.settings), SETTINGS_VERSION: 0xFFFFFFFF}
    assert more
    dispatch = DownlinkDispatch((1, 2), {3: 80}, 7, (4, 5), more=False)
    (frame,) = answered(1, 7, Committed(3, None, 0, dispatch), 1_800_000_000.0)
    assert opened(frame) == (
        {TIME: 1_800_000_000, STORED: 3, SETTINGS: {3: 80}, SETTINGS_VERSION: 7, COMMAND: [4, 5]},
        False,
    )
    (frame,) = answered(
        1, 7, Committed(3, None, 0, DownlinkDispatch((2,), command=(2,), more=True)), 1_800_000_000.0
    )
    assert opened(frame)[1]


def test_an_answer_that_never_went_out_gives_its_orders_back() -> None:
    taken_back: list[DownlinkAborted] = []
    question = AckRequest(NODE, 1, 7, Cipher(KEY), lambda frame, aborted: aborted())
    answerer = Answerer(1, Metrics(), taken_back.append, lambda: 0)
    answerer.answer(question, Committed(3, None, 0))
    assert taken_back == [], "nothing is lost with an answer that carries no orders"
    answerer.answer(question, Committed(3, None, 1, DownlinkDispatch((5,), command=(1,))))
    assert taken_back == [DownlinkAborted(NODE, uplink_number(1, 7), (5,))]
