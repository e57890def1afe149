"""Readings → messages, bounded by count and bytes."""

from collections import Counter
from collections.abc import Callable, Sequence

from lyhord_gateway.model.reading import Message, Reading, Sharing


def messages(
    readings: Sequence[Reading],
    topic: Callable[[Reading], str],
    payload: Callable[[Sequence[Reading]], bytes],
    count: int,
    size: int,
    sharing: Sharing = Sharing.ANY,
) -> list[Message]:
    """Every reading in exactly one message of its topic, those of one node in the order given.

    count: most readings in a message; size: most bytes of a payload. A single reading that is longer than
    `size` goes alone: it is better sent than stuck.
    """
    groups: dict[str, list[Reading]] = {}
    for reading in readings:
        groups.setdefault(topic(reading), []).append(reading)
    result: list[Message] = []
    for name, group in groups.items():
        for together in _rounds(group, sharing):
            for at in range(0, len(together), count):
                _split(name, together[at : at + count], payload, size, result)
    return result


def _rounds(readings: Sequence[Reading], sharing: Sharing) -> list[Sequence[Reading]]:
    """Readings that may share a message. Once per node: every node's first, then every node's second …"""
    match sharing:
        case Sharing.ANY:
            return [readings]
        case Sharing.ALONE:
            return [[reading] for reading in readings]
        case Sharing.ONCE_PER_NODE:
            rounds: list[list[Reading]] = []
            seen: Counter[int] = Counter()
            for reading in readings:
                if seen[reading.node] == len(rounds):
                    rounds.append([])
                rounds[seen[reading.node]].append(reading)
                seen[reading.node] += 1
            return [*rounds]


def _split(
    topic: str,
    readings: Sequence[Reading],
    payload: Callable[[Sequence[Reading]], bytes],
    size: int,
    result: list[Message],
) -> None:
    data = payload(readings)
    if len(data) > size and len(readings) > 1:
        half = len(readings) // 2
        _split(topic, readings[:half], payload, size, result)
        _split(topic, readings[half:], payload, size, result)
    else:
        result.append(Message(topic, data, readings))
