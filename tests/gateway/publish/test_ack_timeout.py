"""A platform that is slow is waited for, one that is gone is not waited for too long."""

from lyhord_gateway.publish.ack_timeout import AckTimeout


def test_silence_is_borne_twice_as_long_each_time_but_not_for_ever() -> None:
    ack_timeout = AckTimeout(10, 120)
    assert not ack_timeout.tried
    assert [ack_timeout.silent() for _ in range(5)] == [True, True, True, True, False]
    assert (ack_timeout.seconds, ack_timeout.tried) == (120, True)


def test_a_puback_says_how_long_the_next_one_may_take() -> None:
    ack_timeout = AckTimeout(10, 120)
    for after_s, seconds in ((0.1, 10), (15, 30), (500, 120), (20, 40), (4, 10)):
        ack_timeout.answered(after_s)
        assert (ack_timeout.seconds, ack_timeout.tried) == (seconds, seconds > 10)
