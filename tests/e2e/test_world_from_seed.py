"""The same seed makes the same street: keys, places, bins, weather and losses."""

from lyhord_rig.street.street import Plan, Street


async def describe(seed, folder):
    """The description of a street before it lives, hours ahead."""
    street = Street(Plan(nodes=4, seed=seed, loss=0.2), folder)
    try:
        facts = []
        for node in street.nodes:
            facts.append((node.label.key, node.antenna.position_m))
        for hour in range(48):
            street.world.now_us = hour * 3_600_000_000
            facts.append([node.bin.distance_mm() for node in street.nodes])
            facts.append([street.weather.temperature_dc() for node in street.nodes])
        return facts
    finally:
        await street.close()


async def test_same_seed_same_street(tmp_path):
    assert await describe(7, tmp_path / "a") == await describe(7, tmp_path / "b")


async def test_other_seed_other_street(tmp_path):
    assert await describe(7, tmp_path / "a") != await describe(8, tmp_path / "b")
