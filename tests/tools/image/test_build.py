"""The image: the same bytes every time, and MicroPython mounts it and takes every module in it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from littlefs import LittleFS

from lyhord_rig.deadline import DEADLINE_S
from lyhord_tools.errors import ToolError
from lyhord_tools.image import parts
from lyhord_tools.image.build import ImageReport, build_image
from lyhord_tools.image.tree import App, Tree
from tests.tools.conftest import BOARD

MICROPYTHON = Path(sys.executable).parent / "micropython"
LOADER = Path(__file__).parents[1] / "load_every_module.py"


@pytest.mark.parametrize("app", ["node", "bridge"])
def test_the_same_sources_give_the_same_bytes(app: App, tree: Tree, tmp_path: Path) -> None:
    parts.umqtt_source(tree.cache)
    here, there = (Tree(tmp_path / name / "firmware") for name in ("here", "there"))
    shutil.copytree(tree.root, here.root)
    shutil.copytree(tree.cache, here.cache)
    shutil.copytree(here.root.parent, there.root.parent)
    first = build_image(app, BOARD, tmp_path / "a.img", tree=here)
    second = build_image(app, BOARD, tmp_path / "b.img", tree=there)
    assert first.sha256 == second.sha256
    assert first.path.read_bytes() == second.path.read_bytes()


def test_another_version_gives_other_bytes(image: ImageReport, tmp_path: Path) -> None:
    other = build_image("node", BOARD, tmp_path / "other.img", version="9.8.7")
    assert other.sha256 != image.sha256


@pytest.mark.parametrize("app", ["node", "bridge"])
def test_micropython_loads_every_module_and_none_works_at_import(app: App, tmp_path: Path) -> None:
    report = build_image(app, BOARD, tmp_path / "app.img", version="1.2.3")
    done = subprocess.run(
        [MICROPYTHON, LOADER, report.path, str(report.size // 4096)],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    loaded, identity = done.stdout.splitlines()[:-1], done.stdout.splitlines()[-1]
    modules = [file.path for file in report.files if file.path.endswith(".mpy")]
    assert sorted(loaded) == sorted(modules)
    assert identity == f"{app} {BOARD} 1.2.3 {0x010203}"


def test_the_image_is_littlefs_2_0_of_the_boards_size(image: ImageReport, tree: Tree) -> None:
    data = image.path.read_bytes()
    assert len(data) == tree.layout(BOARD).vfs_size
    # LittleFS SPEC.md, superblock: magic at byte 8, and the version that all readers since 2.0 know.
    assert data[8:16] == b"littlefs"
    fs = LittleFS(block_size=4096, block_count=len(data) // 4096, mount=False)
    fs.context.buffer[:] = data
    fs.mount()
    assert fs.fs_stat().disk_version == 0x00020000
    assert {file.path for file in image.files} == {
        f"{root.rstrip('/')}/{name}" for root, _, names in fs.walk("/") for name in names
    }


def test_scripts_are_stored_as_source(image: ImageReport, tree: Tree) -> None:
    sizes = {file.path: file.stored_bytes for file in image.files}
    for script in ("boot.py", "main.py"):
        assert sizes[f"/{script}"] == (tree.root / script).stat().st_size


def test_each_app_has_its_own_package_only(image: ImageReport, tmp_path: Path) -> None:
    bridge = build_image("bridge", BOARD, tmp_path / "bridge.img")
    node_files = {file.path for file in image.files}
    bridge_files = {file.path for file in bridge.files}
    assert "/lib/umqtt/simple.mpy" in node_files - bridge_files
    assert not any(path.startswith("/lib/lyhord_bridge") for path in node_files)
    assert not any(path.startswith("/lib/lyhord_node") for path in bridge_files)
    assert f"/lib/boards/{BOARD}.mpy" in node_files & bridge_files


def test_an_image_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="does not fit into 32768 bytes"):
        build_image("node", BOARD, tmp_path / "small.img", blocks=8)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("version", ["1.2", "1.2.256", "1.2.x", "latest"])
def test_a_version_that_a_status_cannot_carry_is_refused(version: str, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"is not MAJOR\.MINOR\.PATCH"):
        build_image("node", BOARD, tmp_path / "odd.img", version=version)


def test_an_archive_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "micropython-umqtt.simple-1.3.4.tar.gz").write_bytes(b"something else")
    with pytest.raises(ToolError, match="is not the pinned file"):
        parts.umqtt_source(tmp_path)


def test_offline_without_a_cache_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "no-index").as_uri())
    with pytest.raises(ToolError, match="cannot be fetched") as refused:
        parts.umqtt_source(tmp_path / "cache")
    assert "\n" not in str(refused.value)
    archive = parts.pin("umqtt").archive
    assert f"it is needed once: put {archive} into {tmp_path / 'cache'}" in str(refused.value)
    assert list((tmp_path / "cache").iterdir()) == []
