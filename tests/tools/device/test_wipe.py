"""A board that leaves the house keeps no secret on its flash."""

from collections.abc import Callable
from pathlib import Path

from lyhord_rig.bench.box import WholeBoard
from lyhord_rig.bench.micropython_file import micropython_file
from lyhord_tools.device.flash import read_flash
from tests.tools.conftest import Ran, private

KEY = "5c" * 16
NVS = (0x9000, 0x6000)
PASSWORD = "Gehe1mnis-am-Funkmast"


def test_nothing_is_left_of_a_node_on_a_wiped_board(lyhord: Callable[..., Ran], tmp_path: Path) -> None:
    firmware = tmp_path / "micropython.bin"
    firmware.write_bytes(micropython_file())
    with WholeBoard(tmp_path, "one") as board:
        assert lyhord("flash", "--port", board.port, "--micropython", firmware).code == 0
        ran = lyhord(
            *("provision", "--port", board.port, "--id", "b1a", "--registry", tmp_path / "nodes.jsonl"),
            *("--key-file", private(tmp_path / "key", KEY)),
            *(
                "--set",
                f"wifi_password=@{private(tmp_path / 'password', PASSWORD)}",
                "--set",
                "wifi_ssid=Kommun",
            ),
        )
        assert ran.code == 0, ran.err
        assert "expected --yes" in lyhord("wipe", "--port", board.port).refused()
        before = read_flash(board.port, *NVS)
        assert KEY.encode() in before and PASSWORD.encode().hex().encode() in before, "the search finds both"
        ran = lyhord("wipe", "--port", board.port, "--yes")
        assert ran.code == 0, ran.err
        assert "4 MB of flash are empty, every byte was read back" in ran.out
        assert not board.flash().strip(b"\xff")
        assert (
            "no node answers"
            in lyhord("console", "--port", board.port, "-c", "status", "--timeout", "2").refused()
        )
