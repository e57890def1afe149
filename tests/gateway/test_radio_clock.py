"""The clock of a concentrator: 32 bits of microseconds, a drift, a restart."""

from lyhord_gateway.sources.radio_clock import RadioClock


def test_the_radios_clock_tells_how_long_a_datagram_was_under_way() -> None:
    clock = RadioClock()
    start = 2**32 - 5_000_000
    now = 10**12
    assert clock.heard_us(start, now) == now
    for second in range(1, 120):  # through the wrap of the 32-bit clock
        tmst = (start + second * 1_000_000) % 2**32
        delay = 400_000 if second % 3 == 0 else 0
        assert clock.heard_us(tmst, now + second * 1_000_000 + delay) == now + second * 1_000_000
    # It is restarted: its clock begins anew, and nothing is believed to be late.
    assert clock.heard_us(1_000, now + 130_000_000) == now + 130_000_000


def test_a_clock_that_drifts_is_followed() -> None:
    clock = RadioClock()
    for second in range(0, 3600):  # 50 ppm slow
        arrived = second * 1_000_000
        heard = clock.heard_us((arrived - arrived // 20_000) % 2**32, arrived)
        assert 0 <= arrived - heard <= 4_000
