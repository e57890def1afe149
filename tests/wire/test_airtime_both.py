"""Time on air against the golden vectors."""

from lyhord_wire.airtime import airtime_us, low_data_rate
from tests.vectors import load


def test_every_vector_to_the_microsecond():
    vectors = load("airtime")
    assert len(vectors) > 40
    for vector in vectors:
        microseconds = airtime_us(
            vector["size"],
            vector["sf"],
            bandwidth_khz=vector["bandwidth_khz"],
            coding_rate=int(vector["coding_rate"][2:]),
        )
        assert microseconds == vector["microseconds"], vector


def test_a_downlink_without_crc_is_never_longer():
    shorter = 0
    for sf in range(7, 13):
        for size in range(65):
            without = airtime_us(size, sf, crc=False)
            assert without <= airtime_us(size, sf), (sf, size)
            shorter += without < airtime_us(size, sf)
    assert shorter


def test_longer_frames_and_higher_spreading_factors_never_take_less():
    for sf in range(7, 13):
        for size in range(1, 223):
            assert airtime_us(size, sf) >= airtime_us(size - 1, sf), (sf, size)
            if sf < 12:
                assert airtime_us(size, sf) < airtime_us(size, sf + 1), (sf, size)


def test_low_data_rate_optimisation_starts_at_symbols_of_16_ms():
    assert [low_data_rate(sf) for sf in range(7, 13)] == [False, False, False, False, True, True]
    assert low_data_rate(12, 250)
    assert not low_data_rate(11, 250)
    assert not low_data_rate(12, 500)
