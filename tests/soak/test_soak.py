"""A short soak; `make soak` is the long one."""

from tests.soak.plan import Plan
from tests.soak.run import run

SEED = 3


async def test_a_day_of_a_few_nodes_with_a_power_cut_and_an_outage(tmp_path):
    verdict = await run(Plan(1, 4, SEED, sample_period_s=3600, report_period_s=7200), tmp_path)
    print("\n".join(verdict.lines()))
    assert verdict.sound
    assert verdict.sums["arrived"] == verdict.sums["taken"] >= 4 * 18
    counts = verdict.counts
    assert counts["trouble/gateway outage"] and counts["trouble/power cut"] and counts["trouble/sensor dies"]
    assert counts["trouble/power cut in the middle of a flash write"]
    assert counts["lost/chance"] and counts["answers/rx1_answers"] and counts["answers/mqtt.answers_sent"]
    assert verdict.worst_us["M"][0] and verdict.worst_us["L"][0]
