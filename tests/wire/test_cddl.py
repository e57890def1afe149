"""docs/lyhord.cddl, the codec and the tables say the same.

`pycddl` judges type choices between arrays loosely (one alternative's entries count for another's), so each
alternative of a rule like `report = a / b / c` is judged alone here; that is what the choice means.
"""

import re
from functools import cache
from pathlib import Path

import cbor2
import pycddl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lyhord_wire import bridge
from lyhord_wire.about import encode_about
from lyhord_wire.instructions import encode_instructions
from lyhord_wire.refusal import Refused
from lyhord_wire.report import decode_report, encode_report
from lyhord_wire.tables import ABOUT, ALARMS, COMMANDS, FAULTS, QUANTITIES, SETTINGS, STATUS
from tests.vectors import load
from tests.wire import payloads

FILE = Path(__file__).parents[2] / "docs" / "lyhord.cddl"
TEXT = FILE.read_text(encoding="utf-8")

# Well-formed CBOR of the right shape, refused by rules that CDDL has no words for.
BEYOND_CDDL = {
    "columns of unequal length",
    "indefinite length",
    "duplicate key",
}
# The file refuses them; pycddl takes an array for any type choice in a map (`fill-level / null`), and stops
# reading where the first value ends.
BEYOND_PYCDDL = {"several samples with period 0", "trailing byte"}

some = settings(max_examples=150, deadline=None, database=None)


def alternatives(rule):
    """The rules that `rule` is a choice of; itself if it is none."""
    (right,) = re.findall(rf"^{rule} = (.*)$", TEXT, re.MULTILINE)
    names = right.split(" / ")
    return names if len(names) > 1 else [rule]


@cache
def schema(rule):
    return pycddl.Schema(f"start = {rule}\n{TEXT}")


def accepts(rule, payload):
    for name in alternatives(rule):
        try:
            schema(name).validate_cbor(payload)
        except (pycddl.ValidationError, ValueError):
            continue
        return True
    return False


def test_the_choices_are_what_this_test_takes_them_for():
    assert len(alternatives("report")) == 6
    assert alternatives("payload") == ["report", "about", "instructions"]
    assert len(alternatives("from-bridge")) == 4
    assert len(alternatives("to-bridge")) == 3
    assert alternatives("about") == ["about"]


@pytest.mark.parametrize("vector", load("frames"), ids=lambda vector: vector["name"])
def test_every_good_vector_is_accepted(vector):
    rule = "report" if vector["direction"] == "up" else "instructions"
    assert accepts(rule, bytes.fromhex(vector["payload"]))


def test_bad_payloads_are_refused_as_far_as_a_schema_can():
    accepted = {
        vector["name"]
        for vector in load("bad-payloads")
        if accepts("report", bytes.fromhex(vector["payload"]))
    }
    assert accepted == BEYOND_CDDL | BEYOND_PYCDDL


@pytest.mark.parametrize("vector", load("bridge"), ids=lambda vector: vector["name"])
def test_bridge_vectors_are_accepted_in_their_direction(vector):
    message = bytes.fromhex(vector["message"])
    down = vector["name"].startswith("transmit")
    assert accepts("to-bridge", message) == down
    assert accepts("from-bridge", message) != down


@some
@given(payloads.reports())
def test_every_report_that_we_encode_is_accepted(report):
    assert accepts("report", encode_report(report))


@some
@given(payloads.abouts)
def test_every_about_that_we_encode_is_accepted(about):
    assert accepts("about", encode_about(about))


@some
@given(payloads.instructions)
def test_every_instruction_that_we_encode_is_accepted(instructions):
    assert accepts("instructions", encode_instructions(instructions))


@some
@given(payloads.bridge_messages)
def test_every_bridge_message_that_we_encode_is_accepted(message):
    rule = "to-bridge" if message.TYPE >= bridge.Transmit.TYPE else "from-bridge"
    assert accepts(rule, bridge.encode(message))


@some
@given(st.sampled_from([vector for vector in load("frames") if vector["direction"] == "up"]), st.data())
def test_what_our_decoder_accepts_the_schema_accepts(vector, data):
    message = cbor2.loads(bytes.fromhex(vector["payload"]))
    message[4:] = []  # our decoder takes any integer in a status, for later firmware's sake
    at = data.draw(st.integers(0, 3))
    message[at] = data.draw(
        st.integers(-(2**33), 2**33)
        if at < 3
        else st.dictionaries(st.integers(0, 70000), st.none() | st.integers(-3000, 70000), max_size=3)
    )
    payload = cbor2.dumps(message, canonical=True)
    try:
        decode_report(payload)
    except Refused:
        return
    assert accepts("report", payload)


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("about", {0: "x" * 25}),
        ("about", {0: "å" * 13}),
        ("about", {1: 90_000_001}),
        ("about", {2: -180_000_001}),
        ("about", {3: "bin"}),
        ("about", []),
        ("instructions", {0: -1}),
        ("instructions", {1: 2**32 + 1}),
        ("instructions", {2: [1]}),
        ("instructions", {2: [1, 0]}),
        ("instructions", {3: {1: 9}}),
        ("instructions", {3: {4: -401}}),
        ("instructions", {3: {14: 256}}),
        ("instructions", {3: {1: None}}),
        ("instructions", {5: []}),
        ("instructions", {5: [1] * 9}),
        ("instructions", {5: ["restart"]}),
        ("from-bridge", [1, 7]),
        ("from-bridge", [4]),
        ("from-bridge", [0, 1, -97, 20, 868_100_000, 13, b"x"]),
        ("to-bridge", [16, 7, None, 868_100_000, 10, 14, b""]),
        ("to-bridge", [18, {0: 868_100_000}]),
    ],
)
def test_what_nobody_may_send_is_refused(rule, value):
    assert not accepts(rule, cbor2.dumps(value))


def written_range(low, high):
    if (low, high) == (0, 2**32 - 1):
        return "uint32"
    return f"{low}..{high}" if low >= 0 else f"(int .ge {low}) .and (int .le {high})"


def map_entries(rule):
    """{key: (type, comment)} of a map rule."""
    (body,) = re.findall(rf"^{rule} = {{\n(.*?)^}}", TEXT, re.MULTILINE | re.DOTALL)
    found = re.findall(r"^  \? (\d+): (.*?),\s*(?:; (.*))?$", body, re.MULTILINE)
    return {int(key): (kind, comment) for key, kind, comment in found}


def test_quantities_and_their_ranges_are_those_of_the_table():
    assert {key: kind for key, (kind, _) in map_entries("sample").items()} == {
        key: f"{quantity.name.replace('_', '-')} / null" for key, quantity in QUANTITIES.items()
    }
    for quantity in QUANTITIES.values():
        rule = quantity.name.replace("_", "-")
        (right,) = re.findall(rf"^{rule} = (.*?)\s*(?:;.*)?$", TEXT, re.MULTILINE)
        assert right == written_range(quantity.low, quantity.high), quantity.name


def test_settings_and_their_ranges_are_those_of_the_table():
    assert map_entries("settings") == {
        key: (written_range(setting.low, setting.high), setting.name) for key, setting in SETTINGS.items()
    }


def test_status_and_about_keys_are_those_of_the_tables():
    status = {key: re.split(r"[:,]", comment)[0] for key, (_, comment) in map_entries("status").items()}
    assert status == {key: field.name for key, field in STATUS.items()}
    about = {key: re.split(r"[:,]", comment)[0] for key, (_, comment) in map_entries("about").items()}
    assert about == {key: field.name for key, field in ABOUT.items()}


def test_codes_in_comments_are_those_of_the_tables():
    for rule, table in (("alarm", ALARMS), ("command", COMMANDS)):
        (comment,) = re.findall(rf"^{rule} = .*?; (.*)$", TEXT, re.MULTILINE)
        written = {int(code): name for code, name in re.findall(r"(\d+) ([a-z_]+)", comment)}
        assert written == {code: row.name for code, row in table.items()}
    faults = map_entries("status")[9][1]
    written = {int(bit): name for bit, name in re.findall(r"(\d+) ([a-z_]+)", faults)}
    assert written == {bit: fault.name for bit, fault in FAULTS.items()}
