"""Semtech's UDP protocol, byte by byte: what is hostile has a reason, what is random does no harm."""

import contextlib
import json
import random

import pytest

from lyhord_gateway.sources import gwmp
from lyhord_gateway.sources.schedule import Plan
from tests.gateway.hostile_datagrams import hostile


@pytest.mark.parametrize(("reason", "datagram"), hostile())
def test_a_hostile_datagram_has_its_reason(reason: str, datagram: bytes) -> None:
    with pytest.raises(gwmp.Malformed) as caught:
        gwmp.parse(datagram)
    assert caught.value.reason == reason


def test_random_bytes_are_parsed_or_malformed() -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)
    rxpk = (
        b'{"rxpk":[{"tmst":1,"freq":868.1,"stat":1,"modu":"LORA","datr":"SF7BW125","rssi":-5,"data":"4AE="}]}'
    )
    whole = b"\x02\x00\x01\x00" + bytes(8) + rxpk
    assert isinstance(gwmp.parse(whole), gwmp.PushData)
    parsed = 0
    for _ in range(5000):
        data = bytearray(whole)
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        with contextlib.suppress(gwmp.Malformed):
            gwmp.parse(bytes(data))
            parsed += 1
    assert 0 < parsed < 5000


def test_a_downlinks_bytes() -> None:
    datagram = gwmp.pull_resp(b"\xab\xcd", Plan(1, 5, 867_100_000, 7, 14), b"\xe0\x01")
    assert datagram[:4] == b"\x02\xab\xcd\x03"
    txpk = json.loads(datagram[4:])["txpk"]
    assert (txpk["freq"], txpk["datr"], txpk["size"], txpk["data"]) == (867.1, "SF7BW125", 2, "4AE=")
