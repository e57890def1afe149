"""Bytes on air: the goal holds for several bins, and the encoders beside ours say what they claim."""

import itertools
import json

import cbor2
import pytest
from cayennelpp import LppFrame
from typer.testing import CliRunner

from lyhord_rig.cli import app
from lyhord_rig.measuring.bench_air import BATCHES, SPREADING_FACTORS, measure_air
from lyhord_rig.measuring.bench_formats import (
    LORAWAN_OVERHEAD,
    Cayenne,
    Json,
    Lyhord,
    Milesight,
    SenmlKpn,
    SenmlTight,
    TooLong,
    lorawan_payload_max,
)
from lyhord_rig.measuring.bench_readings import Reading, readings
from lyhord_tools.fleet.keys import Key
from lyhord_wire import codes
from lyhord_wire.airtime import airtime_us
from lyhord_wire.frame import max_frame, open_uplink, parse_uplink
from lyhord_wire.report import decode_report

SEEDS = (1, 2, 3, 4)
OURS = "Lyhörd"
OTHERS = [form.name for form in (Milesight(), Cayenne(), SenmlTight(), SenmlKpn(), Json())]


@pytest.fixture(scope="module", params=SEEDS, ids="seed {}".format)
def report(request):
    return measure_air(request.param)


@pytest.mark.parametrize("sf", SPREADING_FACTORS)
@pytest.mark.parametrize("samples", [samples for samples in BATCHES if samples >= 4])
@pytest.mark.parametrize("other", OTHERS)
def test_from_four_samples_on_ours_are_fewest(report, sf, samples, other):
    ours, theirs = report.cells[OURS, sf, samples], report.cells[other, sf, samples]
    if theirs is None:  # it cannot be sent at all there
        assert other in (SenmlKpn.name, Json.name) and sf >= 10
        return
    assert ours.bytes_mean < theirs.bytes_mean
    assert ours.air_ms_mean < theirs.air_ms_mean


@pytest.mark.parametrize("samples", [4, 8])
def test_at_sf10_less_than_half_of_the_time_on_air_of_lorawan_and_milesight(report, samples):
    ours, theirs = report.cells[OURS, 10, samples], report.cells[Milesight.name, 10, samples]
    assert 2 * ours.air_ms_mean < theirs.air_ms_mean


def test_one_sample_alone_is_not_sold_as_a_win(report):
    """Ours carries number, time and an 8-byte tag: alone it is longer than a bare TLV, and is shown so."""
    assert report.cells[OURS, 7, 1].bytes_mean > report.cells[Milesight.name, 7, 1].bytes_mean


def test_means_lie_between_least_and_most_and_frames_count(report):
    for (name, sf, samples), cell in report.cells.items():
        if cell is not None:
            assert cell.bytes_least <= cell.bytes_mean <= cell.bytes_most
            assert cell.air_ms_least <= cell.air_ms_mean + 1e-6 <= cell.air_ms_most + 2e-6
            assert cell.frames_mean >= 1, (name, sf, samples)
    assert all(report.cells[Milesight.name, sf, 4].frames_mean == 4 for sf in SPREADING_FACTORS)


@pytest.fixture(scope="module")
def eight():
    return readings(5, 8, 900, 70_000)


@pytest.mark.parametrize("sf", range(7, 13))
def test_our_frames_open_and_hold_what_went_in(eight, sf):
    back = []
    for raw in Lyhord(quality=True).frames(eight, sf):
        assert len(raw) <= max_frame(sf)
        opened = open_uplink(parse_uplink(raw), Key(bytes(range(16))).cipher())
        back += decode_report(opened.payload).samples()
    assert [sample.seq for sample in back] == [reading.number for reading in eight]
    assert [sample.time for sample in back] == [reading.time for reading in eight]
    for sample, reading in zip(back, eight, strict=True):
        assert sample.values == {
            codes.FILL_LEVEL: reading.fill,
            codes.DISTANCE: reading.distance,
            codes.TEMPERATURE: reading.temperature,
            codes.BATTERY: reading.battery,
            codes.FILL_QUALITY: reading.quality,
        }


def test_the_milesight_layout_is_the_published_example():
    published = bytes.fromhex("01755C 03670101 04824408")  # its position TLV left out
    reading = Reading(0, 0, 0, 2116, 257, 4104, 100)
    assert Milesight().payload([reading]) == published
    assert Milesight().sizes([reading], 7) == [LORAWAN_OVERHEAD + len(published)]


def test_cayenne_decodes_to_the_readings(eight):
    frame = LppFrame.from_bytes(Cayenne().payload(list(enumerate(eight[:2]))))
    values = [item.value[0] for item in frame]
    expected = [
        (reading.fill, reading.distance / 1000, reading.temperature / 10, reading.battery / 1000)
        for reading in eight[:2]
    ]
    assert values == pytest.approx(list(itertools.chain(*expected)), abs=0.0101)


@pytest.mark.parametrize("form", [SenmlKpn(), SenmlTight()], ids=lambda form: form.name)
def test_senml_decodes_to_the_readings(eight, form):
    (batch,) = form.batches(eight[:2])
    records = cbor2.loads(form.payload(batch))
    assert len(records) == 8
    assert records[0][-3] == eight[0].time  # base time
    assert [record.get(6, 0) for record in records] == [0] * 4 + [900] * 4
    scaled = [float(record[2]) for record in records]
    expected = [
        (reading.fill / 100, reading.distance / 1000, reading.temperature / 10, reading.battery / 1000)
        for reading in eight[:2]
    ]
    assert scaled == pytest.approx(list(itertools.chain(*expected)))


def test_json_decodes_to_the_readings(eight):
    assert [sample["distance"] for sample in json.loads(Json().payload(eight))] == [r.distance for r in eight]
    with pytest.raises(TooLong):
        Json().sizes(eight, 10)


@pytest.mark.parametrize("sf", SPREADING_FACTORS)
def test_no_lorawan_frame_is_longer_than_allowed(eight, sf):
    for form in (Milesight(), Cayenne(), SenmlTight()):
        assert max(form.sizes(eight, sf)) <= LORAWAN_OVERHEAD + lorawan_payload_max(sf)


def test_the_command_prints_a_table_of_80_columns_and_json():
    shown = CliRunner().invoke(app, ["bench-air"])
    assert shown.exit_code == 0
    assert max(map(len, shown.output.splitlines())) <= 80
    assert all(name in shown.output for name in (OURS, *OTHERS))
    told = json.loads(CliRunner().invoke(app, ["bench-air", "--json"]).output)
    cells = {(cell["format"], cell["sf"], cell["samples"]): cell for cell in told["cells"]}
    assert len(cells) == len(told["cells"]) == 7 * 9
    assert cells[Milesight.name, 10, 1]["bytes"] == [24, 24, 24]
    assert cells[Milesight.name, 10, 1]["air_ms"] == [airtime_us(24, 10) / 1000] * 3
