"""Manifest and bill of materials: true, valid, and the same for everybody who builds the same sources."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from lyhord_tools.device.verify import verify_image
from lyhord_tools.image.filesystem import mounted, read
from tests.house.sources import ROOT

LYHORD = str(Path(sys.executable).parent / "lyhord")


def build(folder: Path, app: str, umask: int = -1, **environment: str) -> dict[str, bytes]:
    folder.mkdir()
    words = [LYHORD, "build", "--app", app, "--out", str(folder / "x.img")]
    done = subprocess.run(
        words, env=os.environ | environment, umask=umask, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("app", ["node", "bridge"])
def test_two_builders_get_the_same_bytes(app: str, tmp_path: Path) -> None:
    first = build(tmp_path / "a", app)
    shutil.copytree(ROOT / "firmware", tmp_path / "elsewhere", ignore=shutil.ignore_patterns("__pycache__"))
    cache = ROOT / ".cache"
    if cache.exists():
        shutil.copytree(cache, tmp_path / ".cache")
    for path in (tmp_path / "elsewhere").rglob("*.py"):
        os.utime(path, (1, 1))
        path.chmod(0o600)
    other = build(
        tmp_path / "b",
        app,
        umask=0o077,
        USER="somebody",
        LOGNAME="somebody",
        LYHORD_FIRMWARE=str(tmp_path / "elsewhere"),
        TZ="Asia/Tokyo",
        PYTHONHASHSEED="77",
        LANG="C",
        HOME=str(tmp_path),
    )
    assert first == other and set(first) == {"x.img", "x.img.manifest.json", "x.img.cdx.json"}


def test_the_manifest_says_what_is_in_the_image(tmp_path: Path) -> None:
    built = build(tmp_path / "a", "node")
    told = json.loads(built["x.img.manifest.json"])
    image = built["x.img"]
    assert told["image"]["sha256"] == hashlib.sha256(image).hexdigest() and told["image"]["size"] == len(
        image
    )
    assert (told["app"], told["board"], told["chip"]) == ("node", "devkit_rfm95", "esp32")
    fs = mounted(image, "x")
    for file in told["files"]:
        data = read(fs, file["path"])
        assert (len(data), hashlib.sha256(data).hexdigest()) == (file["size"], file["sha256"]), file["path"]
    for script in ("boot.py", "main.py"):
        assert read(fs, f"/{script}") == (ROOT / "firmware" / script).read_bytes()
    checked = verify_image(image, "x").checked
    assert checked == len(told["files"]) - 1, "all files but the list of hashes itself"


def test_the_hash_of_the_sources_is_of_what_was_compiled_and_of_nothing_else(tmp_path: Path) -> None:
    changed = tmp_path / "firmware"
    shutil.copytree(ROOT / "firmware", changed, ignore=shutil.ignore_patterns("__pycache__"))

    def sources(name: str) -> str:
        built = build(tmp_path / name, "bridge", LYHORD_FIRMWARE=str(changed))
        return str(json.loads(built["x.img.manifest.json"])["sources_sha256"])

    first = sources("a")
    (changed / "node" / "lyhord_node" / "node.py").write_text("# of another app\n")
    assert sources("b") == first
    with (changed / "bridge" / "lyhord_bridge" / "__init__.py").open("a") as file:
        file.write("# a remark, which no byte code keeps\n")
    assert sources("c") != first


@pytest.mark.parametrize("app", ["node", "bridge"])
def test_the_bill_of_materials_is_valid_and_names_what_is_not_ours(app: str, tmp_path: Path) -> None:
    built = build(tmp_path / "a", app)
    text = built["x.img.cdx.json"].decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    told = json.loads(text)
    names = {component["name"] for component in told["components"]}
    assert names == {"MicroPython"} | ({"micropython-umqtt.simple"} if app == "node" else set())
    main = told["metadata"]["component"]
    assert main["hashes"][0]["content"] == hashlib.sha256(built["x.img"]).hexdigest()
    assert all(component["licenses"] for component in told["components"])
    assert str(Path.home()) not in text and str(tmp_path) not in text
