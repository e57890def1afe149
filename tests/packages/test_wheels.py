"""The wheels, installed together in an environment without the repository: every command does its first job.

Third-party libraries are those of the development environment, put on the path as a plain folder: its
editable installs of our own packages do not come along.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from tests.house.sources import ROOT
from tests.packages.wheels import build

_OURS = {"lyhord_wire", "lyhord_firmware", "lyhord_gateway", "lyhord_tools", "lyhord_rig"}
_DEADLINE_S = 240
_VERSION = (ROOT / "firmware/VERSION").read_text().strip()


def _run(*command, cwd, env=None):
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=_DEADLINE_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def _install(wheels, home):
    """The folder of the commands of an environment that holds the wheels."""
    home.mkdir()
    _run(sys.executable, "-m", "venv", "--without-pip", home / "venv", cwd=home)
    python = home / "venv/bin/python"
    site = _run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=home).strip()
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python)
    _run(*pip, "install", "--quiet", "--no-deps", "--no-index", *wheels, cwd=home)
    Path(site, "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home / "venv/bin"


def _hold_only_our_names_one_version_and_the_licence(wheels):
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
            tops = {name.split("/")[0] for name in names}
            assert {top for top in tops if not top.endswith(".dist-info")} <= _OURS
            (folder,) = (top for top in tops if top.endswith(".dist-info"))
            said = metadata.PathDistribution(zipfile.Path(archive, folder + "/")).metadata
            assert said["Version"] == _VERSION
            assert said["License-Expression"] == "Apache-2.0"
            assert any(name.endswith("/LICENSE") for name in names)


@pytest.mark.slow
def test_the_wheels_together_do_the_first_job_of_every_command(tmp_path):
    wheels = build(tmp_path / "sources", tmp_path / "wheels")
    _hold_only_our_names_one_version_and_the_licence(wheels)
    installed = _install(wheels, tmp_path / "environment")
    away = tmp_path / "away"
    away.mkdir()
    names = ", ".join(sorted(_OURS))
    code = f"import {names}; print('\\n'.join(m.__file__ for m in ({names})))"
    for file in _run(installed / "python", "-c", code, cwd=away).split():
        assert Path(file).is_relative_to(installed.parent), file
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "LYHORD"))}
    environment["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    parts = ROOT / ".cache" / "parts"
    if parts.is_dir():  # what a build has fetched before need not be fetched again
        shutil.copytree(parts, tmp_path / "cache/lyhord/parts")

    def run(name, *arguments):
        return _run(installed / name, *arguments, cwd=away, env=environment)

    for name in ("lyhord", "lyhord-gateway", "lyhord-rig"):
        assert "Usage" in run(name, "--help")
        assert run(name, "--version").split()[1] == _VERSION
    assert "[gateway]" in run("lyhord-gateway", "config-template")
    (away / "data").mkdir()
    (away / "gateway.toml").write_text(
        f'[gateway]\nname = "first"\nnumber = 1\ndata_dir = "{away / "data"}"\n'
        '[[platform]]\nname = "city"\nprofile = "senml"\nurl = "mqtt://127.0.0.1:1"\n'
    )
    run("lyhord-gateway", "check", "--config", "gateway.toml")
    for app in ("node", "bridge"):
        run("lyhord", "build", "--app", app, "--board", "devkit_rfm95", "--out", f"{app}.bin")
        assert (away / f"{app}.bin").stat().st_size > 100_000
    said = run("lyhord-rig", "street", "--nodes", "1", "--seconds", "20", "--seed", "3")
    assert "missing 0, doubled 0" in said
