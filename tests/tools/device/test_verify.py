"""`lyhord verify`: damaged code is named, by the image's own hashes."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from littlefs import LittleFS

from lyhord_tools.device.verify import verify_image
from lyhord_tools.errors import ToolError
from lyhord_tools.image.build import DISK_VERSION, ImageReport
from lyhord_tools.image.layout import BLOCK_SIZE
from tests.tools.conftest import Ran


def changed(image: bytes, path: str, change) -> bytes:
    """`image` with what `change` makes of a file's bytes; None takes the file away."""
    fs = LittleFS(
        block_size=BLOCK_SIZE, block_count=len(image) // BLOCK_SIZE, disk_version=DISK_VERSION, mount=False
    )
    fs.context.buffer = bytearray(image)
    fs.mount()
    with fs.open(path, "rb") as file:
        contents = change(file.read())
    fs.remove(path)
    if contents is not None:
        with fs.open(path, "wb") as file:
            file.write(contents)
    fs.unmount()
    return bytes(fs.context.buffer)


def test_an_image_as_it_was_built_has_no_damage(image: ImageReport) -> None:
    verdict = verify_image(image.path.read_bytes(), "node.img")
    assert verdict.damaged == ()
    assert verdict.checked == len(image.files) - 1  # all but the list itself


@pytest.mark.parametrize("path", ["/main.py", "/lib/lyhord_node/cycle.mpy", "/lib/lyhord_wire/frame.mpy"])
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda data: bytes([data[0] ^ 1]) + data[1:], id="one bit"),
        pytest.param(lambda data: data[:-1], id="cut"),
        pytest.param(lambda data: b"", id="empty"),
        pytest.param(lambda data: None, id="gone"),
    ],
)
def test_a_damaged_file_is_named(image: ImageReport, path: str, change) -> None:
    assert verify_image(changed(image.path.read_bytes(), path, change), "node.img").damaged == (path,)


@pytest.mark.parametrize(
    ("contents", "says"),
    [
        (b"", "blocks of 4096"),
        (b"x" * 4097, "blocks of 4096"),
        (b"\xff" * 8192, "list of hashes"),
        (b"\x00" * 8192, "list of hashes"),
    ],
)
def test_what_is_no_image_is_one_line(contents: bytes, says: str) -> None:
    with pytest.raises(ToolError, match=says):
        verify_image(contents, "some.bin")


def test_an_image_whose_list_is_gone_is_one_line(image: ImageReport) -> None:
    with pytest.raises(ToolError, match="list of hashes"):
        verify_image(changed(image.path.read_bytes(), "/hashes", lambda data: None), "old.img")


def test_the_command_ends_with_2_and_names_the_file(
    image: ImageReport, tmp_path: Path, lyhord: Callable[..., Ran]
) -> None:
    damaged = tmp_path / "damaged.img"
    damaged.write_bytes(changed(image.path.read_bytes(), "/main.py", lambda data: data + b"\n"))
    whole = lyhord("verify", "--image", str(image.path))
    assert (whole.code, whole.err) == (0, "")
    assert "all are as built" in whole.out
    told = lyhord("verify", "--image", str(damaged), "--json")
    assert told.code == 2
    assert json.loads(told.out)["damaged"] == ["/main.py"]
    assert told.err.count("\n") == 1
    assert lyhord("verify").code == 2
