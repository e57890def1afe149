"""The installed packages are those that are checked out, whatever was built before; the rest is hashed."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.install.document import blocks

ROOT = Path(__file__).resolve().parents[2]
LOCKED = (ROOT / ".ci/gateway.txt").read_text()
PINS = dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", LOCKED, re.M))


class Box:
    """A source tree of ours beside an environment of its own, into which it is installed by the book."""

    def __init__(self, folder: Path) -> None:
        self.tree = folder / "src"
        for package in ("gateway", "firmware/wire"):
            shutil.copytree(ROOT / package, self.tree / package, ignore=shutil.ignore_patterns("__pycache__"))
        self.migrations = self.tree / "gateway/src/lyhord_gateway/store/migrations"
        # What an old version's build has left behind in the tree.
        stale = self.tree / "gateway/build/lib/lyhord_gateway/store/migrations"
        stale.mkdir(parents=True)
        (stale / "998.sql").write_text("DROP TABLE sample;\n")
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "box"], check=True)
        self.site = next((folder / "box").glob("lib/python3*/site-packages"))
        # The building tools and dependencies of this environment, without what is installed here of ours.
        (self.site / "tools.pth").write_text(str(Path(pytest.__file__).parents[1]) + "\n")
        self.python = folder / "box/bin/python"

    def install(self) -> set[str]:
        """Names of the installed gateway's files."""
        command = [sys.executable, "-m", "pip", "--python", self.python, "install", "--quiet", "--no-deps"]
        command += ["--no-build-isolation", "--force-reinstall", "--no-index", "--disable-pip-version-check"]
        subprocess.run(
            [*command, self.tree / "firmware/wire", self.tree / "gateway"], check=True, timeout=100
        )
        return names(self.site / "lyhord_gateway")


def names(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.slow
def test_an_upgrade_and_a_downgrade_leave_nothing_of_the_other_version(tmp_path: Path) -> None:
    box = Box(tmp_path)
    source = box.tree / "gateway/src/lyhord_gateway"
    old = names(source)
    assert box.install() == old
    (box.migrations / "999.sql").write_text("CREATE TABLE newer (x INTEGER) STRICT;\n")
    (source / "newer.py").write_text("")
    assert box.install() == old | {"newer.py", "store/migrations/999.sql"}
    (box.migrations / "999.sql").unlink()
    (source / "newer.py").unlink()
    assert box.install() == old
    told = subprocess.run(
        [box.python.parent / "lyhord-gateway", "--version"], capture_output=True, text=True, check=True
    ).stdout
    assert told.startswith("lyhord-gateway ")


def test_the_document_installs_hashed_files_only() -> None:
    for text in ("".join(blocks("install")), "".join(blocks("care"))):
        commands = re.findall(r"pip install((?:.*\\\n)*.*)\n", text)
        assert len(commands) == 2
        assert "--require-hashes" in commands[0] and ".ci/gateway.txt" in commands[0]
        assert "--no-deps" in commands[1] and "--no-build-isolation" in commands[1]


def test_every_locked_file_has_its_hash_and_every_version_is_the_pinned_one() -> None:
    for entry in re.split(r"\n(?=\w)", LOCKED.split("\n", 2)[2]):
        assert entry.count("--hash=sha256:") >= 1, entry
    pinned = dict(
        re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / ".ci/constraints.txt").read_text().lower(), re.M)
    )
    assert {name: pinned[name] for name in PINS if name != "colorama"} == {  # that one is for Windows only
        name: version for name, version in PINS.items() if name != "colorama"
    }


def test_everything_that_the_gateway_wants_is_locked() -> None:
    for path in ("gateway/pyproject.toml", "firmware/wire/pyproject.toml"):
        found = tomllib.loads((ROOT / path).read_text())
        for wanted in found["project"]["dependencies"] + found["build-system"]["requires"]:
            name = re.split(r"[<>=~; \[]", wanted)[0]
            assert name in PINS or name.startswith("lyhord"), name
