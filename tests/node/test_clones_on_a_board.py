"""A bin node whose thermometer is a clone: what it did not convert is null, a fire is told."""

import pytest

from lyhord_rig.sensors.ds18b20 import Family
from lyhord_wire.codes import ALARM_FIRE, TEMPERATURE
from lyhord_wire.tables import ALARMS
from tests.node.bin_node import BIN, BinNode

CONVERT = 0x44


class CloneNode(BinNode):
    async def sample(self):
        """(temperature in 0.1 °C or None, the fault bits, the alarms) of one sample at the console."""
        _, lines = await self.say("sample")
        text = next(line for line in lines if line.startswith("sample"))
        pairs = dict(pair.split(": ") for pair in text.partition("{")[2].rstrip("}").split(", "))
        value = pairs[str(TEMPERATURE)]
        status = await self.ask("status")
        return None if value == "None" else int(value), status["faults"], status["alarms"]


@pytest.fixture
async def clone(world, node_image, tmp_path, request):
    made = CloneNode(world, node_image, tmp_path, family=request.param)
    await made.enter()
    for name, value in BIN.items():
        await made.ask(f"set {name} {value}")
    await made.ask("save")
    yield made
    assert made.board.crash_reports == [] and "Traceback" not in made.printed()


@pytest.mark.parametrize("clone", Family, ids=lambda family: family.name, indirect=True)
async def test_one_lost_convert_is_null_and_a_fault_bit_and_a_fire_at_85_degrees_is_told(clone):
    assert await clone.sample() == (215, "none", "none")
    clone.thermometer.lose = {CONVERT: 1}
    assert await clone.sample() == (None, "temperature", "none")
    assert await clone.sample() == (215, "none", "none")
    clone.temperature_dc = 850
    assert await clone.sample() == (850, "none", ALARMS[ALARM_FIRE].name)
    clone.thermometer.lose = {CONVERT: 1}
    assert await clone.sample() == (None, "temperature", ALARMS[ALARM_FIRE].name)


@pytest.mark.parametrize("clone", [Family.D2], indirect=True)
async def test_a_slow_clone_says_more_than_25_degrees(clone):
    for true_dc in (215, 250, 310, -100):
        clone.temperature_dc = true_dc
        assert (await clone.sample())[0] == true_dc
