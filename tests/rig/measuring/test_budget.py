"""The node keeps to firmware/budget.toml, and the check bites when a limit is lowered."""

from dataclasses import replace

import pytest

from lyhord_rig.measuring.budget import read_budget
from lyhord_rig.measuring.size import measure_size


@pytest.mark.slow
async def test_the_node_keeps_to_its_budget_and_a_lower_limit_would_fail():
    report = await measure_size()
    budget = read_budget()
    assert {heap.link for heap in report.heaps} == {"LoRa", "WiFi"}
    assert not list(budget.exceeded(report))

    sizes = {file.path: file.stored_bytes for file in report.image.files}
    assert 4 * sizes["/lib/lyhord_node/cycle.mpy"] <= 3 * budget.module_bytes_max  # the story is short

    stored = report.image.stored_bytes
    largest = max(size for path, size in sizes.items() if path.endswith(".mpy"))
    least = min(100 * heap.after // (128 * 1024) for heap in report.heaps)
    block = min(heap.block for heap in report.heaps)
    for lowered, named in (
        (replace(budget, stored_bytes_max=stored - 1), "image.stored_bytes_max"),
        (replace(budget, module_bytes_max=largest - 1), "image.module_bytes_max"),
        (replace(budget, free_after_cycle_percent_min=least + 1), "heap.free_after_cycle_percent_min"),
        (replace(budget, free_block_bytes_min=block + 1), "heap.free_block_bytes_min"),
    ):
        found = list(lowered.exceeded(report))
        assert found, named
        assert found[0].startswith(named)
