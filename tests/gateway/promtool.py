"""Prometheus' own tool, as `make promtool` provides it."""

import shutil
import sys
from pathlib import Path


def find_promtool() -> str | None:
    """Its program; None where it is not installed."""
    return shutil.which("promtool") or shutil.which("promtool", path=str(Path(sys.executable).parent))
