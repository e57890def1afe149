"""Alarms that the node tells at once, on a virtual board over LoRa."""

from lyhord_wire import codes, instructions
from tests.node.bin_node import BIN


async def test_a_full_bin_is_told_at_once(world, gateway, node):
    await node.provision(BIN | {"report_period": 3600})
    await world.run_for(700)
    reports = len(gateway.reports)
    node.distance_mm = 250
    changed = world.now_us
    assert await world.run_until(lambda: gateway.reports[-1].alarms == [codes.ALARM_FULL], 150)
    # What is suddenly there is believed when the next sample sees it too.
    assert world.now_us - changed < 130_000_000 and len(gateway.reports) > reports
    assert gateway.frames[-1].ack_requested
    gateway.orders.append({instructions.COMMAND: [codes.COMMAND_STOP_ALARMS]})
    await world.run_for(4000)
    assert not gateway.reports[-1].alarms


async def test_an_alarm_that_nobody_heard_does_not_wait_for_the_next_report(world, gateway, node):
    await node.provision(BIN | {"report_period": 3600})
    await world.run_for(700)
    gateway.deaf = True
    node.temperature_dc = 700
    await world.run_for(400)
    assert node.printed().count("report: no answer") == 3  # at once, after a minute, after two more
    gateway.deaf = False
    assert await world.run_until(lambda: gateway.reports[-1].alarms == [codes.ALARM_FIRE], 300)
    reports = len(gateway.reports)
    await world.run_for(900)
    assert len(gateway.reports) == reports


async def test_an_alarm_goes_before_the_question_who_it_is(world, gateway, node):
    gateway.silent = True
    node.temperature_dc = 700
    await node.provision(BIN)
    assert await world.run_until(lambda: gateway.frames, 60)
    assert gateway.reports[0].alarms == [codes.ALARM_FIRE]


async def test_a_sensor_that_fails_gives_no_number_and_says_so(world, gateway, node):
    await node.provision(BIN | {"ack_every": 1})
    await world.run_for(130)
    node.distance_mm = None
    await world.run_for(500)
    last = gateway.samples[max(gateway.samples)][1]
    assert (last[codes.DISTANCE], last[codes.FILL_LEVEL], last[codes.FILL_QUALITY]) == (None, None, 0)
    assert last[codes.TEMPERATURE] == 215
    assert codes.ALARM_SENSOR_FAULT in gateway.reports[-1].alarms
    assert gateway.statuses[-1][codes.STATUS_FAULTS] == codes.FAULT_ULTRASONIC
    node.distance_mm = 900
    await world.run_for(500)
    assert gateway.reports[-1].alarms in (None, [])
    assert gateway.statuses[-1][codes.STATUS_FAULTS] == 0
