"""README and docs say what there is: every target, every command, every dependency."""

import re
import subprocess
import tomllib
from importlib import metadata

import pytest

from tests.house.sources import ROOT, tracked

README = (ROOT / "README.md").read_text()


def test_every_make_target_is_in_the_help_and_in_the_readme():
    makefile = (ROOT / "Makefile").read_text()
    phony = set(re.search(r"^\.PHONY: (.*)$", makefile, re.M).group(1).split())
    helped = set(re.findall(r"^([a-z0-9-]+):.*## \S", makefile, re.M))
    assert helped == phony - {"mosquitto", "promtool"}
    assert not [target for target in helped if f"make {target}" not in README]
    shown = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert len(shown.splitlines()) == len(helped)
    assert max(map(len, shown.splitlines())) <= 80


def programs():
    """Every command line program of ours: its name, the command line, the package that it is of."""
    from lyhord_gateway.cli import app as gateway
    from lyhord_rig.cli import app as rig
    from lyhord_tools.cli import app as tools

    return (
        ("lyhord", tools, "lyhord-tools"),
        ("lyhord-gateway", gateway, "lyhord-gateway"),
        ("lyhord-rig", rig, "lyhord-rig"),
    )


@pytest.mark.parametrize(("name", "app", "package"), [pytest.param(*p, id=p[0]) for p in programs()])
def test_every_program_tells_the_version_of_its_package(name, app, package):
    from typer.testing import CliRunner

    first, *more = CliRunner().invoke(app, ["--version"]).output.splitlines(keepends=True)
    assert first == f"{name} {metadata.version(package)}\n"
    assert not more or name == "lyhord", "what it would flash; tests/tools/cli/test_version.py"
    assert re.fullmatch(r"\d+\.\d+\.\d+", metadata.version(package))


def commands():
    """(program, command) of every command line program of ours."""
    from typer.core import TyperGroup
    from typer.main import get_command

    for program, app, _ in programs():
        root = get_command(app)
        stack = [(program, root)]
        while stack:
            name, command = stack.pop()
            if isinstance(command, TyperGroup):
                stack += [(f"{name} {sub}", child) for sub, child in command.commands.items()]
            else:
                yield name, command


@pytest.mark.parametrize(("name", "command"), [pytest.param(n, c, id=n) for n, c in commands()])
def test_every_command_has_help_and_is_in_the_readme(name, command):
    assert command.help, f"{name} has no help text"
    assert f"`{name}" in README, f"{name} is not in README.md"


def test_every_package_has_a_pyproject_and_every_dependency_a_reason():
    reasons = (ROOT / "docs/decisions/dependencies.md").read_text()
    pinned = (ROOT / ".ci/constraints.txt").read_text().lower()
    projects = [path for path in tracked() if path.name == "pyproject.toml" and path.parent != ROOT]
    assert len(projects) == 5
    wanted = (ROOT / ".ci/requirements.txt").read_text().split("\n")[1:]
    for path in projects:
        wanted += tomllib.loads(path.read_text())["project"].get("dependencies", [])
    names = {re.split(r"[<>=~;\[ ]", line)[0] for line in wanted if line} - {""}
    names = {name for name in names if not name.startswith("lyhord")}
    missing = sorted(name for name in names if f"`{name}`" not in reasons)
    assert not missing, "no reason given in docs/decisions/dependencies.md"
    loose = sorted(
        n for n in names if not re.search(rf"^{re.escape(n.lower()).replace('_', '[-_]')}==", pinned, re.M)
    )
    assert not loose, "not pinned in .ci/constraints.txt"
    fetched = {
        "atheris",
        "uv",
        "micropython-umqtt.simple",
    }  # where they are needed
    told = set(re.findall(r"^\| `([^`]+)` \|", reasons, re.M))
    assert told - fetched == names, "docs/decisions/dependencies.md tells of what nobody depends on"


def test_links_between_documents_lead_somewhere():
    dead = []
    for path in tracked():
        if path.suffix != ".md":
            continue
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text()):
            if not (path.parent / target).exists():
                dead.append(f"{path.relative_to(ROOT)}: {target}")
    assert not dead
