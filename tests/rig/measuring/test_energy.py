"""Energy: the meter against what the node is known to do, the model against arithmetic by hand."""

import dataclasses
import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

import lyhord_rig
from lyhord_rig.board.wiring import board_pins
from lyhord_rig.cli import app
from lyhord_rig.measuring import energy_show
from lyhord_rig.measuring.energy import SETTINGS, EnergyReport, Setting, budget
from lyhord_rig.measuring.energy_currents import (
    BATTERIES,
    CLAIMS,
    SENSORS_MA,
    VIRTUAL_START_MS,
    Battery,
    Computing,
    UnknownPart,
    parts_of,
)
from lyhord_rig.measuring.energy_measure import Measured, Steps, measure_lora, measure_wifi
from lyhord_rig.measuring.energy_meter import Air, Core, Draw
from lyhord_tools.image.tree import find_tree
from lyhord_wire.airtime import airtime_us
from lyhord_wire.frame import UPLINK_OVERHEAD, max_frame

BOARDS = find_tree().boards()
AWAKE = Draw(Core.AWAKE, Air.SLEEP, False, False)
SENSING = Draw(Core.AWAKE, Air.SLEEP, True, False)
SENDING = Draw(Core.LIGHT, Air.SEND, False, False)
LISTENING = Draw(Core.AWAKE, Air.LISTEN, False, False)
JOINED = Draw(Core.AWAKE, Air.SLEEP, False, True)
IDEAL = Computing(start_ms=VIRTUAL_START_MS, factor=0.0)


def run_of(sf, samples=4, board="devkit_rfm95"):
    """Round numbers in the place of a measurement."""
    sample = Steps({SENSING: 1e6}, 2)
    if sf is None:
        return Measured(board, None, samples, sample, None, Steps({JOINED: 2e6}, 2), {Air.SLEEP: 1.0})
    quiet = Steps({AWAKE: 1e6, SENDING: 1e6}, 2)
    answered = Steps({AWAKE: 1e6, SENDING: 1e6, LISTENING: 1e6}, 2)
    return Measured(board, sf, samples, sample, quiet, answered, {Air.SLEEP: 1.0})


def test_a_budget_is_what_a_pencil_says():
    parts = parts_of(board_pins("devkit_rfm95"))
    row = budget(parts, run_of(12), Setting(900, 3600), IDEAL)
    sample = 44.0 + 0.0002 + SENSORS_MA
    quiet = (44.0 + 0.0002) + (0.8 + 44.0)
    answered = quiet + (44.0 + 11.5)
    assert row.awake_s == pytest.approx(4 * 1 + 0.75 * 2 + 0.25 * 3)
    assert row.awake_mc == pytest.approx(4 * sample + 0.75 * quiet + 0.25 * answered)
    assert row.asleep_mc == pytest.approx((3600 - row.awake_s) * (10 + 0.2 + 2) / 1000)
    assert row.day_mah == pytest.approx(row.report_mc * 24 / 3600)
    cell = Battery("test", 1000, 0.5, 0.365, "test")
    assert row.life_days(cell) == pytest.approx(500 / (row.day_mah + 1))
    assert row.as_sold_days(cell) == pytest.approx(500 / (row.day_mah + 1 + 24 * (2.8 - 0.0122)))


def test_over_wifi_every_report_is_answered():
    row = budget(parts_of(board_pins("devkit_rfm95")), run_of(None), Setting(900, 3600), IDEAL)
    assert row.awake_mc == pytest.approx(4 * (44.0002 + SENSORS_MA) + 2 * 120.0002)


def test_a_radio_left_awake_is_paid_for():
    parts = parts_of(board_pins("devkit_rfm95"))
    left = dataclasses.replace(run_of(7), asleep={Air.STANDBY: 0.5, Air.SLEEP: 0.5})
    good, bad = (budget(parts, run, Setting(900, 3600), IDEAL) for run in (run_of(7), left))
    assert bad.asleep_mc / good.asleep_mc == pytest.approx((10 + 900.1 + 2) / 12.2)


def test_computing_scales_with_the_factor_alone():
    computing = Computing()
    more_ms = computing.with_factor(300).wake_ms(True) - computing.with_factor(100).wake_ms(True)
    assert more_ms == pytest.approx(200 * (computing.wake_pc_ms + computing.sample_pc_ms))
    parts = parts_of(board_pins("devkit_rfm95"))
    cell = BATTERIES["18650"]
    lives = [
        budget(parts, run_of(10), SETTINGS[0], computing.with_factor(factor)).life_days(cell)
        for factor in (100, 200, 300)
    ]
    assert lives == sorted(lives, reverse=True) and len(set(lives)) == 3


def test_the_part_of_the_start_that_the_virtual_board_shows_is_the_onboard_modules_own():
    start = Path(lyhord_rig.__file__).parent / "board" / "onboard" / "_start.py"
    assert int(re.search(r"_BOOT_US = const\((\d+)\)", start.read_text())[1]) / 1000 == VIRTUAL_START_MS


@pytest.mark.parametrize("board", BOARDS)
def test_every_board_has_its_currents(board):
    parts = parts_of(board_pins(board))
    assert parts.board == board and 5 < parts.deep_ua < 20
    assert parts.radio.send_ma > parts.radio.listen_ma > parts.radio.standby_ma > parts.radio.sleep_ua / 1000


def test_a_part_without_currents_is_refused():
    class Strange:
        NAME, CHIP, RADIO = "strange", "esp32", "rf69"

    with pytest.raises(UnknownPart, match="strange"):
        parts_of(Strange)


# One board per radio, really run.
@pytest.fixture(scope="module", params=["devkit_rfm95", "heltec_lora32_v3"])
def at_sf7(request):
    import asyncio

    return asyncio.run(measure_lora(request.param, 7, 1))


def test_a_sample_powers_the_sensors_for_pings_and_conversion_and_nothing_more(at_sf7):
    sensors_ms = at_sf7.sample.ms(sensors=True)
    assert 375 + 50 <= sensors_ms <= 900  # 11 bits take 375 ms; before it 50 ms to settle
    assert at_sf7.sample.ms(air=Air.SEND) == at_sf7.sample.ms(air=Air.LISTEN) == 0
    assert at_sf7.quiet.ms(sensors=True) == at_sf7.answered.ms(sensors=True) == 0


def test_sending_lasts_as_long_as_some_frame_is_on_the_air(at_sf7):
    airtimes_ms = {airtime_us(size, 7) / 1000 for size in range(UPLINK_OVERHEAD, max_frame(7) + 1)}
    for steps in (at_sf7.quiet, at_sf7.answered):
        assert min(abs(steps.ms(air=Air.SEND) - ms) for ms in airtimes_ms) < 1.0


def test_only_an_answer_opens_a_window_and_the_second_before_it_is_slept(at_sf7):
    assert at_sf7.quiet.ms(air=Air.LISTEN) == 0
    assert 40 < at_sf7.answered.ms(air=Air.LISTEN) < 250
    asleep_ms = at_sf7.answered.ms(Core.LIGHT, Air.STANDBY) + at_sf7.answered.ms(Core.LIGHT, Air.SLEEP)
    assert 900 < asleep_ms < 1500


def test_the_radio_sleeps_when_the_board_does(at_sf7):
    assert at_sf7.asleep == {Air.SLEEP: 1.0}


async def test_a_long_frame_is_slept_through():
    run = await measure_lora("devkit_rfm95", 12, 1)
    assert run.quiet.ms(Core.LIGHT, Air.SEND) > 4 * run.quiet.ms(Core.AWAKE, Air.SEND)
    assert run.quiet.ms(air=Air.SEND) > 1000


@pytest.mark.slow
async def test_over_wifi_the_join_is_seen():
    run = await measure_wifi("devkit_rfm95")
    on_ms = sum(us / 1000 for draw, us in run.answered.us.items() if draw.wifi)
    assert 1200 < on_ms < 8000  # the access point takes 1.2 s
    assert not any(draw.wifi for draw in run.sample.us) and run.quiet is None


@pytest.fixture
def report():
    computing = Computing()
    runs = [run_of(sf, samples) for samples in (1, 4) for sf in (7, 10, 12)] + [run_of(None)]
    rows = [
        budget(parts_of(board_pins(board)), run, setting, computing)
        for board in BOARDS
        for run in runs
        for setting in SETTINGS
        if run.sf is None or run.samples == setting.samples
    ]
    return EnergyReport(BATTERIES["er26500"], computing, tuple(runs), tuple(rows))


def test_the_table_fits_80_columns_and_names_every_assumption_and_claim(report):
    shown = list(energy_show.lines(report))
    assert max(map(len, shown)) <= 80
    text = " ".join(" ".join(shown).split())
    for name in ("ESP32", "SX1276", "SX1262", "computing", "sensors", "battery", "flash", "left out"):
        assert name in text
    for claim in CLAIMS:
        assert claim.name in text
    for board in BOARDS:
        assert parts_of(board_pins(board)).title in text
    assert text.count("15 min 1 h") == 4 * len(BOARDS)


def test_json_has_the_same_rows(report):
    told = json.loads(json.dumps(energy_show.as_dict(report)))
    assert len(told["budgets"]) == 12 * len(BOARDS)
    row = told["budgets"][0]
    assert row["days"] == round(report.budgets[0].life_days(report.battery))
    assert len(told["steps"]) == 7


def test_an_unknown_battery_is_one_line_and_exit_2():
    answer = CliRunner().invoke(app, ["energy", "--battery", "potato"])
    assert answer.exit_code == 2 and "er26500" in answer.output
