"""The modules that an app needs, on small trees made for the purpose, and a board's layout."""

from pathlib import Path

import pytest

from lyhord_tools.errors import ToolError
from lyhord_tools.image.layout import read_layout
from lyhord_tools.image.tree import Tree, find_tree

BOARD = 'CHIP = "esp32"\nFIRMWARE_OFFSET = 0x1000\nVFS_OFFSET = 0x200000\nVFS_SIZE = 0x200000\n'


def small_tree(root: Path, **sources: str) -> Tree:
    """A firmware folder; keyword names are paths with `__` for `/` and without `.py`."""
    texts = {"boot": "", "main": "", "boards/b": BOARD, "node/lyhord_node/__init__": ""}
    texts |= {name.replace("__", "/", name.count("__")): text for name, text in sources.items()}
    for name, text in texts.items():
        path = root / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "wire").mkdir(exist_ok=True)
    (root / "VERSION").write_text("1.2.3\n")
    return Tree(root)


def names(tree: Tree) -> set[str]:
    return set(tree.modules("node", "b"))


def test_only_what_is_imported_comes_along(tmp_path: Path) -> None:
    tree = small_tree(
        tmp_path,
        node__lyhord_node__cycle="from lyhord_wire.frame import seal\nfrom drivers import used\n",
        wire__lyhord_wire__frame="import machine\n",
        wire__lyhord_wire__cobs="",
        drivers__used="",
        drivers__unused="",
    )
    assert names(tree) == {
        "boards.b",
        "drivers.used",
        "lyhord_node",
        "lyhord_node.cycle",
        "lyhord_wire.frame",
    }


def test_imports_inside_functions_count_and_those_for_type_checkers_do_not(tmp_path: Path) -> None:
    tree = small_tree(
        tmp_path,
        node__lyhord_node__cycle=(
            "TYPE_CHECKING = False\nif TYPE_CHECKING:\n    from drivers.typed import T\n\n\n"
            "def late():\n    from drivers.late import D\n"
        ),
        drivers__typed="",
        drivers__late="",
    )
    assert "drivers.late" in names(tree)
    assert "drivers.typed" not in names(tree)


def test_relative_imports_and_parents_are_followed(tmp_path: Path) -> None:
    tree = small_tree(tmp_path, node__lyhord_node__cycle="from . import state\n", drivers__lora="")
    (tmp_path / "node/lyhord_node/state.py").write_text("from drivers.deep.chip import C\n")
    (tmp_path / "drivers/deep").mkdir()
    (tmp_path / "drivers/deep/__init__.py").write_text("")
    (tmp_path / "drivers/deep/chip.py").write_text("")
    assert {"lyhord_node.state", "drivers.deep", "drivers.deep.chip"} <= names(tree)


def test_what_the_other_app_needs_stays_away(tmp_path: Path) -> None:
    tree = small_tree(
        tmp_path,
        main="if 1:\n    from lyhord_bridge.app import run\nelse:\n    from lyhord_node.cycle import run\n",
        node__lyhord_node__cycle="",
        bridge__lyhord_bridge__app="import drivers.only_bridge\n",
        drivers__only_bridge="",
    )
    assert not any(name.startswith(("lyhord_bridge", "drivers")) for name in names(tree))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"boards__b": "CHIP = 'esp32'\nVFS_OFFSET = 0\nVFS_SIZE = 4096\n"}, "FIRMWARE_OFFSET is missing"),
        ({"boards__b": BOARD.replace("VFS_SIZE = 0x200000", "VFS_SIZE = 5000")}, "not a multiple of 4096"),
        ({"boards__b": BOARD.replace('CHIP = "esp32"', "")}, "CHIP is missing"),
    ],
)
def test_a_board_file_that_does_not_say_where_is_refused(
    change: dict[str, str], says: str, tmp_path: Path
) -> None:
    small_tree(tmp_path, **change)
    with pytest.raises(ToolError, match=says):
        read_layout(tmp_path / "boards" / "b.py")


def test_a_syntax_error_names_file_and_line(tmp_path: Path) -> None:
    tree = small_tree(tmp_path, node__lyhord_node__cycle="x = 1\ndef (:\n")
    with pytest.raises(ToolError, match=r"cycle\.py:2: "):
        names(tree)


def test_every_board_of_the_firmware_has_a_layout() -> None:
    tree = find_tree()
    assert tree.boards()
    for board in tree.boards():
        layout = tree.layout(board)
        assert layout.micropython_offset < layout.vfs_offset
        assert layout.vfs_blocks > 0


def test_a_missing_tree_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LYHORD_FIRMWARE", str(tmp_path))
    with pytest.raises(ToolError, match="no firmware sources"):
        find_tree()
