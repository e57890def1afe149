"""The gateway's rooms: which may know which, and how much one constructor may ask for."""

import ast

from tests.house.sources import ROOT, imports, python_files

PACKAGE = "gateway/src/lyhord_gateway"

# Room: the rooms that its modules import. An arrow that is not here is a decision, not an accident. `support`
# knows nobody, `model` and `options` know nobody else; `config` knows the sources and profiles because their
# options stand beside them.
ARROWS = {
    "__main__": {"cli"},
    "serve": {"app", "config", "operation", "store", "support"},
    "app": {
        "config",
        "fleet",
        "ingest",
        "model",
        "node_broker",
        "operation",
        "publish",
        "sources",
        "store",
        "support",
        "timekeeping",
    },
    "cli": {
        "config",
        "fleet",
        "model",
        "mqtt",
        "node_broker",
        "options",
        "profiles",
        "publish",
        "store",
        "support",
    },
    "config": {"options", "profiles", "sources", "support"},
    "fleet": {"config", "model", "mqtt", "profiles", "store", "support"},
    "ingest": {"fleet", "model", "support", "timekeeping"},
    "mqtt": {"options"},
    "node_broker": {"model", "mqtt", "options", "support"},
    "operation": {"config", "fleet", "model", "profiles", "store", "support", "timekeeping"},
    "options": {"support"},
    "profiles": {"model", "options"},
    "publish": {"config", "fleet", "model", "mqtt", "operation", "options", "profiles", "support"},
    "sources": {"model", "mqtt", "node_broker", "options", "support", "timekeeping"},
    "store": {"model", "support"},
    "support": set(),
    "timekeeping": {"support"},
    "model": {"support"},
    "__init__": set(),
}
PARAMETERS_MAX = 7
# Class: why its constructor asks for more.
LONG_CONSTRUCTORS = {
    "SenmlProfile": "each is one option of the platform, by keyword",
}


def room(path):
    return path.relative_to(ROOT / PACKAGE).parts[0].removesuffix(".py")


def test_a_room_knows_only_those_that_are_drawn():
    found = {name: set() for name in ARROWS}
    for path in python_files(PACKAGE):
        for name in imports(path):
            parts = name.split(".")
            if parts[0] == "lyhord_gateway" and len(parts) > 1 and parts[1] in ARROWS:
                found.setdefault(room(path), set()).add(parts[1])
    known = {name: rooms - {name} for name, rooms in found.items()}
    new = {name: sorted(rooms - ARROWS.get(name, set())) for name, rooms in known.items()}
    assert not {name: rooms for name, rooms in new.items() if rooms}, "arrows that are not drawn"
    gone = {name: sorted(rooms - known[name]) for name, rooms in ARROWS.items()}
    assert not {name: rooms for name, rooms in gone.items() if rooms}, "the table of arrows is stale"


def test_arrows_between_rooms_go_one_way():
    """No way along the arrows comes back to where it began."""
    below = {name: set(rooms) for name, rooms in ARROWS.items()}
    while below:
        lowest = {name for name, rooms in below.items() if not rooms & below.keys()}
        assert lowest, f"a circle: {sorted(below)}"
        below = {name: rooms for name, rooms in below.items() if name not in lowest}


def test_no_constructor_asks_for_more_than_one_can_keep_in_mind():
    long = set()
    for path in python_files(PACKAGE):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                long |= {node.name for made in node.body if parameters(made) > PARAMETERS_MAX}
    assert long == set(LONG_CONSTRUCTORS)


def parameters(made):
    """Of a constructor, `self` apart; 0 for anything else in a class."""
    if not isinstance(made, ast.FunctionDef) or made.name != "__init__":
        return 0
    arguments = made.args
    return len(arguments.posonlyargs) + len(arguments.args) + len(arguments.kwonlyargs) - 1


def test_only_the_times_tell_what_time_it_is_to_sources_and_ingest():
    """So they run in virtual time: `timekeeping/times.py` is handed to them."""
    wrong = [
        str(path.relative_to(ROOT))
        for folder in ("sources", "ingest")
        for path in python_files(f"{PACKAGE}/{folder}")
        if "time" in imports(path)
    ]
    assert not wrong
