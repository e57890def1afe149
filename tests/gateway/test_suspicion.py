"""One reading that does not pass must neither stop the others nor vanish silently."""

from collections.abc import Iterable

from lyhord_gateway.publish.suspicion import CONVICTED, CONVICTED_INTRODUCTION, STRIKES, Suspicion
from lyhord_gateway.reading import Message
from tests.gateway.readings import reading

INTRODUCTION = Message("connect", b"{}", about=0xA01)


def carrying(arrivals: Iterable[int]) -> Message:
    return Message("readings", b"[]", [reading(arrival) for arrival in arrivals])


def test_the_guilty_one_is_found_among_those_that_were_under_way_with_it() -> None:
    suspicion = Suspicion()
    assert [suspicion.failed(range(20)) for _ in range(STRIKES)] == [False] * (STRIKES - 1) + [True]
    assert suspicion.careful
    suspicion.passed(carrying(range(19)))
    for _ in range(CONVICTED - STRIKES):
        assert not suspicion.convicted()
        suspicion.failed([19])
    assert suspicion.convicted() == [19]
    assert not suspicion.convicted()
    assert not suspicion.careful
    assert suspicion.share == 1


def test_a_platform_that_takes_nothing_convicts_nobody() -> None:
    suspicion = Suspicion()
    for _ in range(100):
        suspicion.failed([1])
        assert not suspicion.convicted()
    suspicion.passed(carrying([1]))
    assert not suspicion.careful


def test_what_passes_alone_only_was_in_messages_that_are_too_long() -> None:
    suspicion = Suspicion()
    for share in (2, 4):
        for _ in range(STRIKES):
            suspicion.failed(range(10))
        suspicion.passed(carrying(range(10)))
        assert (suspicion.careful, suspicion.share) == (False, share)


def test_losses_with_success_between_them_are_nobodys_fault() -> None:
    suspicion = Suspicion()
    for _ in range(10):
        assert not suspicion.failed(range(10))
        suspicion.passed(carrying(range(10)))


def test_an_introduction_is_at_fault_only_if_readings_pass() -> None:
    suspicion = Suspicion()
    for _ in range(CONVICTED_INTRODUCTION):
        suspicion.failed([INTRODUCTION, 1])
    assert suspicion.careful and suspicion.suspected(INTRODUCTION)
    suspicion.passed(Message("connect", b"{}", about=0xB02))
    assert not suspicion.convicted(), "another one says nothing"
    suspicion.passed(carrying([1]))
    assert suspicion.convicted() == [INTRODUCTION]
    assert not suspicion.careful


def test_introductions_that_pass_convict_no_reading() -> None:
    suspicion = Suspicion()
    for _ in range(CONVICTED):
        suspicion.failed([1])
    suspicion.passed(INTRODUCTION)
    assert not suspicion.convicted()
