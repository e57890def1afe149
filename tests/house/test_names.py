"""Names are the field's: what a thing was once called here is no name any more, of a module or in one."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.house.sources import ROOT, python_files

# the name that went → the field's, for whoever meets it in old notes (CHANGELOG.md has it too)
OLD = {
    "strangers": "unknown_nodes",
    "herald": "status_publisher",
    "census": "completeness",
    "chores": "maintenance",
    "tend": "prune",
    "desk": "downlink_queue",
    "handout": "downlink_dispatch",
    "asking": "gap_requests",
    "suspicion": "poison_messages",
    "patience": "ack_timeout",
    "introductions": "announcements",
    "wrapping": "encoding",
    "Arrival": "UplinkRecord",
    "Repeat": "Retransmission",
    "Better": "BetterReception",
    "Advance": "Delivered",
    "Unsent": "DownlinkAborted",
    "Question": "AckRequest",
    "gather_us": "dedup_us",
    "only_one": "instance_lock",
    "line_limit": "log_rate_limit",
    "borrowed": "scoped_import",
    "spreading": "adr",
    "Surface": "LevelTracker",
    "reporting": "transmit",
    "compose": "uplink_builder",
    "Dweller": "VirtualNode",
    "Resident": "BinNode",
    "solder": "wiring",
}
OLD_MODULES = {"starts": "boot_guard", "fitting": "sensor_catalog"}  # good words for other things
PACKAGES = ("firmware", "gateway/src", "tools/src", "hil/src")


def names(path: Path) -> Iterator[str]:
    """Every name that a file gives: its own, and those of what it defines, binds or takes."""
    yield path.stem
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Name(ctx=ast.Store()):
                yield node.id
            case ast.Attribute(ctx=ast.Store()):
                yield node.attr
            case ast.arg():
                yield node.arg


def test_no_old_name_is_left() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {name}, expected {OLD[name.lstrip('_')]}"
        for package in PACKAGES
        for path in python_files(package)
        for name in names(path)
        if name.lstrip("_") in OLD
    ]
    found += [
        f"{path.relative_to(ROOT)}: expected {OLD_MODULES[path.stem]}"
        for package in PACKAGES
        for path in python_files(package)
        if path.stem in OLD_MODULES
    ]
    assert not found, "\n".join(sorted(set(found)))
