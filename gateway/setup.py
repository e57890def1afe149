"""Everything about the package is in pyproject.toml. This only sees to it that it is built from its sources
alone: setuptools leaves a folder build/ behind, and packs what an earlier version's build has left there."""

import shutil
from pathlib import Path

from setuptools import setup

shutil.rmtree(Path(__file__).resolve().with_name("build"), ignore_errors=True)
setup()
