"""`lyhord decode` on every vector: good frames are opened and explained, all others are one line."""

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lyhord_wire import tables
from tests.tools.conftest import Ran, private
from tests.tools.papers.test_report import RECORD

VECTORS = Path(__file__).parents[1] / "vectors"
Vector = dict[str, object]


def vectors(name: str) -> list[Vector]:
    loaded: list[Vector] = json.loads((VECTORS / f"{name}.json").read_text())
    return loaded


def named(cases: list[Vector]) -> dict[str, object]:
    return {"argvalues": cases, "ids": [str(case["name"]) for case in cases]}


def opening(vector: Vector, tmp_path: Path) -> list[object]:
    key = private(tmp_path / "key", f"{vector['key']}\n")
    words: list[object] = ["--key-file", key]
    return [*words, "--answers", vector["answers"]] if vector.get("direction") == "down" else words


FRAMES = vectors("frames")
UP = [vector for vector in FRAMES if vector["direction"] == "up"]
DOWN = [vector for vector in FRAMES if vector["direction"] == "down"]


@pytest.mark.parametrize("vector", **named(FRAMES))
def test_without_a_key_the_header_is_shown(vector: Vector, lyhord: Callable[..., Ran]) -> None:
    found = json.loads(lyhord("decode", "--json", vector["frame"]).out)
    assert found["opened"] is False
    assert found["direction"] == vector["direction"]
    assert int(found["node"], 16) == vector["node"]
    assert found["counter"] == vector["counter"]
    assert found["generation"] == vector["key_generation"]
    assert found.get("ack_requested", found.get("more")) == vector.get("ack_requested", vector.get("more"))
    assert "samples" not in found and "instructions" not in found


@pytest.mark.parametrize("vector", **named(UP))
def test_every_sample_of_an_uplink_is_shown(
    vector: Vector, lyhord: Callable[..., Ran], tmp_path: Path
) -> None:
    found = json.loads(lyhord("decode", "--json", *opening(vector, tmp_path), vector["frame"]).out)
    keys = {quantity.name: key for key, quantity in tables.QUANTITIES.items()}
    samples = [
        {name: value for name, value in sample.items() if name != "values"}
        | {str(keys[value["quantity"]]): value["raw"] for value in sample["values"]}
        for sample in found["samples"]
    ]
    assert samples == vector["samples"]
    report = vector["report"]
    assert isinstance(report, dict)
    assert len(found.get("alarms", [])) == len(report.get("alarms", []))
    assert len(found.get("status", {})) == len(report.get("status", {}))


@pytest.mark.parametrize("vector", **named(DOWN))
def test_every_instruction_of_a_downlink_is_shown(
    vector: Vector, lyhord: Callable[..., Ran], tmp_path: Path
) -> None:
    found = json.loads(lyhord("decode", "--json", *opening(vector, tmp_path), vector["frame"]).out)
    given, shown = vector["instructions"], found["instructions"]
    assert isinstance(given, dict)
    assert shown.get("time") == given.get("0")
    assert shown.get("stored_below") == given.get("1")
    assert shown.get("settings_version") == given.get("4")
    assert len(shown) == len(given)


def test_values_carry_their_unit(lyhord: Callable[..., Ran], tmp_path: Path) -> None:
    vector = UP[0]
    found = json.loads(lyhord("decode", "--json", *opening(vector, tmp_path), vector["frame"]).out)
    assert found["samples"][0]["values"] == [
        {"quantity": "fill_level", "raw": 63, "value": 0.63, "unit": "/"},
        {"quantity": "distance", "raw": 842, "value": 0.842, "unit": "m"},
        {"quantity": "temperature", "raw": 214, "value": 21.4, "unit": "Cel"},
    ]


@pytest.mark.parametrize("vector", **named(FRAMES))
def test_people_get_lines_of_80_columns_at_most(
    vector: Vector, lyhord: Callable[..., Ran], tmp_path: Path
) -> None:
    ran = lyhord("decode", *opening(vector, tmp_path), vector["frame"])
    assert ran.code == 0
    assert all(len(line) <= 80 for line in ran.out.splitlines())
    assert str(vector["key"]) not in ran.out + ran.err


def test_a_person_reads_numbers_times_and_units(lyhord: Callable[..., Ran], tmp_path: Path) -> None:
    ran = lyhord("decode", *opening(UP[1], tmp_path), UP[1]["frame"])
    assert "5       2026-01-01 01:00:00Z  temperature   21.1  Cel" in ran.out
    aged = lyhord("decode", *opening(UP[4], tmp_path), UP[4]["frame"])
    assert "8       1800 s before sending  fill_level" in aged.out
    failed = lyhord("decode", *opening(UP[5], tmp_path), UP[5]["frame"])
    assert "no value" in failed.out
    alarmed = lyhord("decode", *opening(UP[8], tmp_path), UP[8]["frame"])
    assert "alarms: full, fire" in alarmed.out


@pytest.mark.parametrize("vector", **named(vectors("tampered")))
def test_a_tampered_frame_is_one_line(vector: Vector, lyhord: Callable[..., Ran], tmp_path: Path) -> None:
    line = lyhord("decode", *opening(vector, tmp_path), vector["frame"]).refused()
    assert "refused (" in line


@pytest.mark.parametrize("vector", **named(vectors("bad-payloads")))
def test_a_payload_that_breaks_the_schema_is_one_line(
    vector: Vector, lyhord: Callable[..., Ran], tmp_path: Path
) -> None:
    line = lyhord("decode", *opening(vector, tmp_path), vector["frame"]).refused()
    assert "refused (cbor)" in line or "refused (schema)" in line


@pytest.mark.parametrize("vector", **named(FRAMES))
def test_another_key_is_one_line(vector: Vector, lyhord: Callable[..., Ran], tmp_path: Path) -> None:
    other = vector | {"key": "ff" * 16}
    assert "refused (tag)" in lyhord("decode", *opening(other, tmp_path), vector["frame"]).refused()


def test_a_downlink_needs_the_uplink_it_answers(lyhord: Callable[..., Ran], tmp_path: Path) -> None:
    vector = DOWN[0]
    key_only = opening(vector, tmp_path)[:2]
    assert "--answers" in lyhord("decode", *key_only, vector["frame"]).refused()
    assert "refused (tag)" in lyhord("decode", *key_only, "--answers", 4, vector["frame"]).refused()
    assert "--answers" in lyhord("decode", *key_only, "--answers", 1 << 24, vector["frame"]).refused()
    assert "for downlinks" in lyhord("decode", *key_only, "--answers", 1, UP[0]["frame"]).refused()


def test_base64_hex_with_spaces_and_standard_input_are_read(
    lyhord: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = str(UP[0]["frame"])
    raw = bytes.fromhex(frame)
    expected = lyhord("decode", frame).out
    for text in (
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode(),
        raw.hex(" "),
        raw.hex(":").upper(),
    ):
        assert lyhord("decode", text).out == expected
    monkeypatch.setattr("sys.stdin", io.StringIO(frame + "\n"))
    assert lyhord("decode", "-").out == expected


@pytest.mark.parametrize("text", ["e04", "not a frame!", "", "e0" * 300, "*"])
def test_what_is_no_frame_is_one_line(text: str, lyhord: Callable[..., Ran]) -> None:
    lyhord("decode", text).refused()


def test_the_key_may_come_from_a_registry(lyhord: Callable[..., Ran], tmp_path: Path) -> None:
    vector = UP[0]
    registry = private(
        tmp_path / "nodes.jsonl",
        '{"id":"000a02","key":"' + "00" * 16 + '","generation":0}\n'
        '{"id":"000a01","key":"' + "11" * 16 + '","generation":1}\n'
        f'{{"id":"000a01","key":"{vector["key"]}","generation":2}}\n'
        '{"id":"torn',
    )
    assert lyhord("decode", "--key-file", registry, vector["frame"]).code == 0
    unknown_node = next(case for case in UP if case["node"] == 1)
    line = lyhord("decode", "--key-file", registry, unknown_node["frame"]).refused()
    assert "no key of generation 0 for node 000001" in line


@pytest.mark.parametrize("content", ["", "zz", "00" * 15, "00" * 17, "\xff"])
def test_a_key_file_that_holds_no_key_is_one_line_without_its_content(
    content: str, lyhord: Callable[..., Ran], tmp_path: Path
) -> None:
    path = private(tmp_path / "key", "")
    path.write_bytes(content.encode("latin-1"))
    line = lyhord("decode", "--key-file", path, UP[0]["frame"]).refused()
    assert not content or content not in line
    assert "cannot read" in lyhord("decode", "--key-file", tmp_path / "none", UP[0]["frame"]).refused()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_file_that_others_may_use_is_refused(
    mode: int, lyhord: Callable[..., Ran], tmp_path: Path
) -> None:
    words = opening(UP[0], tmp_path)
    (tmp_path / "key").chmod(mode)
    line = lyhord("decode", *words, UP[0]["frame"]).refused()
    assert line == f"lyhord: {tmp_path / 'key'}: expected mode 0600, others may use it now"
    assert "0600" in lyhord("provision", "--port", "x", "--key-file", tmp_path / "key").refused()


def test_several_frames_of_which_one_is_none(lyhord: Callable[..., Ran], tmp_path: Path) -> None:
    frames = [str(vector["frame"]) for vector in UP[:3]]
    log = tmp_path / "frames.txt"
    log.write_text(f"# of today\n{frames[0]}\n\nnot a frame  # really\n0x{frames[1]}\n")
    ran = lyhord("decode", "--json", frames[2], "--file", log)
    assert ran.code == 2 and "1 of 4 frames could not be read" in ran.err
    told = [json.loads(line) for line in ran.out.splitlines()]
    assert [one.get("frame") for one in told] == [None, None, 3, None]
    counters = [one["counter"] for one in told if "counter" in one]
    assert counters == [UP[2]["counter"], UP[0]["counter"], UP[1]["counter"]]
    ran = lyhord("decode", *frames)
    assert ran.code == 0 and "frame 3:" in ran.out


@pytest.mark.parametrize(
    "written",
    [
        lambda raw: "0x" + raw.hex(),
        lambda raw: "0X" + raw.hex().upper(),
        lambda raw: ", ".join(f"0x{byte:02x}" for byte in raw),
        lambda raw: raw.hex("-"),
        lambda raw: raw.hex(":").upper(),
        lambda raw: raw.hex(" "),
        lambda raw: base64.b64encode(raw).decode(),
    ],
)
def test_a_frame_is_read_as_people_write_it(
    written: Callable[[bytes], str], lyhord: Callable[..., Ran]
) -> None:
    raw = bytes.fromhex(str(UP[0]["frame"]))
    ran = lyhord("decode", "--json", written(raw))
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["counter"] == UP[0]["counter"]


@pytest.mark.parametrize("key", ["5c" * 16, "5C:" * 15 + "5C", "0x" + "5c" * 16, "5c" * 32])
@pytest.mark.parametrize(
    "words",
    [
        ("decode", "00", "--key-file"),
        ("provision", "--port", "/dev/none", "--key-file"),
        ("report", "sign", "record.json", "y.json", "--key"),
        ("report", "verify", "x.json", "--key"),
        ("fleet", "list", "--fleet"),
    ],
)
def test_a_key_where_a_file_belongs_is_not_repeated(
    key: str,
    words: tuple[str, ...],
    lyhord: Callable[..., Ran],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.json").write_text("{}")
    Path("record.json").write_text(json.dumps(RECORD.told()))
    ran = lyhord(*words, key)
    assert ran.code == 2 and ran.err.count("\n") == 1
    assert key not in ran.out + ran.err and "5c5c" not in (ran.out + ran.err).lower()
