"""Seeds, everything that fuzzing ever found, and some mutations of them, always the same ones."""

import logging
import random
import time
from collections.abc import Iterator

import pytest

from tests.fuzz.targets import FOUND, TARGETS

MUTATIONS = 150
SLOWEST_S = 1.0  # of CPU time for one input, on a slow machine; they take a few milliseconds


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Each refusal is a log line that pytest would keep."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def mutated(data: bytes, rng: random.Random, size: int) -> bytes:
    """A few bytes changed, removed, inserted or repeated."""
    changed = bytearray(data)
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(len(changed) + 1)
        match rng.randrange(4):
            case 0 if at < len(changed):
                changed[at] = rng.choice((0, 0x7F, 0x80, 0xFF, rng.randrange(256)))
            case 1:
                del changed[at : at + rng.randrange(1, 9)]
            case 2:
                changed[at:at] = rng.randbytes(rng.randrange(1, 9))
            case _:
                changed[at:at] = changed[at : at + rng.randrange(1, 33)]
    return bytes(changed[:size])


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_known_and_mutations_of_it(name: str) -> None:
    target = TARGETS[name]
    corpus = target.corpus(name)
    rng = random.Random(name)
    inputs = [*corpus, *(mutated(rng.choice(corpus), rng, target.size) for _ in range(MUTATIONS))]
    for data in inputs:
        start_s = time.process_time()
        try:
            target.check(data)
        except Exception as error:
            error.add_note(f"target {name}, input {data.hex()}")
            raise
        assert time.process_time() - start_s < SLOWEST_S, data.hex()


def test_every_find_belongs_to_a_target() -> None:
    assert {path.name for path in FOUND.iterdir()} <= set(TARGETS)
