"""Slow tests on all workers at once: xdist's `worksteal` deals neighbouring tests to the same worker, and one
that got every end-to-end scenario would keep the others waiting."""

import os


def pytest_collection_modifyitems(items):
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers > 1:
        items[:] = spread(items, [item.get_closest_marker("slow") is not None for item in items], workers)


def spread(items, slow, workers):
    """`items` so that each of `workers` equal stretches begins with its share of those that are `slow`."""
    first = [item for item, is_slow in zip(items, slow, strict=True) if is_slow]
    rest = [item for item, is_slow in zip(items, slow, strict=True) if not is_slow]
    ordered = []
    for worker in range(workers):
        mine = first[worker::workers]
        left = len(items) * (worker + 1) // workers - len(items) * worker // workers - len(mine)
        ordered += mine + rest[: max(0, left)]
        del rest[: max(0, left)]
    return ordered + rest
