"""Receptions in the dialects of the concentrators' forwarders: each good entry is taken."""

import json

import pytest

from lyhord_gateway.sources.rxpk import ENTRIES_MAX, Packet, read_push

DATA = "4EEAAAEBAgM="
FRAME = bytes.fromhex("e0410000010102" + "03")
GOOD = {
    "tmst": 3512348611,
    "chan": 2,
    "rfch": 0,
    "freq": 868.1,
    "stat": 1,
    "modu": "LORA",
    "datr": "SF9BW125",
    "codr": "4/5",
    "rssi": -95,
    "lsnr": 5.1,
    "size": 8,
    "data": DATA,
}
PACKET = Packet(3512348611, 868_100_000, 9, -95, 20, FRAME)
KERLINK = {key: value for key, value in GOOD.items() if key not in ("rssi", "lsnr", "chan")} | {
    "jver": 2,
    "rsig": [
        {"ant": 0, "chan": 7, "rssic": -113, "lsnr": -7.5, "etime": "abc="},
        {"ant": 1, "chan": 23, "rssic": -101, "rssis": -104, "lsnr": -2, "foff": 12},
    ],
}
FOREIGN = GOOD | {"data": "QAEC" + "A" * 292, "size": 222}


def one(entry: object) -> Packet:
    packets, passed_over = read_push(json.dumps({"rxpk": [entry]}).encode())
    assert not passed_over
    (packet,) = packets
    return packet


@pytest.mark.parametrize(
    "change",
    [
        {"tmst": 3512348611.0},
        {"tmst": "3512348611"},
        {"tmst": 3512348611 - 2**32},
        {"stat": "1"},
        {"stat": 1.0},
        {"stat": None},
        {"freq": "868.1"},
        {"freq": 868100000},
        {"freq": 868.1000004},
        {"modu": "lora"},
        {"modu": None},
        {"datr": "sf9bw125"},
        {"datr": "SF9 BW125"},
        {"datr": "SF9BW125kHz"},
        {"datr": "SF9_BW125000"},
        {"codr": "4/5LI"},
        {"codr": None},
        {"codr": "OFF"},
        {"size": None},
        {"size": "8"},
        {"size": 8.0},
        {"size": "?"},
        {"data": DATA.rstrip("=")},
        {"data": "4EEA\nAAEBAgM="},
        {"lsnr": "5.1"},
        {"rssi": "-95"},
        {"rssi": -95.4},
        {"chan": None, "rfch": None, "mid": None, "time": None, "tmms": None, "ftime": None, "foff": None},
        {"aesk": 0, "brd": 1, "unknown": {"nested": [1, 2, {"x": None}]}},
        {"time": "2026-13-45T99:99:99Z"},
    ],
)
def test_a_dialect_is_understood(change: dict[str, object]) -> None:
    assert one(GOOD | change) == PACKET


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        ({"lsnr": None}, "snr_q4", None),
        ({"lsnr": 1e9}, "snr_q4", None),
        ({"lsnr": []}, "snr_q4", None),
        ({"rssi": None}, "rssi_dbm", None),
        ({"rssi": 4000}, "rssi_dbm", None),
        ({"rssi": {}}, "rssi_dbm", None),
        ({"rssi": None, "rssis": -99}, "rssi_dbm", -99),
        ({"tmst": None}, "tmst_us", None),
        ({"tmst": "?"}, "tmst_us", None),
        ({"tmst": True}, "tmst_us", None),
    ],
)
def test_what_is_not_known_is_not_known(change: dict[str, object], field: str, value: object) -> None:
    packet = one(GOOD | change)
    assert getattr(packet, field) == value
    assert (packet.data, packet.freq_hz, packet.sf) == (FRAME, 868_100_000, 9)


@pytest.mark.parametrize("missing", ["tmst", "stat", "modu", "rssi", "lsnr", "size", "codr", "chan", "rfch"])
def test_what_is_missing_is_not_known(missing: str) -> None:
    assert one({key: value for key, value in GOOD.items() if key != missing}).data == FRAME


def test_the_best_antenna_speaks_for_all() -> None:
    packet = one(KERLINK)
    assert (packet.rssi_dbm, packet.snr_q4, packet.data) == (-101, -8, FRAME)
    assert one(KERLINK | {"rsig": KERLINK["rsig"][::-1]}) == packet
    assert one(KERLINK | {"rsig": KERLINK["rsig"][1]}) == packet
    assert one(KERLINK | {"rsig": [None, 7, {}, {"rssic": None}, *KERLINK["rsig"]]}) == packet
    assert one(KERLINK | {"rsig": []}).rssi_dbm is None
    assert one(KERLINK | {"rsig": None}).rssi_dbm is None
    assert one(GOOD | {"rsig": [{"rssic": -120, "lsnr": -9}]}) == PACKET


ENTRY = json.dumps(GOOD)


@pytest.mark.parametrize(
    ("body", "taken"),
    [
        ('{"rxpk":[%s],"stat":{"lati":NaN,"long":-Infinity,"ackr":NaN}}', 1),
        ('{"stat":{"lati":nan},"rxpk":[%s]}', 1),
        ('{"stat":null,"rxpk":[%s]}', 1),
        ('{"stat":[],"rxpk":[%s]}', 1),
        ('{"stat":"2026-12-01 03:00:00 GMT","rxpk":[%s]}', 1),
        ('{"rxpk":[%s],"stat":{"rxnb":1,"desc":"tak\tnorr"}}', 1),
        ('{"rxpk":[%s]}\0', 1),
        ('{"rxpk":[%s]}\0\0\0garbage', 1),
        (' \r\n\0{"rxpk":[%s]}', 1),
        ("\ufeff" + '{"rxpk":[%s]}', 1),
        ('{"rxpk":%s}', 1),
        ('{"rxpk":[%s,null]}', 1),
        ('{"rxpk":[null,7,"x",[],{},%s]}', 1),
        ('{"rxpk":[%s,%s]}', 2),
        ('{"rxpk":[%s],"rxpk":[%s]}', 2),
        ('{"rxpk":[%s],"rxpk":null}', 1),
        ('{"rxpk":null,"rxpk":[%s]}', 1),
        ('{"rxpk":[{"tmst":1,,},%s]}', 1),
        ('{"rxpk":[%s,{"tmst":35123', 1),
        ('{"rxpk":[%s,%s', 2),
        ('{"stat":{"lati":,},"rxpk":[%s]}', 1),
        ('{"rxpk":[%s,]}', 1),
        ('{"rxpk":null}', 0),
        ('{"rxpk":[]}', 0),
        ('{"rxpk":{}}', 0),
        ("{}", 0),
        ('{"stat":{"time":"2026-12-01 03:00:00 GMT","rxnb":0,"temp":null}}', 0),
    ],
)
def test_each_good_entry_is_taken_whatever_stands_beside_it(body: str, taken: int) -> None:
    packets, _ = read_push(body.replace("%s", ENTRY).encode())
    assert packets == [PACKET] * taken


def test_a_nan_in_the_entry_itself_and_a_key_that_comes_twice() -> None:
    for text in (ENTRY.replace("5.1", "NaN"), ENTRY[:-1] + ',"rssi":null,"data":null}'):
        (packet,) = read_push(b'{"rxpk":[%s]}' % text.encode())[0]
        assert (packet.data, packet.rssi_dbm) == (FRAME, -95)


def test_text_that_is_no_utf8_costs_nothing() -> None:
    body = b'{"stat":{"desc":"Sk\xe5ne"},"rxpk":[%s]}' % ENTRY.encode()
    assert read_push(body)[0] == [PACKET]


@pytest.mark.parametrize("foreign", [8, 150])
def test_ours_is_found_among_many(foreign: int) -> None:
    packets, passed_over = read_push(json.dumps({"rxpk": [FOREIGN] * foreign + [GOOD]}).encode())
    assert len(packets) == foreign + 1 and packets[-1] == PACKET and not passed_over


def test_the_number_of_entries_is_bounded() -> None:
    packets, passed_over = read_push(json.dumps({"rxpk": [{}] * 3 + [0] * 15_000}).encode())
    assert packets == [] and passed_over == {"schema": ENTRIES_MAX, "many": 15_003 - ENTRIES_MAX}


@pytest.mark.parametrize(
    ("tmms", "gps_s"),
    [
        (1_480_000_000_000, 1_795_964_782.0),  # 2026-11-29 17:46:22 UTC
        (1_480_000_000_500.0, 1_795_964_782.5),
        ("1480000000000", 1_795_964_782.0),
        (None, None),
        (0, None),
        (-1, None),
        (1e300, None),
        ("soon", None),
    ],
)
def test_gps_time_is_unix_time_and_18_leap_seconds(tmms: object, gps_s: float | None) -> None:
    packet = one(GOOD | {"tmms": tmms})
    assert (packet.gps_s, packet.data) == (gps_s, FRAME)
