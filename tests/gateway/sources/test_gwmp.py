"""Semtech's UDP protocol, byte by byte: what is hostile has a reason, what is random does no harm."""

import contextlib
import json
import random

import pytest

from lyhord_gateway.sources import gwmp
from lyhord_gateway.sources.rxpk import read_push
from lyhord_gateway.sources.schedule import Plan
from tests.gateway.hostile_datagrams import hostile, hostile_pushes, hostile_tx_acks

WHOLE = b'{"rxpk":[{"tmst":1,"freq":868.1,"stat":1,"modu":"LORA","datr":"SF7BW125","rssi":-5,"data":"4AE="}]}'


@pytest.mark.parametrize(("reason", "datagram"), hostile())
def test_a_hostile_datagram_has_its_reason(reason: str, datagram: bytes) -> None:
    with pytest.raises(gwmp.Malformed) as caught:
        gwmp.parse(datagram)
    assert caught.value.reason == reason


@pytest.mark.parametrize(("reason", "body"), hostile_pushes())
def test_a_push_of_which_nothing_can_be_read_has_its_reason(reason: str, body: bytes) -> None:
    with pytest.raises(gwmp.Malformed) as caught:
        read_push(body)
    assert caught.value.reason == reason


@pytest.mark.parametrize(("reason", "body"), hostile_tx_acks())
def test_a_report_that_is_none_has_its_reason(reason: str, body: bytes) -> None:
    with pytest.raises(gwmp.Malformed) as caught:
        gwmp.read_tx_ack(body)
    assert caught.value.reason == reason


def test_random_bytes_are_read_or_malformed() -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)
    assert len(read_push(WHOLE)[0]) == 1
    read = 0
    for _ in range(5000):
        data = bytearray(WHOLE)
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        with contextlib.suppress(gwmp.Malformed):
            read_push(bytes(data))
            read += 1
        with contextlib.suppress(gwmp.Malformed):
            gwmp.read_tx_ack(bytes(data))
    assert 0 < read < 5000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0",
        b" \r\n\0",
        b"null",
        b"{}",
        b"{}\0",
        b'{"txpk_ack":null}',
        b'{"txpk_ack":{}}',
        b'{"txpk_ack":{"error":""}}',
        b'{"txpk_ack":{"error":null}}',
        b'{"txpk_ack":{"error":"NONE"}}\0',
        b'{"txpk_ack":{"error":"NONE"}}\0\0junk',
        b'{"txpk_ack":{"error":"none"}}',
        b'{"txpk_ack":{"error":"None"}}',
        b'{"txpk_ack":{"error":" NONE\\u0000"}}',
        b'{"txpk_ack":{"error":0}}',
        b'{"txpk_ack":{"error":false}}',
        b'\xef\xbb\xbf{"txpk_ack":{"error":"NONE"}}',
        b'{"txpk_ack":{"error":null,"warn":null}}',
        b'{"txpk_ack":{"error":"NONE","value":NaN}}',
        b'{"stat":{"rxnb":1}}',
        b'{"txpk_ack":{"error":"NONE"},"txpk_ack":null}',
    ],
)
def test_what_names_no_error_was_sent(body: bytes) -> None:
    assert gwmp.read_tx_ack(body) == gwmp.TxReport(gwmp.SENT)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ("TX_FREQ", "tx_freq"),
        ("tx_freq", "tx_freq"),
        ("Too_Late\0", "too_late"),
        ("COLLISION_PACKET", "collision_packet"),
        ("UNKNOWN", "other"),
        ("NONE OF THESE", "other"),
        (1, "other"),
        (["NONE"], "other"),
        ({"code": 3}, "other"),
    ],
)
def test_what_names_an_error_was_not_sent(error: object, outcome: str) -> None:
    assert gwmp.read_tx_ack(json.dumps({"txpk_ack": {"error": error}}).encode()).outcome == outcome


def test_another_power_is_a_warning() -> None:
    body = b'{"txpk_ack":{"warn":"TX_POWER","value":12}}'
    assert gwmp.read_tx_ack(body) == gwmp.TxReport(gwmp.SENT, warned=True)


def test_a_downlinks_bytes() -> None:
    datagram = gwmp.pull_resp(b"\xab\xcd", Plan(1, 5, 867_100_000, 7, 14), b"\xe0\x01")
    assert datagram[:4] == b"\x02\xab\xcd\x03"
    txpk = json.loads(datagram[4:])["txpk"]
    assert (txpk["freq"], txpk["datr"], txpk["size"], txpk["data"]) == (867.1, "SF7BW125", 2, "4AE=")
