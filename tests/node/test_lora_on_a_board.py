"""The whole node on a virtual board, over LoRa, with a gateway in the ether."""

import itertools
import re

from littlefs import LittleFS

from lyhord_rig import State
from lyhord_rig.radio.model import Transmission
from lyhord_wire import codes
from lyhord_wire.airtime import airtime_us
from lyhord_wire.lora import band_of
from tests.node.bin_node import BIN, KEY, NODE, deliver, whole


async def test_samples_arrive_evenly_spaced_and_true(world, ether, gateway, node):
    await node.provision(BIN)
    await world.run_for(1800)
    assert whole(gateway) >= 27
    times = [gateway.samples[number][0] for number in range(len(gateway.samples))]
    assert {after - before for before, after in itertools.pairwise(times)} == {60}
    now = world.unix_us() // 1_000_000
    assert 0 <= now - times[-1] <= 200
    for _, values in gateway.samples.values():
        assert abs(values[codes.DISTANCE] - 800) <= 5
        assert (values[codes.FILL_LEVEL], values[codes.TEMPERATURE], values[codes.BATTERY]) == (40, 215, 3800)
        assert values[codes.FILL_QUALITY] >= 80  # the very first has none before it to agree with
    assert gateway.twice == 0
    about = {}
    for part in gateway.abouts:
        about |= part
    assert about == {0: "Bin 12", 3: 1, 4: "devkit_rfm95", 5: 1200, 6: 200, 7: 0x010000}
    status = gateway.statuses[0]
    assert status[codes.STATUS_VERSION] == 0x010000 and status[codes.STATUS_DROPPED] == 0
    assert node.board.state is State.ASLEEP
    assert node.radio.mode.name == "SLEEP"
    assert len(gateway.frames) < 22  # two samples share a frame


async def test_a_full_cycle_leaves_memory_free(gateway, node, world):
    heap = 128 * 1024
    await node.provision(BIN)
    await world.run_for(900)
    reports = re.findall(r"report: done \d+ heap (\d+) (\d+)", node.printed())
    assert len(reports) >= 6
    assert min(int(after) for _, after in reports) >= heap * 30 // 100
    assert min(int(while_sending) for while_sending, _ in reports) >= heap * 15 // 100
    await deliver(node)
    status = await node.ask("status")
    # From the console, which itself is in memory then; and the gateway is told.
    assert int(status["heap_free_after_cycle"]) >= heap * 25 // 100
    free = [status[codes.STATUS_FREE_HEAP] for status in gateway.statuses if codes.STATUS_FREE_HEAP in status]
    assert free and min(free) > 0 and max(free) < heap


async def test_the_first_report_of_a_fleet_is_spread_over_a_tenth_of_the_period(world, ether, gateway, node):
    sent = []
    ether.on_event(lambda event: sent.append(world.now_us))
    await node.provision(BIN | {"report_period": 3600})
    began = world.now_us
    await world.run_for(600)
    assert 1_000_000 < sent[0] - began < 365_000_000


async def test_a_silent_gateway_costs_two_tries_per_period_and_no_sample(world, ether, gateway, node):
    starts = []

    def note(event):
        if isinstance(event, Transmission) and event.transmitter == "node":
            starts.append(event.data)

    await node.provision(BIN | {"ack_every": 1})
    await world.run_for(120)
    kept = whole(gateway)
    gateway.deaf = True
    ether.on_event(note)
    await world.run_for(1200)
    assert await world.run_until(lambda: node.board.state is State.ASLEEP, 60)
    assert 2 * 8 <= len(starts) <= 2 * 11
    assert len(starts) == 2 * len(set(starts))  # the very same bytes, twice each
    assert len(gateway.samples) == kept
    gateway.deaf = False
    await world.run_for(600)
    assert whole(gateway) >= 29
    times = [gateway.samples[number][0] for number in range(len(gateway.samples))]
    assert {after - before for before, after in itertools.pairwise(times)} == {60}
    assert gateway.twice == 0


async def test_send_says_ok_only_where_all_of_it_went(world, gateway, node):
    await node.provision(BIN)
    await world.run_for(120)
    await deliver(node)
    assert (await node.say("send"))[0] == "error: nothing kept; sample takes one"
    await node.ask("set name Storgatan 5")
    await node.ask("save")
    gateway.deaf = True
    end, lines = await node.say("send")
    assert (end, lines[-1]) == ("error: no answer, 0 samples left", "sent: 0 samples, left: 0")
    gateway.deaf = False
    assert (await node.say("send"))[0] == "ok"
    assert gateway.abouts[-1][codes.ABOUT_NAME] == "Storgatan 5"


async def test_answers_in_the_second_window(world, gateway, node):
    gateway.use_rx2 = True
    await node.provision(BIN)
    await world.run_for(600)
    assert whole(gateway) >= 7
    assert "NO_ANSWER" not in node.printed() and "no answer" not in node.printed()
    assert gateway.answered <= len(gateway.frames)
    assert len({uplink.counter for uplink in gateway.frames}) == len(gateway.frames)


async def test_an_answer_may_be_some_milliseconds_off(world, gateway, node):
    for late_us in (-15_000, -5_000, 5_000, 15_000):
        gateway.late_us = late_us
        gateway.frames.clear()
        if node.board.state is State.OFF:
            await node.provision(BIN)
        await world.run_for(300)
        counters = [uplink.counter for uplink in gateway.frames]
        assert counters and len(set(counters)) == len(counters), late_us


async def test_the_slowest_spreading_factor(world, gateway, node):
    await node.provision(BIN | {"spreading_factor": 12, "sample_period": 600, "report_period": 1200})
    await world.run_for(7200)
    assert whole(gateway) >= 10
    assert max(len(raw) for raw in gateway.payloads.values()) <= 64
    parts = {}
    for status in gateway.statuses:
        parts |= status
    assert {codes.STATUS_VERSION, codes.STATUS_UPTIME, codes.STATUS_FREE_HEAP} <= set(parts)


async def test_the_daily_status_is_told_once_though_no_frame_takes_it_whole(world, gateway, node):
    slow = {"spreading_factor": 10, "sample_period": 1800, "report_period": 7200, "ack_every": 1}
    await node.provision(BIN | slow)
    await world.run_for(23 * 3600)
    told = len(gateway.statuses)
    await world.run_for(8 * 3600)
    parts = gateway.statuses[told:]
    assert sum(codes.STATUS_VERSION in part for part in parts) == 1
    assert sum(codes.STATUS_UPTIME in part for part in parts) == 1
    assert whole(gateway) >= 58


async def test_losses_on_the_air_cost_no_sample(world, ether, gateway, node):
    ether.loss = 0.2
    await node.provision(BIN | {"ack_every": 4})
    await world.run_for(3600)
    status = await deliver(node)
    assert whole(gateway) == int(status["next_sample"])
    assert (status["kept"], status["dropped"]) == ("0", "0")


async def test_a_gap_that_the_node_cannot_fill_is_given_up(world, gateway, node):
    await node.provision(BIN)
    await world.run_for(400)
    kept = dict(gateway.samples)
    assert len(kept) > 3
    # A gateway that lost its store asks for what it has not got; the node still has it.
    gateway.samples.clear()
    gateway.twice = 0
    await world.run_for(900)
    whole(gateway)
    assert {number: values for number, (_, values) in gateway.samples.items() if number in kept} == {
        number: values for number, (_, values) in kept.items()
    }


async def test_a_lost_log_jumps_ahead_and_its_gap_is_given_up(world, gateway, node):
    await node.provision(BIN)
    await world.run_for(400)
    node.board.power_off()
    before = len(gateway.samples)
    flash = node.board.image
    fs = LittleFS(block_size=4096, block_count=512, mount=False)
    fs.context.buffer = bytearray(flash.read_bytes())
    fs.mount()
    for name in fs.listdir("/log"):
        fs.remove("/log/" + name)
    fs.unmount()
    flash.write_bytes(bytes(fs.context.buffer))
    node.board.power_on()
    await world.run_for(700)
    status = await deliver(node)
    assert gateway.given_up == 256
    after = [number for number in gateway.samples if number >= 256]
    assert len(after) >= 10 and sorted(gateway.samples) == [*range(before), *range(256, 256 + len(after))]
    assert (status["stored"], status["kept"]) == (status["next_sample"], "0")


async def test_at_the_end_of_its_counters_a_node_refuses_to_send_and_says_so(world, gateway, node):
    await node.enter()
    await node.ask(f"provision {NODE:06x} {KEY.hex()} 0 {0xFFFFFF - 1}")
    for name, value in BIN.items():
        await node.ask(f"set {name} {value}")
    await node.ask("save")
    await node.ask("exit")
    await world.run_for(600)
    assert sorted(gateway.payloads) == [0xFFFFFE, 0xFFFFFF]
    assert "a new key is needed" in node.printed()
    await node.enter()
    end, _ = await node.say("send")
    assert end.startswith("error: a new key is needed")
    assert int((await node.ask("status"))["kept"]) >= 7  # and goes on keeping


async def test_the_duty_cycle_is_kept_and_the_backlog_comes_later(world, ether, gateway, node):
    sent = []

    def note(event):
        if isinstance(event, Transmission) and event.transmitter == "node":
            sent.append((world.now_us, event))

    ether.on_event(note)
    settings = {"spreading_factor": 12, "sample_period": 30, "report_period": 30, "channels": 7}
    await node.provision(BIN | settings | {"ack_every": 255})
    await world.run_for(5400)
    assert {band_of(event.modulation.freq_hz) for _, event in sent} == {"M"}
    for i, (start_us, _) in enumerate(sent):
        hour = [event for at_us, event in sent[i:] if at_us < start_us + 3_600_000_000]
        assert sum(airtime_us(len(event.data), 12) for event in hour) <= 36_000_000
    assert "report: refused" in node.printed()
