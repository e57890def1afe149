"""The regulator: duty cycle over a sliding hour, power and bands."""

from lyhord_rig.radio.duty import HOUR_US, Regulator, Rule
from tests.rig.radio.ether_ear import CHANNEL, Modulation, Street

M, L, P = 868_100_000, 867_100_000, 869_525_000


def test_one_percent_of_an_hour_is_allowed_and_not_a_microsecond_more():
    regulator = Regulator()
    regulator.record("node", M, 14, 0, 36_000_000)
    assert regulator.violations == []
    regulator.record("node", M, 14, 40_000_000, 40_000_001)
    (violation,) = regulator.violations
    assert (violation.rule, violation.band, violation.value, violation.limit) == (
        Rule.DUTY_CYCLE,
        "M",
        36_000_001,
        36_000_000,
    )


def test_the_hour_slides():
    regulator = Regulator()
    regulator.record("node", M, 14, 0, 36_000_000)
    # As much as has left the window at its end may be sent: it ends 10 s after the first began to leave.
    regulator.record("node", M, 14, HOUR_US, HOUR_US + 10_000_000)
    assert regulator.violations == []
    assert regulator.used_us("node", "M", HOUR_US + 10_000_000) == 36_000_000
    regulator.record("node", M, 14, HOUR_US + 10_000_000, HOUR_US + 10_000_001)
    assert regulator.violations == []
    regulator.record("node", M, 14, HOUR_US - 10, HOUR_US + 10_000_010)
    assert regulator.violations_counted == 1
    assert regulator.used_us("node", "M", 3 * HOUR_US) == 0


def test_bands_and_transmitters_have_budgets_of_their_own():
    regulator = Regulator()
    for transmitter in ("a", "b"):
        for freq_hz in (M, L):
            regulator.record(transmitter, freq_hz, 14, 0, 36_000_000)
    regulator.record("a", P, 27, 0, 360_000_000)
    assert regulator.violations == []
    assert [regulator.used_us("a", band, HOUR_US // 2) for band in "MLP"] == [
        36_000_000,
        36_000_000,
        360_000_000,
    ]
    regulator.record("a", 868_500_000, 14, 400_000_000, 400_000_100)  # the same band as 868.1
    assert [violation.transmitter for violation in regulator.violations] == ["a"]


def test_power_and_frequency_have_limits():
    regulator = Regulator()
    regulator.record("node", M, 15, 0, 1000)
    regulator.record("node", P, 27, 0, 1000)
    regulator.record("node", 868_650_000, 2, 0, 1000)
    assert [(v.rule, v.value) for v in regulator.violations] == [(Rule.POWER, 15), (Rule.BAND, 868_650_000)]


async def test_the_ether_reports_who_breaks_the_rule():
    street = Street()
    loud, quiet = street.sender("loud"), street.sender("quiet")
    slow = Modulation(868_100_000, 12)
    for n in range(28):  # 27 frames of 20 bytes fit into an hour
        street.send_at(n * 100_000_000, loud, modulation=slow)
        street.send_at(n * 100_000_000 + 50_000_000, quiet, modulation=CHANNEL)
    await street.run(HOUR_US)
    regulator = street.ether.regulator
    assert [(v.transmitter, v.value) for v in regulator.violations] == [("loud", 28 * 1_318_912)]
    assert regulator.used_us("quiet", "M", street.world.now_us) == 28 * 56_576
