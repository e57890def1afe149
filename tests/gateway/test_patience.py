"""A platform that is slow is waited for, one that is gone is not waited for too long."""

from lyhord_gateway.publish.patience import Patience


def test_silence_is_borne_twice_as_long_each_time_but_not_for_ever() -> None:
    patience = Patience(10, 120)
    assert not patience.tried
    assert [patience.silent() for _ in range(5)] == [True, True, True, True, False]
    assert (patience.seconds, patience.tried) == (120, True)


def test_a_puback_says_how_long_the_next_one_may_take() -> None:
    patience = Patience(10, 120)
    for after_s, seconds in ((0.1, 10), (15, 30), (500, 120), (20, 40), (4, 10)):
        patience.answered(after_s)
        assert (patience.seconds, patience.tried) == (seconds, seconds > 10)
