"""The node's line editor, as fingers in the rain use it: letters of ours, arrow keys, and lines too long."""

import pytest

from tests.node.bin_node import BinNode


@pytest.fixture
async def node(world, node_image, tmp_path):
    made = BinNode(world, node_image, tmp_path)
    yield made
    print(made.printed())
    assert made.board.crash_reports == []


async def raw(node, data):
    """Bytes as a terminal sends them; what came up to the end of the answer."""
    node.board.console.unread.clear()
    node.board.serial_feed(data)
    match = await node.board.expect(rb"(?ms)\A(.*?)^(?:> )*(ok|error: [^\r\n]*)\r\n", 60)
    return match[1].decode(), match[2].decode()


async def name(node):
    return (await node.ask("get name"))["name"].removesuffix(" (not saved)")


async def test_letters_of_ours_are_seen_and_a_backspace_takes_one(node):
    await node.enter()
    shown, end = await raw(node, "set name Åkerö\n".encode())
    assert end == "ok" and "set name Åkerö" in shown
    shown, end = await raw(node, "set name Åä\x7f\x08Ö\x7fö 1\n".encode())
    assert end == "ok" and await name(node) == "ö 1"
    assert shown.count("\b \b") == 3


@pytest.mark.parametrize(
    "key", [b"\x1b[A", b"\x1b[D", b"\x1b[3~", b"\x1bOP", b"\x1b[1;5C", b"\x1b[200~", b"\x1bx", b"\x1b"]
)
async def test_keys_that_are_no_letters_are_in_no_name(key, node):
    await node.enter()
    _, end = await raw(node, b"set name B" + key + (b"" if key != b"\x1b" else b"y") + b"in\n")
    assert end == "ok" and await name(node) == "Bin"
    # Alone, one takes no line with it.
    _, end = await raw(node, key + b"\n")
    assert end == "ok"
    _, end = await raw(node, b"version\n")
    assert end == "ok"


async def test_control_characters_are_in_no_name(node):
    await node.enter()
    for byte in set(range(32)) - {3, 8, 10, 13, 21, 27}:
        _, end = await raw(node, b"set name B" + bytes((byte,)) + b"in\n")
        assert end == "ok" and await name(node) == "Bin", byte


@pytest.mark.parametrize("size", [200, 201, 202, 400, 3000])
async def test_a_line_that_is_too_long_is_refused_whole(size, node):
    await node.enter()
    await node.ask("set name before")
    line = b"set broker_user x ".ljust(size, b"y")
    _, end = await raw(node, line + b"\n")
    assert end == (
        "error: broker_user: expected up to 64 bytes"
        if size == 200
        else "error: over 200 bytes, nothing was done"
    )
    assert await name(node) == "before"


async def test_what_is_erased_of_a_secret_erases_nothing_that_is_seen(node):
    await node.enter()
    shown, end = await raw(node, b"set wifi_password hushh\x7f\x7f\x7fsh now\n")
    assert end == "ok" and "\b" not in shown and "hush" not in shown
    shown, end = await raw(node, b"set wifi_password hush\x15version\n")
    assert end == "ok" and "board:" in shown and "hush" not in shown
