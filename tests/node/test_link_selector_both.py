"""The link that a report takes, the one that rests, and for how long."""

from lyhord_node.link_selector import LORA, WIFI, LinkSelector, usable
from lyhord_wire.codes import LINK_AUTO, LINK_LORA, LINK_LORA_FIRST, LINK_WIFI

HOUR = 3600


def both(selector, wanted, urgent=False):
    return selector.choose(usable(wanted, True, True), urgent)


def test_the_setting_says_which_link_is_first_and_which_is_never_taken():
    assert usable(LINK_AUTO, True, True) == [WIFI, LORA]
    assert usable(LINK_LORA_FIRST, True, True) == [LORA, WIFI]
    assert usable(LINK_LORA, True, True) == [LORA]
    assert usable(LINK_WIFI, True, True) == [WIFI]


def test_what_a_board_lacks_or_nobody_set_up_is_not_tried():
    assert usable(LINK_AUTO, True, False) == usable(LINK_LORA_FIRST, True, False) == [LORA]
    assert usable(LINK_AUTO, False, True) == usable(LINK_LORA_FIRST, False, True) == [WIFI]
    assert usable(LINK_WIFI, True, False) == usable(LINK_LORA, False, True) == []
    assert LinkSelector().choose([], True) is None


def attempts(wanted, reports, report_period):
    """The reports (0, 1, 2 …) at which WiFi is tried while it is away; LoRa works and takes them then."""
    selector = LinkSelector()
    tried = []
    for number in range(reports):
        link = both(selector, wanted)
        if link == WIFI:
            tried.append(number)
            selector.note(link, False, report_period)
            selector = LinkSelector(selector.pack())  # a start of its own
            assert selector.awake(usable(wanted, True, True)) == [LORA]
            link = both(selector, wanted)
        assert link == LORA
        selector.note(link, True, report_period)
        selector = LinkSelector(selector.pack())
    return tried


def test_wifi_that_is_away_is_tried_less_and_less_often_while_lora_goes():
    assert attempts(LINK_AUTO, 60, 60) == [0, 1, 3, 7, 15, 31]


def test_a_wifi_outage_of_days_costs_four_attempts_a_day():
    tried = attempts(LINK_AUTO, 10 * 24, HOUR)
    assert tried[:4] == [0, 1, 3, 7]
    assert {tried[i + 1] - tried[i] for i in range(3, len(tried) - 1)} == {6}
    # With a report a day there is nothing to be saved.
    assert attempts(LINK_AUTO, 10, 86_400) == list(range(10))


def test_wifi_alone_rests_as_well():
    selector = LinkSelector()
    tried = 0
    for _ in range(4 * 24):
        if both(selector, LINK_WIFI) == WIFI:
            tried += 1
            selector.note(WIFI, False, HOUR)
    assert tried == 16
    assert both(selector, LINK_WIFI) is None and both(selector, LINK_WIFI, urgent=True) == WIFI


def test_a_link_that_works_again_does_not_rest():
    selector = LinkSelector()
    for _ in range(5):
        selector.note(WIFI, False, 60)
    assert both(selector, LINK_AUTO) == LORA
    selector.note(WIFI, True, 60)
    assert both(selector, LINK_AUTO) == WIFI
    selector.note(WIFI, False, 60)
    assert [both(selector, LINK_AUTO) for _ in range(2)] == [LORA, WIFI]


def test_lora_first_gives_way_to_wifi_and_comes_back():
    selector = LinkSelector()
    taken = []
    for number in range(12):
        link = both(selector, LINK_LORA_FIRST)
        taken.append(link)
        selector.note(link, link == WIFI or number >= 4, 60)
    assert taken == [LORA, WIFI, LORA, WIFI, WIFI, LORA, LORA, LORA, LORA, LORA, LORA, LORA]


def test_lora_does_not_rest_where_nothing_else_can_go():
    selector = LinkSelector()
    for _ in range(30):
        assert both(selector, LINK_LORA) == LORA
        selector.note(LORA, False, 60)
    for _ in range(30):
        selector.note(WIFI, False, 60)
        assert both(selector, LINK_AUTO) == LORA


def test_a_new_life_remembers_nothing_and_an_old_one_everything():
    selector = LinkSelector()
    selector.failures, selector.skip = [3, 200], [3, 2160]
    selector.sf, selector.sf_good, selector.sf_needed = 8, 3, 64
    other = LinkSelector(selector.pack())
    assert (other.failures, other.skip) == (selector.failures, selector.skip)
    assert (other.sf, other.sf_good, other.sf_needed) == (8, 3, 64)
    assert LinkSelector(b"").failures == LinkSelector(b"xy").failures == [0, 0]
    for _ in range(300):
        selector.note(WIFI, False, 10)
    assert LinkSelector(selector.pack()).skip[WIFI] == 2160
