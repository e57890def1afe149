"""The project's wheels, built from a copy of what git tracks: nothing that lies about gets into them."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.house.sources import ROOT, tracked

PACKAGES = ("firmware/wire", "firmware", "gateway", "tools", "hil")
_DEADLINE_S = 240


def build(copy: Path, out: Path) -> list[Path]:
    """One wheel for each of PACKAGES in `out`; `copy`: where the sources are copied to."""
    for path in tracked():
        target = copy / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target, follow_symlinks=False)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "-w", str(out)]
    pip += ["--no-deps", "--no-index", "--no-build-isolation", *(f"./{name}" for name in PACKAGES)]
    subprocess.run(pip, cwd=copy, check=True, timeout=_DEADLINE_S, stdin=subprocess.DEVNULL)
    found = sorted(out.glob("*.whl"))
    assert len(found) == len(PACKAGES)
    return found
