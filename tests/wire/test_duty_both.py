"""The duty-cycle ledger: on both sides of the limit, and never over it whatever is asked."""

import random

from lyhord_wire.duty import HOUR_US, Ledger
from lyhord_wire.lora import BANDS, RX2_FREQ_HZ, UPLINK_CHANNELS, band_of
from tests.wire.helpers import seed_random

MICROPYTHON_HEAPS = ("1m", "128k")

BUDGET_US = 36_000_000
FRAME_US = 185_344  # 20 bytes at SF9


def most_in_a_window(sent, window_us):
    """The largest airtime within any window, by definition: a fullest one ends where a transmission ends."""
    most = 0
    for last_start, last_airtime in sent:
        end = last_start + last_airtime
        total = 0
        for start, airtime in sent:
            total += max(0, min(end, start + airtime) - max(end - window_us, start))
        most = max(most, total)
    return most


def test_a_budget_used_up_exactly_and_one_microsecond_more():
    ledger = Ledger(BUDGET_US)
    ledger.record(1000, BUDGET_US - FRAME_US)
    now = 1000 + BUDGET_US
    assert ledger.next_fit(now, FRAME_US) == now
    assert ledger.next_fit(now, FRAME_US + 1) > now
    ledger.record(now, FRAME_US)
    assert ledger.used(now) == BUDGET_US
    assert ledger.next_fit(now + FRAME_US, 1) > now + FRAME_US


def test_the_time_given_is_the_first_at_which_it_fits():
    ledger = Ledger(BUDGET_US)
    for index in range(4):
        ledger.record(index * 60_000_000, 9_000_000)
    for airtime, frees in ((1, 0), (9_000_000, 0), (9_000_001, 1), (18_000_001, 2), (36_000_000, 3)):
        fits = ledger.next_fit(200_000_000, airtime)
        assert fits == frees * 60_000_000 + 9_000_000 + HOUR_US, airtime
        early = Ledger(BUDGET_US)
        early.unpack(ledger.pack(200_000_000), 200_000_000)
        assert early.next_fit(fits - 1000, airtime) > fits - 1000
        assert early.next_fit(fits, airtime) == fits


def test_what_is_longer_than_the_budget_never_fits():
    assert Ledger(BUDGET_US).next_fit(0, BUDGET_US) == 0
    assert Ledger(BUDGET_US).next_fit(0, BUDGET_US + 1) is None


def test_a_transmission_counts_until_its_last_microsecond_has_left_the_window():
    ledger = Ledger(BUDGET_US)
    ledger.record(5_000, FRAME_US)
    gone = 5_000 + FRAME_US + HOUR_US
    assert ledger.used(gone - 1) == FRAME_US
    assert ledger.used(gone) == 0


def test_the_time_given_holds_when_the_older_transmission_ends_last():
    ledger = Ledger(BUDGET_US)
    ledger.record(0, 30_000_000)
    ledger.record(1_000_000, 6_000_000)  # as merging may leave it
    assert ledger.next_fit(2_000_000, 36_000_000) == 30_000_000 + HOUR_US


def random_life(entries, count):
    """Sends whenever the ledger lets it; returns what was sent, and how often it had to wait."""
    window_us, budget_us = 3_600_000, 36_000
    ledger = Ledger(budget_us, window_us, entries)
    now, sent, waited = random.randrange(10_000_000), [], 0
    for _ in range(count):
        now += random.choice((0, 1, random.randrange(20_000), random.randrange(400_000)))
        airtime = random.choice((1, random.randrange(1, 500), random.randrange(1, 9_000), 36_000))
        fits = ledger.next_fit(now, airtime)
        assert fits >= now
        if fits > now:
            waited += 1
            if random.randrange(3):
                continue
            now = fits
            assert ledger.next_fit(now, airtime) == now, "it does not fit when it said it would"
        ledger.record(now, airtime)
        sent.append((now, airtime))
        now += airtime
    assert most_in_a_window(sent, window_us) <= budget_us, "over the budget"
    return sent, waited


def test_random_loads_never_exceed_the_budget():
    seed_random()
    for entries in (2, 5, 32, 100):
        sent, waited = random_life(entries, 150)
        assert sent, "nothing was ever sent"
        assert waited, "the budget was never reached"


def test_many_short_transmissions_under_the_budget_are_not_held_up():
    # Ten hours at three quarters of the budget, far more transmissions an hour than the ledger has entries.
    ledger = Ledger(BUDGET_US)
    period_us = FRAME_US * 100 * 4 // 3
    now = 0
    for index in range(10 * HOUR_US // period_us):
        now = index * period_us
        assert ledger.next_fit(now, FRAME_US) == now, "held up after %d minutes" % (now // 60_000_000)
        ledger.record(now, FRAME_US)
    assert ledger.used(now) >= BUDGET_US * 7 // 10


def test_a_packed_ledger_is_small_and_never_allows_more_than_it_did():
    seed_random()
    ledger = Ledger(BUDGET_US)
    now = 1_000_000_000_000
    for _ in range(200):
        now += random.randrange(60_000_000)
        airtime = random.randrange(1, 2_000_000)
        if ledger.next_fit(now, airtime) == now:
            ledger.record(now, airtime)
        now += airtime
        packed = ledger.pack(now)
        assert len(packed) <= 32 * 8
        restored = Ledger(BUDGET_US)
        restart = random.choice((0, 5, now))  # the clock may start again
        restored.unpack(packed, restart)
        later = 0
        while later < HOUR_US + 3_000_000:
            assert restored.used(restart + later) >= ledger_used(ledger, now + later), later
            later += 400_000_000
    assert restored.used(restart + HOUR_US + 3_000_000) == 0, "it forgets, too"


def ledger_used(ledger, now):
    """`used` at a later time, without letting the ledger forget."""
    copy = Ledger(BUDGET_US)
    copy.unpack(ledger.pack(now), now)
    return copy.used(now)


def test_the_order_of_packing_is_kept_after_a_restart():
    ledger = Ledger(BUDGET_US)
    for index in range(5):
        ledger.record(index * 100_000_000, (index + 1) * 1_000_000)
    restored = Ledger(BUDGET_US)
    restored.unpack(ledger.pack(500_000_000), 500_000_000)
    for airtime in range(1_000_000, 36_000_000, 5_000_000):
        assert restored.next_fit(500_000_000, airtime) == ledger.next_fit(500_000_000, airtime), airtime


def test_packed_bytes_that_are_cut_or_empty():
    ledger = Ledger(BUDGET_US)
    ledger.record(0, 1_000_000)
    ledger.record(2_000_000, 3_000_000)
    packed = ledger.pack(5_000_000)
    restored = Ledger(BUDGET_US)
    restored.unpack(packed[:-3], 5_000_000)
    assert restored.used(5_000_000) == 1_000_000
    restored.unpack(b"", 5_000_000)
    assert restored.used(5_000_000) == 0


def test_channels_lie_in_their_bands():
    for freq_hz, band in UPLINK_CHANNELS:
        for edge_hz in (freq_hz - 62_500, freq_hz, freq_hz + 62_499):
            assert band_of(edge_hz) == band, edge_hz
    assert band_of(RX2_FREQ_HZ) == "P"
    for freq_hz in (0, 433_000_000, 864_999_999, 868_600_000, 869_399_999, 869_650_000, 915_000_000):
        assert band_of(freq_hz) is None, freq_hz


def test_budgets_are_those_of_en_300_220():
    assert {name: (budget, erp) for name, (_, _, budget, erp) in BANDS.items()} == {
        "L": (36_000_000, 14),
        "M": (36_000_000, 14),
        "P": (360_000_000, 27),
    }
    assert HOUR_US == 3_600_000_000
