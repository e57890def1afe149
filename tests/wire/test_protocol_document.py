"""docs/protocol.md and the tables of the code say the same numbers and names."""

import re
from pathlib import Path

import pytest

from lyhord_wire import airtime, bridge, frame, lora, refusal, tables

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")


def rows(heading, text):
    """The rows of the table that follows `heading`, each a list of its cells."""
    assert text.count(heading) == 1, heading
    lines = text.split(heading)[1].strip().splitlines()
    body = []
    for line in lines[2:]:
        if not line.startswith("|"):
            break
        body.append([cell.strip() for cell in line.strip("|").split("|")])
    assert body, heading
    return body


def table(name):
    return rows(f"<!-- table: {name} -->", PAGE)


def number(text):
    return int(text.replace("−", "-"))  # the page has a real minus sign


def whole_range(text):
    low, high = text.split("…")
    return number(low), number(high)


def names(name):
    return {number(row[0]): row[1].replace(" ", "_") for row in table(name)}


def test_quantities():
    written = {}
    for key, name, span, _, unit, factor in table("quantities"):
        numerator, _, denominator = factor.partition("/")
        written[number(key)] = (
            name,
            *whole_range(span),
            unit.strip("`").replace("vb", ""),
            int(numerator),
            int(denominator or 1),
        )
    assert written == {
        key: (quantity.name, quantity.low, quantity.high, quantity.unit, quantity.num, quantity.den)
        for key, quantity in tables.QUANTITIES.items()
    }
    assert f"Keys from {tables.FIRST_DEPLOYMENT_QUANTITY} to {tables.QUANTITY_MAX} " in PAGE


def test_settings():
    written = {
        number(key): (name, *whole_range(span), number(default), unit)
        for key, name, span, default, unit, _ in table("settings")
    }
    assert written == {
        key: (setting.name, setting.low, setting.high, setting.default, setting.unit)
        for key, setting in tables.SETTINGS.items()
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("status", tables.STATUS),
        ("reset_causes", tables.RESET_CAUSES),
        ("faults", tables.FAULTS),
        ("alarms", tables.ALARMS),
        ("about", tables.ABOUT),
        ("profiles", tables.PROFILES),
        ("instructions", tables.INSTRUCTIONS),
        ("commands", tables.COMMANDS),
        ("results", bridge.RESULTS),
    ],
)
def test_codes_and_their_names(name, expected):
    assert names(name) == {key: getattr(row, "name", row) for key, row in expected.items()}


def test_channels_and_bands():
    assert [(int(bit), int(freq), band) for bit, freq, band in table("channels")] == [
        (bit, freq_hz, band) for bit, (freq_hz, band) in enumerate(lora.UPLINK_CHANNELS)
    ]
    assert {name: tuple(int(cell) for cell in cells) for name, *cells in table("bands")} == lora.BANDS


def test_reasons_of_refusal():
    reasons = [row[0].strip("`") for row in rows("nothing is decoded before its tag has passed.", PAGE)]
    assert reasons == list(refusal.REASONS)


def test_numbers_in_the_text():
    text = " ".join(PAGE.split())
    for sentence in (
        f"an uplink costs {frame.UPLINK_OVERHEAD} bytes beside its payload "
        f"and a downlink {frame.DOWNLINK_OVERHEAD}",
        f"at most {frame.max_frame(12)} bytes at SF10…SF12, {frame.max_frame(9)} at SF9, "
        f"and {frame.max_frame(7)} at SF7, SF8",
        f"RX1 opens {lora.RX1_DELAY_US // 1_000_000} s after the end of the uplink",
        f"RX2 opens {lora.RX2_DELAY_US // 1_000_000} s after it, "
        f"on {lora.RX2_FREQ_HZ / 1e6} MHz at SF{lora.RX2_SF}",
        f"sync word `{lora.SYNC_WORD:#x}`",
        f"{lora.PREAMBLE} preamble symbols",
        f"Twenty bytes take {airtime.airtime_us(20, 7):,} µs at SF7 "
        f"and {airtime.airtime_us(20, 12):,} µs at SF12".replace(",", " "),
    ):
        assert sentence in text, sentence


def test_setting_names_in_the_text_exist():
    quoted = set(re.findall(r"`([a-z0-9]+_[a-z0-9_]+)`", PAGE))
    known = {setting.name for setting in tables.SETTINGS.values()}
    known |= {quantity.name for quantity in tables.QUANTITIES.values()}
    known |= set(refusal.REASONS) | {"lyhord_wire", "tmst_us"}
    assert quoted <= known
