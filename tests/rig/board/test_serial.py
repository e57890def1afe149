"""A board's console: in process, and over its pty as a terminal program sees it."""

import asyncio
import os
import tty

import pytest
import serial

from lyhord_rig import State, World
from lyhord_rig.deadline import DEADLINE_S
from tests.rig.snippet import make_board

SHELL = """
    import select, sys
    poll = select.poll()
    poll.register(sys.stdin, select.POLLIN)
    print("ready")
    while True:
        if not poll.poll(60_000):
            print("idle")
            continue
        line = sys.stdin.readline().strip()
        print("got", line)
        if line == "end":
            break
"""


async def test_typing_and_expecting_in_virtual_time(world, boot):
    board = boot(SHELL)
    await board.expect(rb"ready\r\n", 1)
    await world.run_for(125)
    await board.type("hello\n")
    at_us = world.now_us
    await board.expect(rb"idle\r\nidle\r\ngot hello\r\n", 1)
    assert world.now_us - at_us < 1_000
    await board.type("en")
    await board.type("d\n")
    await board.expect(rb"got end", 1)
    await world.run_for(1)
    assert board.state is State.HALTED


async def test_a_real_terminal_program_talks_to_the_board(tmp_path):
    async with World(seed=1, pace=1.0) as world:
        board = make_board(world, tmp_path, SHELL)
        path = board.serial_path
        first = serial.Serial(path, 115200, timeout=DEADLINE_S)  # before the board is on: it greets once

        def outside() -> list[bytes]:
            with first as port:
                seen = [port.read_until(b"ready\r\n")]
                port.write(b"hello\n")
                seen.append(port.read_until(b"\r\n"))
            with serial.Serial(path, 115200, timeout=DEADLINE_S) as port:
                port.write(b"end\n")
                seen.append(port.read_until(b"\r\n"))
            return seen

        board.power_on()
        talk = asyncio.create_task(asyncio.to_thread(outside))
        run = asyncio.create_task(world.run())
        async with asyncio.timeout(DEADLINE_S):
            seen = await talk
        world.stop()
        await run
        assert seen == [b"ready\r\n", b"got hello\r\n", b"got end\r\n"]


async def test_binary_goes_both_ways_untouched(world, boot):
    board = boot("""
        import micropython, sys
        micropython.kbd_intr(-1)
        print("up")
        sys.stdout.buffer.write(sys.stdin.buffer.read(256))
        """)
    await board.expect(rb"up\r\n", 1)
    board.serial_feed(bytes(range(256)))
    await world.run_for(1)
    assert bytes(board.console.unread) == bytes(range(256))


async def test_ctrl_c_interrupts_the_program(world, boot):
    board = boot("""
        import time
        try:
            time.sleep(1000)
        except KeyboardInterrupt:
            print("interrupted", time.ticks_ms())
        time.sleep(1)
        print("on")
        """)
    await world.run_for(2)
    await board.type("\x03")
    await board.expect(rb"interrupted 2000\r\non", 2)
    assert board.events.crashes == 0


async def test_bytes_for_a_board_that_is_off_are_lost_and_counted(world, tmp_path):
    board = make_board(world, tmp_path, SHELL)
    board.serial_feed(b"early\n")
    await world.run_for(1)
    board.power_on()
    await board.expect(rb"ready", 1)
    assert board.serial.dropped == 6
    board.serial_feed(b"x" * 20_000)
    await world.run_for(1)
    assert board.serial.dropped == 6 + 20_000 - 8192


async def test_a_pty_that_nobody_reads_loses_the_oldest_and_stalls_nobody(world, tmp_path):
    board = make_board(
        world,
        tmp_path,
        """
        import time
        for i in range(4000):
            print("line %05d ......................................" % i)
            if i % 100 == 0:
                time.sleep_ms(1)
        """,
    )
    path = board.serial_path  # from here on there is a pty
    board.power_on()
    await world.run_for(0.26)
    assert board.console.dropped_closed > 0
    assert board.console.dropped_slow == 0
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
    try:
        tty.setraw(fd)
        await world.run_for(10)
        assert board.state is State.HALTED
        assert board.console.dropped_slow > 0
        os.set_blocking(fd, False)
        got = b""
        async with asyncio.timeout(DEADLINE_S):
            while b"line 03999" not in got:
                try:
                    got += os.read(fd, 65536)
                except BlockingIOError:
                    await asyncio.sleep(0.001)
    finally:
        os.close(fd)
    total = 4000 * len("line 00000 ......................................\r\n")
    assert (
        board.console.dropped_closed + board.console.dropped_slow + len(got.split(b"03999")[0]) < total + 60
    )


async def test_everything_printed_is_in_the_log_file(tmp_path):
    async with World(seed=1, pace=None) as world:
        board = make_board(world, tmp_path, "print('first')\n1/0")
        board.power_on()
        await world.run_for(1)
        board.reset()
        await world.run_for(1)
    log = (tmp_path / "board" / "console.log").read_bytes()
    assert log.count(b"first\r\n") == 2
    assert log.count(b"ZeroDivisionError") == 2


@pytest.mark.parametrize("text", ["å", "€", "ok"])
async def test_text_from_the_console_is_utf8(world, boot, text):
    board = boot(f"import sys\nprint(sys.stdin.read({len(text)}) == {text!r}, input())")
    await world.run_for(1)
    await board.type(text + "more\n")
    await board.expect(rb"True more\r\n", 1)
