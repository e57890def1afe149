"""`make lowest-check`: our wheels with the oldest libraries that their pyproject.toml files allow.

Every command says what it can do, an image is built, a label printed, and a node's readings go
through a street.
"""

import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from tests.house.sources import ROOT
from tests.packages.wheels import PACKAGES, build

_DEADLINE_S = 600


def _run(*command: object, env: dict[str, str], cwd: Path) -> None:
    print(" ".join(Path(str(part)).name for part in command), flush=True)
    subprocess.run([str(part) for part in command], env=env, cwd=cwd, check=True, timeout=_DEADLINE_S)


def _libraries() -> list[str]:
    """The dependencies of our packages, our packages themselves left out."""
    wanted = []
    for folder in PACKAGES:
        project = tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]
        wanted += [line for line in project["dependencies"] if not line.startswith("lyhord")]
    return wanted


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        wheels = build(home / "sources", home / "wheels")
        env = dict(os.environ, VIRTUAL_ENV=str(home / "venv"))
        uv = Path(sys.executable).with_name("uv")
        _run(uv, "venv", "--quiet", "--python", sys.executable, home / "venv", env=env, cwd=home)
        install = (uv, "pip", "install", "--quiet")
        _run(*install, "--resolution", "lowest-direct", *_libraries(), env=env, cwd=home)
        _run(*install, "--no-deps", *wheels, env=env, cwd=home)
        _run(uv, "pip", "list", env=env, cwd=home)
        commands = home / "venv/bin"
        for name in ("lyhord", "lyhord-gateway", "lyhord-rig"):
            _run(commands / name, "--help", env=env, cwd=home)
        _run(commands / "lyhord-gateway", "config-template", env=env, cwd=home)
        _run(commands / "lyhord", "build", "--board", "devkit_rfm95", "--out", "node.bin", env=env, cwd=home)
        (home / "nodes.jsonl").write_text('{"id":"000011","name":"Åkergränd"}\n', encoding="utf-8")
        _run(commands / "lyhord", "label", "print", "labels.png", "--fleet", "nodes.jsonl", env=env, cwd=home)
        street = ("street", "--nodes", "1", "--seconds", "20", "--seed", "3")
        _run(commands / "lyhord-rig", *street, env=env, cwd=home)


if __name__ == "__main__":
    main()
