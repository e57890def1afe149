"""One board: resets, sleep, clock, watchdog, crashes, heap."""

import ast
import asyncio
import os
import signal
import socket
from pathlib import Path

import pytest

import lyhord_rig
from lyhord_rig import ExpectTimeout, State, World
from lyhord_rig.board.process import Op
from lyhord_rig.deadline import DEADLINE_S
from tests.rig.snippet import make_board

REPORT = """
    import machine, time
    rtc = machine.RTC()
    print("cause", machine.reset_cause(), "wake", machine.wake_reason(), "memory", rtc.memory(), end=" ")
    print("time", time.time())
"""


async def test_deep_sleep_keeps_rtc_memory_and_time_and_power_off_loses_them(world, boot):
    board = boot(
        REPORT
        + """
    rtc.memory(rtc.memory() + b"x")
    machine.deepsleep(10_000)
    """,
    )
    await board.expect(rb"cause 1 wake 0 memory b'' time 0\r\n", 1)
    await world.run_for(5)
    assert board.state is State.ASLEEP
    await board.expect(rb"cause 4 wake 4 memory b'x' time 10\r\n", 6)
    await board.expect(rb"cause 4 wake 4 memory b'xx' time 20\r\n", 11)
    assert (board.events.boots, board.events.wakes) == (3, 2)
    board.power_off()
    assert board.state is State.OFF
    await world.run_for(60)
    board.power_on()
    await board.expect(rb"cause 1 wake 0 memory b'' time 0\r\n", 1)


@pytest.mark.parametrize(
    ("act", "cause", "memory"),
    [
        ("machine.reset()", 2, "b'kept'"),
        ("machine.soft_reset()", 5, "b'kept'"),
        ("import sys; sys.exit()", 5, "b'kept'"),
        ("machine.WDT(timeout=2000)", 3, "b'kept'"),
        ("time.sleep(100)", 1, "b''"),
    ],
)
async def test_resets_and_what_they_keep(boot, act, cause, memory):
    board = boot(
        REPORT
        + f"""
    if rtc.memory() == b"" and machine.reset_cause() == 1:
        rtc.memory(b"kept")
        {act}
    """,
    )
    await board.expect(rb"cause 1 wake 0 memory b'' time 0", 1)
    if cause == 1:
        board.reset()
    await board.expect(rb"cause %d wake 0 memory %s" % (cause, memory.encode()), 5)


async def test_the_watchdog_bites_when_it_is_not_fed_and_cannot_be_stopped(world, boot):
    board = boot("""
    import machine, time
    print("cause", machine.reset_cause())
    dog = machine.WDT(timeout=5000)
    for _ in range(3):
        time.sleep(4)
        dog.feed()
    print("fed", time.time())
    time.sleep(60)
    print("alive")
    """)
    await board.expect(rb"fed 12", 13)
    fed_us = world.now_us
    await board.expect(rb"cause 3", 10)
    assert 5_250_000 <= world.now_us - fed_us < 5_251_000  # the timeout and the boot
    assert board.events.watchdog_resets == 1
    assert not any("alive" in line for line in board.serial_lines())


async def test_epoch_is_2000_and_the_clock_can_be_set(boot):
    board = boot("""
    import machine, time
    print(time.gmtime(0)[:6], time.mktime((2000, 1, 2, 0, 0, 0, 0, 0)), time.localtime()[:3])
    machine.RTC().datetime((2026, 11, 23, 0, 8, 30, 15, 0))
    print(time.time(), machine.RTC().datetime()[:7])
    time.sleep(45)
    print(time.gmtime()[:6])
    """)
    await board.expect(rb"\(2000, 1, 1, 0, 0, 0\) 86400 \(2000, 1, 1\)", 1)
    await board.expect(rb"848737815 \(2026, 11, 23, 0, 8, 30, 15\)", 1)
    await board.expect(rb"\(2026, 11, 23, 8, 31, 0\)", 46)


async def test_ticks_wrap_at_30_bits(boot):
    board = boot("""
    import time
    time.sleep_us((1 << 30) - 1000 - time.ticks_us())
    a = time.ticks_us()
    time.sleep_ms(2)
    b = time.ticks_us()
    print(a > (1 << 29), b < 2000, time.ticks_diff(b, a))
    print(time.ticks_add(0, -1) == (1 << 30) - 1, time.ticks_ms())
    """)
    await board.expect(rb"True True 2010\r\nTrue 107374\d\r\n", 1100)


async def test_busy_waits_come_to_an_end(world, boot):
    board = boot("""
    import time
    began = time.ticks_ms()
    while time.ticks_diff(time.ticks_ms(), began) < 100:
        pass
    print("done")
    """)
    await board.expect(rb"done", 1)
    assert 350_000 <= world.now_us < 360_000


async def test_traps_of_the_chip_are_there(boot):
    board = boot("""
    import sys, os, cryptolib, machine
    print(sys.platform, os.uname()[0], len(machine.unique_id()))
    ecb, cbc = cryptolib.aes(bytes(16), 1), cryptolib.aes(bytes(16), 2, bytes(16))
    print(ecb.encrypt(bytes(16)) == cbc.encrypt(bytes(16)))
    try:
        cryptolib.aes(bytes(16), 6, bytes(16))
    except ValueError:
        print("no CTR")
    try:
        import asyncio
    except ImportError as error:
        print(error)
    try:
        machine.Pin(35, machine.Pin.OUT)
    except OSError:
        print("input only")
    """)
    await board.expect(rb"esp32 esp32 6\r\nTrue\r\nno CTR\r\nasyncio is not in virtual time\r\ninput only", 1)


async def test_a_crash_is_counted_and_named_and_the_board_stays_on(world, boot):
    board = boot("""
    def deep():
        return 1 // 0
    deep()
    """)
    await world.run_for(5)
    assert board.state is State.HALTED
    assert board.events.crashes == 1
    assert "board at" in board.crash_reports[0]
    assert "ZeroDivisionError" in board.crash_reports[0]
    assert 'File "/main.py", line 4' in board.crash_reports[0]
    board.reset()
    await world.run_for(5)
    assert board.events.crashes == 2


async def test_a_program_that_ends_well_is_no_crash(world, boot):
    board = boot("print('bye')")
    await world.run_for(5)
    assert (board.state, board.events.crashes) == (State.HALTED, 0)


async def test_endless_computing_is_a_crash_and_the_watchdog_still_bites(boot):
    board = boot(
        """
        import machine
        print("cause", machine.reset_cause())
        if machine.reset_cause() == 1:
            machine.WDT(timeout=3000)
            while True:
                pass
        """,
        hang_s=0.5,
    )
    await board.expect(rb"cause 3", 10)
    assert board.events.crashes == 1
    assert "computed without end" in board.crash_reports[0]


async def test_a_board_that_gets_no_processor_has_not_hung(boot):
    board = boot("print('up')", hang_s=0.2)
    os.kill(board.pid, signal.SIGSTOP)  # as long as a busy machine lets it wait
    asyncio.get_running_loop().call_later(0.6, os.kill, board.pid, signal.SIGCONT)
    await board.expect(rb"up", 5)
    assert board.events.crashes == 0


async def test_a_board_that_never_goes_on_has_hung(boot):
    board = boot("print('up')", hang_s=0.02)
    os.kill(board.pid, signal.SIGSTOP)
    with pytest.raises(ExpectTimeout):
        await board.expect(rb"up", 5)
    assert "computed without end" in board.crash_reports[0]


async def test_expect_gives_up_in_virtual_time(world, boot):
    board = boot("print('something else')")
    with pytest.raises(ExpectTimeout, match="something else"):
        await board.expect(rb"never", 3600)
    assert world.now_us == 3_600_000_000


async def test_the_firmware_has_128_kib_of_heap_and_not_more(world, boot):
    board = boot("""
    import cryptolib, esp32, gc, machine, network, onewire, os, select, socket, sys, time
    gc.collect()
    print("free", gc.mem_free())
    hog = bytearray(131_072)
    """)
    match = await board.expect(rb"free (\d+)", 2)
    await world.run_for(1)
    # 128 KiB less half of the pool for the firmware's names; a small program on an ESP32 would have none.
    assert 117_000 < int(match[1]) < 124_000
    assert "MemoryError" in board.crash_reports[0]


async def test_the_names_of_the_chips_modules_do_not_crowd_those_of_the_firmware(boot):
    """They have room for 1280 before they need another pool, on an ESP32 for 1260 (py/qstr.c)."""
    board = boot("import micropython\nmicropython.qstr_info()\nprint('done')")
    match = await board.expect(rb"n_qstr=(\d+)", 2)
    assert 1245 <= int(match[1]) <= 1260


async def test_the_same_seed_gives_the_same_world(tmp_path):
    program = """
    import os, random, time, machine
    print(os.urandom(4), random.getrandbits(30), machine.unique_id())
    time.sleep_ms(random.getrandbits(10))
    if machine.reset_cause() == 1:
        machine.deepsleep(1000)
    with open("/x", "wb") as file:
        file.write(os.urandom(100))
    """

    async def once(seed, run):
        async with World(seed=seed, pace=None) as world:
            boards = [make_board(world, tmp_path / run, program, name=name) for name in "abc"]
            for board in boards:
                board.power_on()
            await world.run_for(10)
            assert sum(board.events.crashes for board in boards) == 0
            return world.trace_hash(), [board.serial_lines() for board in boards]

    first = await once(5, "first")
    assert await once(5, "second") == first
    assert await once(6, "third") != first


def test_the_onboard_modules_and_the_world_number_their_requests_alike():
    names = {"SOCK_" + name: name for name in ("OPEN", "CONNECT", "SEND", "RECV", "CLOSE")}
    wanted = {op.name: op.value for op in Op}
    found = {}
    for path in sorted((Path(lyhord_rig.__file__).parent / "board" / "onboard").glob("*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            if (
                isinstance(node, ast.Assign)
                and isinstance(node.value, ast.Call)
                and isinstance(node.targets[0], ast.Name)
            ):
                name = node.targets[0].id[1:]
                if path.name == "socket.py" and "SOCK_" + name in names:
                    name = "SOCK_" + name
                if path.name == "onewire.py":
                    name = "OW_" + name
                if name == "WAKE_EXT0":
                    name = "WAKE_EXT"
                if name in wanted:
                    found[name] = ast.literal_eval(node.value.args[0])
    assert found == wanted


def there(paths):
    return [path for path in paths if path.exists()]


async def test_nothing_is_left_over(tmp_path):
    async with World(seed=1, pace=None) as world:
        board = make_board(world, tmp_path, "import time\ntime.sleep(1000)")
        path = Path(board.serial_path)
        board.power_on()
        await world.run_for(1)
        left = [Path(f"/proc/{board.pid}"), path]
        assert there(left) == left
    assert there(left) == []


async def test_a_board_ends_when_its_world_is_gone(boot):
    async with World(seed=1, pace=None) as world:
        board = boot("import time\ntime.sleep(1000)")
        await world.run_for(1)
        process = board._program._process
        process._link.shutdown(socket.SHUT_RDWR)  # as when the world's process was killed
        assert process.ended(DEADLINE_S)


async def test_boards_are_powered_while_the_world_runs_in_another_task(tmp_path):
    async with World(seed=1, pace=20.0) as world:
        board = make_board(world, tmp_path, "print('up')\nprint('got', input())")
        run = asyncio.create_task(world.run())
        await asyncio.sleep(0.02)
        board.power_on()
        await board.expect(rb"up", 5)
        await board.type("this\n")
        await board.expect(rb"got this", 5)
        board.power_off()
        assert board.state is State.OFF
        board.power_on()
        await board.expect(rb"up", 5)
        world.stop()
        await run
