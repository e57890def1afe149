"""MicroPython's file is chosen once, looked at, and then used as it was chosen or not at all."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lyhord_rig.bench.micropython_file import micropython_file
from tests.tools.conftest import BOARD, Ran


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def test_without_a_file_it_is_said_where_to_get_one(lyhord: Callable[..., Ran], tmp_path: Path) -> None:
    for words in (
        ("micropython", "heltec_lora32_v3"),
        ("flash", "--port", "/dev/none", "--board", "heltec_lora32_v3"),
        ("batch", tmp_path / "batch", "/dev/none", "--board", "heltec_lora32_v3"),
    ):
        said = lyhord(*words).refused()
        assert "micropython.org/download/ESP32_GENERIC_S3" in said
        assert "lyhord micropython heltec_lora32_v3 FILE" in said


def test_a_chosen_file_is_used_from_then_on(lyhord: Callable[..., Ran], esp32: str, tmp_path: Path) -> None:
    (tmp_path / "mine.bin").write_bytes(micropython_file())
    ran = lyhord("micropython", BOARD, tmp_path / "mine.bin", "--json")
    told = json.loads(ran.out)
    assert (told["chip"], told["version"], len(told["sha256"])) == ("esp32", "1.28", 64)
    (tmp_path / "mine.bin").unlink()
    assert told["sha256"] in lyhord("micropython", BOARD).out
    assert lyhord("flash", "--no-boot-check", "--port", esp32).code == 0


def test_a_file_that_is_another_by_now_is_not_used(lyhord: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "mine.bin").write_bytes(micropython_file())
    kept = Path(json.loads(lyhord("micropython", BOARD, tmp_path / "mine.bin", "--json").out)["path"])
    kept.write_bytes(micropython_file(size=200_016))
    assert "is not the file that was chosen" in lyhord("micropython", BOARD).refused()
    assert "is not the file that was chosen" in lyhord("flash", "--port", "/dev/none").refused()


@pytest.mark.parametrize(
    ("data", "says"),
    [(b"no", "none for an ESP32"), (micropython_file()[:70_000], "cut off"), (None, "cannot read")],
)
def test_a_file_that_is_none_is_not_kept(
    data: bytes | None, says: str, lyhord: Callable[..., Ran], tmp_path: Path
) -> None:
    if data is not None:
        (tmp_path / "x.bin").write_bytes(data)
    assert says in lyhord("micropython", BOARD, tmp_path / "x.bin").refused()
    assert "no MicroPython for" in lyhord("micropython", BOARD).refused()
