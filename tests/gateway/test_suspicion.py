"""One reading that does not pass must neither stop the others nor vanish silently."""

from lyhord_gateway.publish.suspicion import CONVICTED, STRIKES, Suspicion


def test_the_guilty_one_is_found_among_those_that_were_under_way_with_it() -> None:
    suspicion = Suspicion()
    assert [suspicion.failed(range(20)) for _ in range(STRIKES)] == [False] * (STRIKES - 1) + [True]
    assert suspicion.careful
    suspicion.passed(range(19))
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
    suspicion.passed([1])
    assert not suspicion.careful


def test_what_passes_alone_only_was_in_messages_that_are_too_long() -> None:
    suspicion = Suspicion()
    for share in (2, 4):
        for _ in range(STRIKES):
            suspicion.failed(range(10))
        suspicion.passed(range(10))
        assert (suspicion.careful, suspicion.share) == (False, share)


def test_losses_with_success_between_them_are_nobodys_fault() -> None:
    suspicion = Suspicion()
    for _ in range(10):
        assert not suspicion.failed(range(10))
        suspicion.passed(range(10))
