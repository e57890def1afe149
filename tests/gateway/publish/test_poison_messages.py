"""One reading that does not pass must neither stop the others nor vanish silently."""

from collections.abc import Iterable

from lyhord_gateway.model.reading import Message
from lyhord_gateway.publish.poison_messages import PROVEN, PROVEN_ANNOUNCEMENT, STRIKES, PoisonMessages
from tests.gateway.readings import reading

ANNOUNCEMENT = Message("connect", b"{}", about=0xA01)


def carrying(arrivals: Iterable[int]) -> Message:
    return Message("readings", b"[]", [reading(arrival) for arrival in arrivals])


def test_the_guilty_one_is_found_among_those_that_were_under_way_with_it() -> None:
    poison_messages = PoisonMessages()
    assert [poison_messages.failed(range(20)) for _ in range(STRIKES)] == [False] * (STRIKES - 1) + [True]
    assert poison_messages.careful
    poison_messages.passed(carrying(range(19)))
    for _ in range(PROVEN - STRIKES):
        assert not poison_messages.proven()
        poison_messages.failed([19])
    assert poison_messages.proven() == [19]
    assert not poison_messages.proven()
    assert not poison_messages.careful
    assert poison_messages.share == 1


def test_a_platform_that_takes_nothing_convicts_nobody() -> None:
    poison_messages = PoisonMessages()
    for _ in range(100):
        poison_messages.failed([1])
        assert not poison_messages.proven()
    poison_messages.passed(carrying([1]))
    assert not poison_messages.careful


def test_what_passes_alone_only_was_in_messages_that_are_too_long() -> None:
    poison_messages = PoisonMessages()
    for share in (2, 4):
        for _ in range(STRIKES):
            poison_messages.failed(range(10))
        poison_messages.passed(carrying(range(10)))
        assert (poison_messages.careful, poison_messages.share) == (False, share)


def test_losses_with_success_between_them_are_nobodys_fault() -> None:
    poison_messages = PoisonMessages()
    for _ in range(10):
        assert not poison_messages.failed(range(10))
        poison_messages.passed(carrying(range(10)))


def test_an_announcement_is_at_fault_only_if_readings_pass() -> None:
    poison_messages = PoisonMessages()
    for _ in range(PROVEN_ANNOUNCEMENT):
        poison_messages.failed([ANNOUNCEMENT, 1])
    assert poison_messages.careful and poison_messages.is_candidate(ANNOUNCEMENT)
    poison_messages.passed(Message("connect", b"{}", about=0xB02))
    assert not poison_messages.proven(), "another one says nothing"
    poison_messages.passed(carrying([1]))
    assert poison_messages.proven() == [ANNOUNCEMENT]
    assert not poison_messages.careful


def test_announcements_that_pass_convict_no_reading() -> None:
    poison_messages = PoisonMessages()
    for _ in range(PROVEN):
        poison_messages.failed([1])
    poison_messages.passed(ANNOUNCEMENT)
    assert not poison_messages.proven()
