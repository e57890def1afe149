"""The pulse input on a virtual board: through deep sleeps, woken by level, against a meter that is known."""

from lyhord_rig import Board, Ports
from tests.drivers.pulse_meter import METER, PIN
from tests.fakes.board_image import write_image


async def count(world, folder, edges, awake_ms, until_s):
    """(count that the board printed last, its wakes), with the contact at `edges` (s, level)."""
    ports = Ports()
    contact = ports.line(PIN)
    contact.set(1)
    image = write_image(folder / "meter.img", METER.format(awake_ms=awake_ms))
    board = Board(world, "meter", image, folder / "work", ports)
    for at_s, level in edges:
        world.call_at(int(at_s * 1_000_000), contact.set, level)
    board.power_on()
    await world.run(until_s * 1_000_000)
    lines = [line for line in board.serial_lines() if line.startswith("count")]
    assert board.events.crashes == 0, board.serial_lines()
    return int(lines[-1].split()[1]), board.events.wakes


async def test_pulses_through_deep_sleep(world, tmp_path):
    edges = []
    for number in range(20):
        start_s = 5 + number * 7.3
        edges += [(start_s, 0), (start_s + 0.5, 1)]
    counted, wakes = await count(world, tmp_path, edges, awake_ms=100, until_s=200)
    assert counted == 20
    assert 40 <= wakes <= 44  # both edges, and the timer


async def test_pulses_that_are_over_before_the_firmware_has_slept_again(world, tmp_path):
    edges = []
    for number in range(20):
        start_s = 5 + number * 3.1
        edges += [(start_s, 0), (start_s + 0.05, 1)]
    counted, wakes = await count(world, tmp_path, edges, awake_ms=300, until_s=80)
    assert counted == 20 and 20 <= wakes <= 22


async def test_a_contact_that_rests_closed_wakes_nobody(world, tmp_path):
    counted, wakes = await count(world, tmp_path, [(10, 0), (250, 1)], awake_ms=100, until_s=290)
    assert counted == 1 and wakes <= 8  # the two edges, and the timer every minute


async def test_pulses_while_awake_and_bounces(world, tmp_path):
    edges = []
    for number in range(30):
        start_s = 1 + number * 0.2
        edges += [(start_s, 0), (start_s + 0.002, 1), (start_s + 0.004, 0), (start_s + 0.06, 1)]
    counted, wakes = await count(world, tmp_path, edges, awake_ms=9000, until_s=12)
    assert counted == 30 and wakes == 0
