"""Transmissions that a bridge refuses: too late, too far, overlapping, over the duty cycle, malformed."""

from lyhord_bridge.clock import tmst
from lyhord_bridge.scheduler import HORIZON_US, LEAD_US, QUEUE_LENGTH, Scheduler
from lyhord_wire.airtime import airtime_us
from lyhord_wire.bridge import BAD_REQUEST, DUTY_CYCLE, TOO_LATE, Transmit

NOW_US = 5 * (1 << 32) - 700_000  # the 32 bits wrap while a downlink waits
RX1_HZ = 868_100_000
RX2_HZ = 869_525_000


def make():
    return Scheduler(min_dbm=2, max_dbm=20)


def transmit(start_us=None, freq_hz=RX1_HZ, sf=7, power_dbm=14, size=30, token=1):
    return Transmit(token, None if start_us is None else tmst(start_us), freq_hz, sf, power_dbm, bytes(size))


def test_a_downlink_waits_for_its_time():
    scheduler = make()
    start_us = NOW_US + 1_000_000
    request = transmit(start_us)
    assert scheduler.request(NOW_US, request) is None
    assert scheduler.take(NOW_US) is None
    assert scheduler.take(start_us - LEAD_US - 1) is None
    pending = scheduler.take(start_us - LEAD_US)
    assert pending.request is request and pending.start_us == start_us
    assert pending.airtime == airtime_us(30, 7, crc=False)
    assert scheduler.take(start_us) is None


def test_now_means_as_soon_as_the_radio_can():
    scheduler = make()
    assert scheduler.request(NOW_US, transmit(None)) is None
    assert scheduler.take(NOW_US).start_us == NOW_US + LEAD_US


def test_both_sides_of_too_late_and_of_too_far():
    for ahead_us, status in (
        (LEAD_US, None),
        (LEAD_US - 1, TOO_LATE),
        (0, TOO_LATE),
        (-1, TOO_LATE),
        (-600_000_000, TOO_LATE),
        (HORIZON_US, None),
        (HORIZON_US + 1, BAD_REQUEST),
        (2_000_000_000, BAD_REQUEST),
    ):
        assert make().request(NOW_US, transmit(NOW_US + ahead_us)) == status, ahead_us


def test_what_radio_or_band_do_not_allow_is_a_bad_request():
    soon_us = NOW_US + 1_000_000
    for freq_hz, power_dbm, status in (
        (RX1_HZ, 14, None),
        (RX1_HZ, 15, BAD_REQUEST),
        (RX1_HZ, 2, None),
        (RX1_HZ, 1, BAD_REQUEST),
        (RX2_HZ, 20, None),
        (RX2_HZ, 21, BAD_REQUEST),  # the band would allow 27
        (868_650_000, 14, BAD_REQUEST),
        (869_300_000, 14, BAD_REQUEST),
        (915_000_000, 14, BAD_REQUEST),
    ):
        assert make().request(NOW_US, transmit(soon_us, freq_hz, power_dbm=power_dbm)) == status, freq_hz


def test_transmissions_go_out_in_order_of_time():
    scheduler = make()
    for ahead_us in (3_000_000, 1_000_000, 2_000_000):
        assert scheduler.request(NOW_US, transmit(NOW_US + ahead_us)) is None
    taken = [scheduler.take(NOW_US + HORIZON_US).start_us - NOW_US for _ in range(3)]
    assert taken == [1_000_000, 2_000_000, 3_000_000]


def test_overlapping_transmissions_are_refused():
    length_us = airtime_us(30, 7, crc=False)
    start_us = NOW_US + 1_000_000
    for other_us, status in (
        (start_us, TOO_LATE),
        (start_us + length_us + LEAD_US - 1, TOO_LATE),
        (start_us + length_us + LEAD_US, None),
        (start_us - length_us - LEAD_US + 1, TOO_LATE),
        (start_us - length_us - LEAD_US, None),
    ):
        scheduler = make()
        assert scheduler.request(NOW_US, transmit(start_us)) is None
        assert scheduler.request(NOW_US, transmit(other_us, RX2_HZ)) == status, other_us - start_us


def test_a_transmission_on_the_air_is_not_interrupted():
    scheduler = make()
    start_us = NOW_US + 1_000_000
    assert scheduler.request(NOW_US, transmit(start_us, RX2_HZ, sf=12)) is None
    pending = scheduler.take(start_us)
    scheduler.started(pending)
    free_us = pending.end_us()
    assert scheduler.request(start_us, transmit(None)) == TOO_LATE
    assert scheduler.request(start_us, transmit(free_us + LEAD_US - 1)) == TOO_LATE
    assert scheduler.request(start_us, transmit(free_us + LEAD_US)) is None


def test_the_queue_has_an_end():
    scheduler = make()
    for index in range(QUEUE_LENGTH):
        assert scheduler.request(NOW_US, transmit(NOW_US + (index + 1) * 1_000_000)) is None
    assert scheduler.request(NOW_US, transmit(NOW_US + 20_000_000)) == TOO_LATE
    assert len(scheduler) == QUEUE_LENGTH
    assert scheduler.take(NOW_US + 1_000_000) is not None
    assert scheduler.request(NOW_US, transmit(NOW_US + 20_000_000)) is None


def spend(scheduler, freq_hz, budget_us):
    """Sends on `freq_hz` until a band's budget is used up; returns (first start, time after all)."""
    now_us, used_us, first_us = NOW_US, 0, None
    length_us = airtime_us(222, 12, crc=False)
    while True:
        status = scheduler.request(now_us, transmit(None, freq_hz, sf=12, size=222))
        if status is not None:
            assert status == DUTY_CYCLE
            assert budget_us - length_us < used_us <= budget_us
            return first_us, now_us
        pending = scheduler.take(now_us)
        scheduler.started(pending)
        first_us = first_us or pending.start_us
        used_us += length_us
        now_us = pending.end_us() + LEAD_US


def test_each_band_has_its_own_hour():
    scheduler = make()
    first_us, now_us = spend(scheduler, RX1_HZ, 36_000_000)
    assert scheduler.request(now_us, transmit(now_us + 1_000_000, 868_500_000, sf=12, size=222)) == DUTY_CYCLE
    assert scheduler.request(now_us, transmit(now_us + 1_000_000, 867_500_000, sf=12, size=222)) is None
    length_us = airtime_us(222, 12, crc=False)
    hour_later_us = first_us + length_us + 3_600_000_000
    again = transmit(hour_later_us + LEAD_US, RX1_HZ, sf=12, size=222)
    assert scheduler.request(hour_later_us, again) is None


def test_asking_for_later_does_not_free_what_counts_now():
    scheduler = make()
    first_us, _ = spend(scheduler, RX1_HZ, 36_000_000)
    free_us = first_us + airtime_us(222, 12, crc=False) + 3_600_000_000
    now_us = free_us - 30_000_000
    late = transmit(now_us + 50_000_000, RX1_HZ, sf=12, size=222)
    assert scheduler.request(now_us, late) == DUTY_CYCLE
    assert scheduler.request(now_us, transmit(None, RX1_HZ, sf=12, size=222)) == DUTY_CYCLE
    assert scheduler.request(free_us, transmit(None, RX1_HZ, sf=12, size=222)) is None


def test_what_is_queued_counts_as_sent():
    scheduler = make()
    length_us = airtime_us(222, 12, crc=False)
    now_us = NOW_US
    fit = 36_000_000 // length_us
    for _ in range(fit - 2):
        assert scheduler.request(now_us, transmit(None, sf=12, size=222)) is None
        scheduler.started(scheduler.take(now_us))
        now_us += length_us + 2 * LEAD_US
    assert scheduler.request(now_us, transmit(now_us + 40_000_000, sf=12, size=222)) is None
    assert scheduler.request(now_us, transmit(now_us + 20_000_000, sf=12, size=222)) is None
    assert scheduler.request(now_us, transmit(now_us + 1_000_000, sf=12, size=222)) == DUTY_CYCLE
    assert scheduler.request(now_us, transmit(now_us + 1_000_000, RX2_HZ, sf=12, size=222)) is None
