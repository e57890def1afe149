"""The storage of a board: RTC memory, NVS, the files on its flash, and the power cut in each."""

import re

from lyhord_rig import Exit, State
from tests.rig.snippet import make_board, read_image


async def test_rtc_memory_is_2048_bytes(boot):
    board = boot("""
    import machine
    machine.RTC().memory(bytes(2048))
    print(len(machine.RTC().memory()))
    try:
        machine.RTC().memory(bytes(2049))
    except ValueError:
        print("refused")
    """)
    await board.expect(rb"2048\r\nrefused", 1)


async def test_uncommitted_nvs_is_lost_and_committed_is_kept(tmp_path, boot):
    board = boot("""
    import esp32, machine
    nvs = esp32.NVS("lyhord")
    def get(key):
        try:
            return nvs.get_i32(key)
        except OSError as error:
            return error.args
    print("read", get("a"), get("b"))
    nvs.set_i32("a", -5)
    nvs.commit()
    nvs.set_i32("b", 7)
    print("then", get("a"), get("b"))
    """)
    missing = r"\(-4354, 'ESP_ERR_NVS_NOT_FOUND'\)"
    await board.expect(f"read {missing} {missing}\r\nthen -5 7".encode(), 1)
    board.power_off()
    board.power_on()
    await board.expect(f"read -5 {missing}\r\nthen -5 7".encode(), 1)
    assert (tmp_path / "board" / "nvs.json").stat().st_mode & 0o077 == 0


async def test_nvs_traps(boot):
    board = boot("""
    import esp32
    nvs = esp32.NVS("lyhord")
    def attempt(fn, *args):
        try:
            print(fn(*args))
        except OSError as error:
            print(error.args[1])
    attempt(nvs.set_i32, "123456789012345", 1)
    attempt(nvs.set_i32, "1234567890123456", 1)
    attempt(esp32.NVS, "1234567890123456")
    nvs.set_blob("blob", b"abc")
    buf = bytearray(5)
    attempt(nvs.get_blob, "blob", buf)
    print(buf)
    attempt(nvs.get_blob, "blob", bytearray(2))
    attempt(nvs.get_i32, "blob")
    nvs.erase_key("blob")
    attempt(nvs.erase_key, "blob")
    attempt(nvs.set_blob, "big", bytes(25000))
    print("end")
    """)
    await board.expect(rb"end", 1)
    assert board.serial_lines()[:-1] == [
        "None",
        "ESP_ERR_NVS_KEY_TOO_LONG",
        "ESP_ERR_NVS_INVALID_NAME",
        "3",
        "bytearray(b'abc\\x00\\x00')",
        "ESP_ERR_NVS_INVALID_LENGTH",
        "ESP_ERR_NVS_TYPE_MISMATCH",
        "ESP_ERR_NVS_NOT_FOUND",
        "ESP_ERR_NVS_NOT_ENOUGH_SPACE",
    ]
    assert board.serial_lines()[-1] == "end"


async def test_files_written_by_the_board_are_in_the_image(boot):
    board = boot("""
    with open("/log", "wb") as file:
        file.write(b"0123456789" * 300)
    print("written")
    """)
    await board.expect(rb"written", 5)
    board.power_off()
    fs = read_image(board.image)  # held while its file is open: littlefs-python does not hold it itself
    with fs.open("log", "rb") as file:
        assert file.read() == b"0123456789" * 300
    assert board.flash.writes > 0
    assert board.flash.erases > 0


async def test_power_cut_in_the_middle_of_a_write_leaves_a_mountable_flash(world, tmp_path):
    board = make_board(
        world,
        tmp_path,
        """
    import os
    try:
        with open("/log", "rb") as file:
            print("found", len(file.read()))
    except OSError:
        print("found nothing")
    for i in range(50):
        with open("/log", "ab") as file:
            file.write(bytes([i]) * 700)
    print("all")
    """,
    )
    exits = []
    board.on_exit.append(lambda _, why: exits.append(why))
    for n in (1, 2, 3, 5, 8, 13, 21, 34):
        board.power_on()
        board.cut_after_writes(n)
        assert await world.run_until(lambda: board.state is State.OFF, 30)
        assert read_image(board.image).listdir("/")
    assert exits == [Exit.POWER_CUT] * 8
    assert board.events.power_cuts == 8
    board.power_on()
    await board.expect(rb"all", 60)
    sizes = [int(line.split()[1]) for line in board.serial_lines() if re.match(r"found \d", line)]
    assert sizes == sorted(sizes)
    assert all(size % 700 == 0 for size in sizes)
    assert not board.crash_reports


async def test_a_power_cut_in_the_storage_keeps_the_first_of_what_was_set_and_no_half_value(world, tmp_path):
    board = make_board(
        world,
        tmp_path,
        """
    import esp32
    nvs = esp32.NVS("cut")
    def show(key):
        try:
            return nvs.get_i32(key)
        except OSError:
            return None
    print("has", show("a"), show("b"))
    nvs.set_i32("a", 1)
    nvs.set_i32("b", 2)
    nvs.commit()
    print("all")
    """,
    )
    seen = set()
    for n in (1, 2, 3) * 12:
        board.chip.nvs.erase_all()
        board.power_on()
        board.cut_after_writes(n)
        assert await world.run_until(lambda: board.state is State.OFF, 30)
        board.cut_after_writes(None)
        board.console.unread.clear()
        board.power_on()
        match = await board.expect(rb"has (\w+) (\w+)\r\n", 5)
        seen.add((n, match[1].decode(), match[2].decode()))
        board.power_off()
    nothing, first, both = ("None", "None"), ("1", "None"), ("1", "2")
    assert seen == {(n, *kept) for n in (1, 2, 3) for kept in (nothing, first, both)} - {(1, *both)}
    board.power_on()
    await board.expect(rb"all\r\n", 5)
    assert not board.crash_reports


async def test_a_board_without_a_file_system_crashes_and_does_not_hang(world, tmp_path):
    board = make_board(world, tmp_path, "")
    board.image.write_bytes(bytes(64 * 4096))
    board.power_on()
    await world.run_for(2)
    assert (board.state, board.events.crashes) == (State.HALTED, 1)
    board.power_off()
    board.image.unlink()
    board.power_on()
    await world.run_for(2)
    assert (board.state, board.events.crashes) == (State.HALTED, 2)
