"""The spreading factor follows the answers' SNR, within what the settings allow."""

from lyhord_node import adr
from lyhord_node.link_selector import LORA, LinkSelector


class Node:
    """`gain_q4`: SNR of the answers in dB x 4; a frame arrives where its factor needs no more."""

    def __init__(self, slowest=12, fastest=7, tx_dbm=14):
        self.selector = LinkSelector()
        self.slowest = slowest
        self.fastest = fastest
        self.tx_dbm = tx_dbm

    def report(self, gain_q4, window=1):
        """The spreading factor that it took."""
        used = adr.factor(self.selector, self.slowest, self.fastest)
        arrives = gain_q4 >= -30 - 10 * (used - 7)
        if arrives:
            snr_q4 = gain_q4 if window == 1 else None
            adr.answered(self.selector, used, self.slowest, self.fastest, self.tx_dbm, snr_q4)
        self.selector.note(LORA, arrives, 3600)
        self.selector = LinkSelector(self.selector.pack())
        return used

    def reports(self, count, gain_q4, window=1):
        return [self.report(gain_q4, window) for _ in range(count)]


def test_by_default_nothing_changes():
    for slowest in range(7, 13):
        node = Node(slowest, 12)
        assert set(node.reports(40, 60)) == {slowest}
        assert set(node.reports(10, -200)) == {slowest}


def test_a_strong_answer_makes_it_faster_step_by_step_down_to_the_bound():
    assert Node().reports(24, 60) == [12] * 4 + [11] * 4 + [10] * 4 + [9] * 4 + [8] * 4 + [7] * 4
    assert Node(10, 9).reports(12, 60) == [10] * 4 + [9] * 8


def test_it_stops_where_ten_decibels_would_not_be_left():
    # SF9 needs -12.5 dB, so 0 dB leaves 12.5 there and 10 at SF8, but only 7.5 at SF7.
    assert Node().reports(60, 0)[-1] == 8
    assert Node().reports(60, -1)[-1] == 9


def test_between_the_two_limits_it_stays():
    node = Node()
    node.reports(60, 0)
    for gain_q4 in (0, -12, -20):  # 10, 7 and 5 dB more than SF8 needs
        assert set(node.reports(10, gain_q4)) == {8}
    assert node.reports(3, -21) == [8, 9, 9]


def test_the_second_window_says_nothing_about_the_path():
    assert set(Node().reports(20, 60, window=2)) == {12}
    node = Node()
    node.reports(24, 60)
    assert set(node.reports(20, 60, window=2)) == {7}


def test_a_node_that_sends_with_less_counts_as_heard_with_less():
    assert Node(tx_dbm=20).reports(60, 0)[-1] == 8
    assert Node(tx_dbm=4).reports(60, 0)[-1] == 12
    assert Node(tx_dbm=4).reports(60, 40)[-1] == 8


def test_one_unanswered_report_is_chance_two_make_it_slower_three_take_it_all_the_way_back():
    node = Node()
    node.reports(24, 60)
    assert node.reports(6, -75) == [7, 7, 8, 12, 12, 12]
    # At SF12 it is heard, but with less than 5 dB in hand.
    assert node.selector.sf == 12
    node = Node()
    node.reports(24, 60)
    assert node.reports(1, -200) == [7] and node.reports(3, 60) == [7, 7, 7]


def test_after_going_back_it_waits_longer_each_time_before_it_tries_again():
    node = Node(8, 7)
    assert node.reports(5, 60)[-1] == 7
    waits = []
    for _ in range(6):
        assert node.reports(3, -200) == [7, 7, 8]
        wait = 0
        while node.report(60) == 8:
            wait += 1
        waits.append(wait)
    assert waits == [8, 16, 32, 64, 64, 64]


def test_a_long_good_time_is_forgiven():
    node = Node(8, 7)
    node.reports(5, 60)
    node.reports(3, -200)
    node.reports(100, 60)
    assert node.selector.sf_needed == 4


def test_settings_that_change_are_kept_to_at_once():
    node = Node()
    node.reports(24, 60)
    node.fastest = 9
    assert node.report(60) == 9
    node.slowest = 8
    assert node.report(60) == 8
    node.slowest, node.fastest = 12, 12
    assert node.report(60) == 12
