"""A building node on a virtual board: climate, a meter and a detector that are counted through deep sleep."""

import re

import pytest

from boards import devkit_rfm95 as pins
from lyhord_rig.sensors import contact, motion
from lyhord_rig.sensors.sensirion import Fault
from lyhord_rig.street.building import BuildingNode
from lyhord_rig.street.node import Label, NodeRefused, Site
from lyhord_rig.world.weather import Weather
from lyhord_wire import codes
from tests.node.bin_node import KEY, NODE

PERIODS = {"sample_period": 120, "report_period": 240, "ack_every": 1, "spreading_factor": 7, "link": 1}


@pytest.fixture
async def settle(world, ether, gateway, node_image, tmp_path):
    """Makes a BuildingNode with these sensors and sets it to work; at the end it must not have crashed."""
    made = []

    async def move_in(fitted, **settings):
        flash = tmp_path / "flash.bin"
        flash.write_bytes(node_image.read_bytes())
        label = Label(NODE, "school", KEY)
        site = Site(world, ether, Weather(world), flash, tmp_path, (40.0, 0.0), pins)
        building = BuildingNode(site, label, fitted)
        made.append(building)
        await building.install(PERIODS | settings)
        return building

    yield move_in
    for building in made:
        print("\n".join(building.board.console.lines))
        assert building.board.crash_reports == []
        assert building.board.events.watchdog_resets == 0
        assert "Traceback" not in "\n".join(building.board.console.lines)


def newest_alarms(gateway):
    return gateway.reports[-1].alarms if gateway.reports else None


ALL = {"thermometer": "sht31", "pulses": "contact", "occupancy": "pir", "tilt": "closing"}


async def test_climate_water_and_people(world, gateway, settle):
    building = await settle(ALL)
    await world.run_for(3600)
    building.leave_for_good()
    moved = building.sensors.motion.movements
    await world.run_for(600)
    samples = [values for _, values in (gateway.samples[number] for number in sorted(gateway.samples))]
    assert len(samples) >= 30
    newest = samples[-1]
    assert abs(newest[codes.TEMPERATURE] - building.indoors.temperature_dc()) <= 2
    assert abs(newest[codes.HUMIDITY] - building.indoors.humidity_dp()) <= 3
    assert newest[codes.PULSE_COUNT] == building.sensors.meter.pulses >= 3
    assert sorted(newest) == [
        codes.TEMPERATURE,
        codes.HUMIDITY,
        codes.BATTERY,
        codes.PULSE_COUNT,
        codes.OCCUPANCY,
    ]
    assert samples[0][codes.OCCUPANCY] is None  # the detector warms up
    occupied = [values[codes.OCCUPANCY] for values in samples[1:]]
    assert 1 <= sum(occupied) <= moved and occupied[-1] == 0
    assert gateway.statuses[-1][codes.STATUS_FAULTS] == 0


async def test_the_console_leaves_room_for_a_send_of_everything(world, gateway, settle):
    """The moment with most in memory: contacts, the console, all parts of the status and the about."""
    building = await settle(ALL, sample_period=60, report_period=86400)
    await world.run_for(1800)
    await building.enter()
    await building.deliver()
    assert len(gateway.samples) >= 25
    *_, heap = re.findall(r"report: done \d{2} heap (\d+)", "\n".join(building.board.console.lines))
    assert int(heap) >= 128 * 1024 * 8 // 100  # 6 % were too little for a building in a soak


async def test_a_meter_on_mains_stays_awake_and_misses_nothing(world, gateway, settle):
    building = await settle({"thermometer": "none", "pulses": "contact", "supply": "mains"})
    building.sensors.meter.flow(0)
    await world.run_for(60)
    wakes = building.board.events.wakes
    building.sensors.meter.flow(12_000)  # 3.3 a second
    await world.run_for(900)
    building.leave_for_good()
    await world.run_for(500)
    newest = gateway.samples[max(gateway.samples)][1]
    assert newest == {codes.PULSE_COUNT: building.sensors.meter.pulses}
    assert building.sensors.meter.pulses > 2500 and building.board.events.wakes == wakes


async def test_a_count_goes_on_after_a_power_cut(world, gateway, settle):
    building = await settle({"thermometer": "none", "pulses": "contact"})
    building.sensors.meter.flow(300)
    await world.run_for(600)
    building.leave_for_good()
    await world.run_for(130)
    before = building.sensors.meter.pulses
    building.board.power_off()
    await world.run_for(20)
    building.board.power_on()
    await world.run_for(5)
    building.sensors.meter.pulse()
    await world.run_for(500)
    assert gateway.samples[max(gateway.samples)][1][codes.PULSE_COUNT] == before + 1 > 40
    building.board.reset()  # and after a restart that keeps the RTC memory's content or not
    await world.run_for(500)
    assert gateway.samples[max(gateway.samples)][1][codes.PULSE_COUNT] == before + 1


@pytest.mark.parametrize("fault", list(Fault))
async def test_a_climate_that_cannot_be_believed_is_null_and_an_alarm(world, gateway, settle, fault):
    building = await settle({"thermometer": "sht31"}, sample_period=30, report_period=60)
    await world.run_for(120)
    building.sensors.thermometer.fault = fault
    await world.run_for(300)
    newest = gateway.samples[max(gateway.samples)][1]
    assert newest[codes.TEMPERATURE] is None and newest[codes.HUMIDITY] is None
    assert newest[codes.BATTERY]
    assert gateway.statuses[-1][codes.STATUS_FAULTS] == codes.FAULT_TEMPERATURE
    assert gateway.reports[-1].alarms == [codes.ALARM_SENSOR_FAULT]
    building.sensors.thermometer.fault = None
    await world.run_for(300)
    assert gateway.samples[max(gateway.samples)][1][codes.HUMIDITY] > 100
    assert gateway.statuses[-1][codes.STATUS_FAULTS] == 0


async def test_co2_and_a_sensor_of_it_that_dies(world, gateway, settle):
    building = await settle({"thermometer": "sht31", "co2": "scd41"}, sample_period=60, report_period=120)
    await world.run_for(400)
    newest = gateway.samples[max(gateway.samples)][1]
    assert abs(newest[codes.CO2] - building.indoors.co2_ppm()) <= 10 and newest[codes.CO2] >= 425
    building.sensors.co2.is_dark = True
    await world.run_for(400)
    newest = gateway.samples[max(gateway.samples)][1]
    assert newest[codes.CO2] is None and newest[codes.TEMPERATURE] > 100
    assert gateway.statuses[-1][codes.STATUS_FAULTS] == codes.FAULT_TEMPERATURE
    assert gateway.reports[-1].alarms == [codes.ALARM_SENSOR_FAULT]


async def test_tilted_and_cold_are_told_at_once(world, gateway, settle):
    fitted = {"thermometer": "sht31", "tilt": "closing"}
    building = await settle(fitted, sample_period=30, report_period=3600, frost_alarm=100)
    await world.run_for(120)
    building.sensors.tilt.tilt(90)
    assert await world.run_until(lambda: newest_alarms(gateway) == [codes.ALARM_TILTED], 70)
    await building.enter()
    await building.command("set frost_alarm 300")
    await building.command("save")
    await building.leave()
    expected = [codes.ALARM_TILTED, codes.ALARM_COLD]  # what lies is believed at the second sample
    assert await world.run_until(lambda: newest_alarms(gateway) == expected, 120)


async def test_dead_contacts_are_no_numbers_of_their_own(world, gateway, settle):
    building = await settle(ALL)
    building.sensors.meter.contact.fault = contact.Fault.SHORTED
    building.sensors.motion.fault = motion.Fault.DEAD
    await world.run_for(1800)
    newest = gateway.samples[max(gateway.samples)][1]
    assert newest[codes.PULSE_COUNT] <= 2 and newest[codes.OCCUPANCY] == 0
    assert building.board.events.wakes < 60  # a contact that rests closed wakes nobody


async def test_what_cannot_be_fitted_is_refused_in_one_line(world, settle):
    building = await settle({"thermometer": "sht31"})
    await world.run_for(60)
    await building.enter()
    for line, why in (
        ("set thermometer pt100", "thermometer: expected one of usual ds18b20 none sht31"),
        ("set occupancy camera", "occupancy: expected one of usual none pir"),
    ):
        with pytest.raises(NodeRefused, match=why):
            await building.command(line)
    await building.command("set ranger hcsr04")
    with pytest.raises(NodeRefused, match="ranger: expected none in a building"):
        await building.command("save")
    await building.command("set ranger none")
    await building.command("save")
    assert (await building.status())["sensors"] == "supply=battery thermometer=sht31"
