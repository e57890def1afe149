"""Data flows one way: who may import whom."""

import re

import pytest

from tests.house.sources import ROOT, imports, python_files

OURS = (
    "lyhord_wire",
    "lyhord_node",
    "lyhord_bridge",
    "lyhord_gateway",
    "lyhord_tools",
    "lyhord_rig",
    "drivers",
    "boards",
    "lyhord_firmware",
)

# folder: the packages of ours that its files may import (its own package always)
ALLOWED = {
    "firmware/wire": {"lyhord_wire"},
    "firmware/drivers": {"lyhord_wire", "drivers"},
    "firmware/boards": set(),
    "firmware/node": {"lyhord_wire", "lyhord_node", "drivers"},
    "firmware/bridge": {"lyhord_wire", "lyhord_bridge", "drivers"},
    "gateway/src": {"lyhord_wire", "lyhord_gateway"},
    "tools/src": {"lyhord_wire", "lyhord_tools", "lyhord_firmware"},
    "hil/src": {"lyhord_wire", "lyhord_rig", "lyhord_tools", "lyhord_firmware"},
}


def ours(path):
    return {name.split(".")[0] for name in imports(path)} & set(OURS)


@pytest.mark.parametrize("folder", ALLOWED)
def test_a_package_imports_only_what_lies_below_it(folder):
    wrong = {
        str(path.relative_to(ROOT)): sorted(ours(path) - ALLOWED[folder])
        for path in python_files(folder)
        if ours(path) - ALLOWED[folder]
    }
    assert not wrong


def test_the_wire_imports_no_io():
    outside = set()
    for path in python_files("firmware/wire"):
        if path.name == "setup.py":
            continue  # it builds the package and is no part of it
        outside |= {name.split(".")[0] for name in imports(path)} - {"lyhord_wire", "typing", "binascii"}
    assert not outside


STAGES = {
    # The node: sensors → sample → outbox → report → link. Only cycle knows all stages.
    "firmware/node/lyhord_node": ({"measure", "outbox", "lora_link", "wifi_link"}, "lyhord_node"),
    # The gateway: sources → ingest → store → publish. Only app knows all stages.
    "gateway/src/lyhord_gateway": ({"sources", "ingest", "store", "publish"}, "lyhord_gateway"),
}


@pytest.mark.parametrize("folder", STAGES)
def test_stages_do_not_import_each_other(folder):
    stages, package = STAGES[folder]
    seen = set()
    wrong = []
    for path in python_files(folder):
        stage = path.relative_to(ROOT / folder).parts[0].removesuffix(".py")
        if stage not in stages:
            continue
        seen.add(stage)
        for name in imports(path):
            parts = name.split(".")
            if parts[0] == package and len(parts) > 1 and parts[1] in stages - {stage}:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert seen == stages, "the table of stages is stale"
    assert not wrong


# Parts of the gateway → who may import them, beside themselves.
USERS = {
    "sources": {"app", "config"},
    "ingest": {"app"},
    "publish": {"app", "cli"},  # `check --connect` speaks to platforms as the gateway does
    "operation": {"app", "publish", "serve"},
    "cli": {"__main__"},
}


@pytest.mark.parametrize("part", USERS)
def test_what_stands_above_is_not_imported_from_below(part):
    users = set()
    for path in python_files("gateway/src/lyhord_gateway"):
        user = path.relative_to(ROOT / "gateway/src/lyhord_gateway").parts[0].removesuffix(".py")
        if any(name.split(".")[:2] == ["lyhord_gateway", part] for name in imports(path)):
            users.add(user)
    assert users - {part} == USERS[part]


# Where the modules of a package lie, and how they are called when they are imported.
PACKAGES = {
    "firmware/wire": "",
    "firmware/drivers": "drivers.",
    "firmware/node": "",
    "firmware/bridge": "",
    "gateway/src": "",
    "tools/src": "",
    "hil/src": "",
}


def graph(folder):
    """Module → the modules of the same package that it imports, wherever in it that stands."""
    base = ROOT / folder
    files = {}
    for path in python_files(folder):
        parts = path.relative_to(base).with_suffix("").parts
        if path.name != "setup.py" and "onboard" not in parts:
            files[PACKAGES[folder] + ".".join(part for part in parts if part != "__init__")] = path
    found = {}
    inside = folder.replace("/", ".") + "."  # of relative imports, which are resolved to paths
    for name, path in files.items():
        named = {target.removeprefix(inside) for target in imports(path)}
        own = name.rpartition(".")[0]  # a package is there before its modules are
        found[name] = {target for target in named if target in files and target not in (name, own)}
    return found


def circle(edges):
    """One way from a module back to it, as a list; empty where there is none."""
    done, way = set(), []

    def visit(name):
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return []
        way.append(name)
        for target in sorted(edges[name]):
            if found := visit(target):
                return found
        way.pop()
        done.add(name)
        return []

    for name in sorted(edges):
        if found := visit(name):
            return found
    return []


@pytest.mark.parametrize("folder", PACKAGES)
def test_no_module_imports_itself_by_a_detour(folder):
    edges = graph(folder)
    assert any(edges.values()), "the way from names to files is stale"
    assert not circle(edges)


def test_a_circle_would_be_found():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_nothing_of_the_node_is_called_by_a_name_made_at_run_time():
    """A module by its name out of a table (a driver, a board) is what the table is for; a function is not."""
    found = []
    for path in python_files("firmware/node"):
        for line in path.read_text().splitlines():
            if re.search(r"getattr\([^)]*\)\(|\bexec\(|\beval\(", line):
                found.append(f"{path.relative_to(ROOT)}: {line.strip()}")
    assert not found


POSIX_ONLY = {"termios", "fcntl", "pwd", "grp", "pty", "tty", "resource", "select", "readline"}


def test_the_laptops_side_needs_posix_in_one_file():
    users = {
        path.relative_to(ROOT / "tools/src/lyhord_tools").as_posix()
        for path in python_files("tools/src")
        if {name.split(".")[0] for name in imports(path)} & POSIX_ONLY
    }
    assert users == {"device/posix.py"}
