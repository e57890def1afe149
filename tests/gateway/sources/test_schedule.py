"""The times at which a radio may answer: RX1, else RX2, else not; never more than the duty cycle allows."""

from lyhord_gateway.sources.schedule import LEAD_US, Heard, Plan, Refusal, Scheduler
from lyhord_wire.airtime import airtime_us
from lyhord_wire.lora import BANDS, RX2_FREQ_HZ

HEARD = Heard(tmst_us=0xFFFFFFFF - 499_999, heard_us=10_000_000, freq_hz=868_100_000, sf=9)


def test_rx1_is_on_the_uplinks_channel_and_the_clock_wraps() -> None:
    plan = Scheduler(14).plan(10_000_000, HEARD, 30)
    assert plan == Plan(1, 500_000, 868_100_000, 9, 14)


def test_too_late_for_rx1_takes_rx2_with_its_own_power_limit() -> None:
    late_us = HEARD.heard_us + 1_000_000 - LEAD_US
    assert Scheduler(14).plan(late_us, HEARD, 30).window == 1
    plan = Scheduler(27).plan(late_us + 1, HEARD, 30)
    assert plan == Plan(2, 1_500_000, RX2_FREQ_HZ, 12, 27)
    assert Scheduler(27).plan(HEARD.heard_us, HEARD, 30).power_dbm == 14, "band M allows 14 dBm ERP"


def test_too_late_for_both_is_refused() -> None:
    assert Scheduler(14).plan(HEARD.heard_us + 2_000_000 - LEAD_US + 1, HEARD, 30) is Refusal.LATE


def test_a_second_answer_at_the_same_moment_takes_the_other_window() -> None:
    scheduler = Scheduler(14)
    windows = [scheduler.plan(HEARD.heard_us, HEARD, 30) for _ in range(3)]
    assert [plan.window if isinstance(plan, Plan) else plan for plan in windows] == [1, 2, Refusal.BUSY]


def test_what_is_too_long_for_rx2_is_refused() -> None:
    late_us = HEARD.heard_us + 1_000_000
    assert Scheduler(14).plan(late_us, HEARD, 65) is Refusal.SIZE
    assert isinstance(Scheduler(14).plan(late_us, HEARD, 64), Plan)


def test_an_hour_of_answers_stays_within_every_band() -> None:
    scheduler = Scheduler(14)
    spent = {"M": 0, "P": 0}
    refused = 0
    for second in range(0, 3500, 3):
        heard = Heard(0, second * 1_000_000, 868_300_000, 12)
        plan = scheduler.plan(heard.heard_us, heard, 40)
        if isinstance(plan, Refusal):
            assert plan is Refusal.DUTY
            refused += 1
        else:
            spent["M" if plan.window == 1 else "P"] += airtime_us(40, plan.sf, crc=False)
    airtime = airtime_us(40, 12, crc=False)
    for band, used in spent.items():
        assert BANDS[band][2] - airtime < used <= BANDS[band][2], band
    assert refused


def test_the_ledgers_survive_a_restart() -> None:
    before = Scheduler(14)
    now_us = 0
    while isinstance(plan := before.plan(now_us, Heard(0, now_us, 868_300_000, 12), 40), Plan):
        now_us += 5_000_000
        if plan.window == 2:
            break
    after = Scheduler(14)
    after.unpack(before.pack(now_us), now_us)
    assert after.plan(now_us, Heard(0, now_us, 868_300_000, 12), 40).window == 2
    assert Scheduler(14).plan(now_us, Heard(0, now_us, 868_300_000, 12), 40).window == 1
