"""Provisioning: a node gets its identity over the console, the fleet file (and the gateway) get the same.

    who is this board? ─▶ line `pending` in the fleet file, with its MAC ─▶ would the gateway take the line,
    the board the settings? were its samples delivered?
    ═══ from here on the board changes; a run that breaks off is finished by running it again ═══
    old life forgotten ─▶ settings saved ─▶ identity ─▶ shown by the board ─▶ the gateway ─▶ `provisioned`

Everything is checked before anything is changed, so a board that refuses goes on as who it was. The line is
durable before the board has the key, so no key is ever in a board that nobody else has; a board whose line is
pending keeps the id, and the key, of that line.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from lyhord_tools.device.console import CommandFailed, NodeConsole
from lyhord_tools.errors import ToolError
from lyhord_tools.fleet.board import read_board
from lyhord_tools.fleet.entries import Entry
from lyhord_tools.fleet.gateway import Gateway
from lyhord_tools.fleet.plan import Identity as Identity
from lyhord_tools.fleet.plan import Plan, promise
from lyhord_wire.about import TEXT_MAX
from lyhord_wire.tables import PROFILES


class Then(StrEnum):
    """The next step of a board with a new identity: it sleeps on the shelf until it is installed, begins its
    work, or stays in its console, on the shelf as well. One that only got another key goes on as it was."""

    shelf = "shelf"
    start = "start"
    stay = "stay"


class NotTaken(ToolError):
    """The node shows another identity than it was given."""


def check(identity: Identity, settings: Mapping[str, str]) -> dict[str, str]:
    """All that the node is to be set to, name and profile included.

    Raises ToolError for what the console's lines cannot carry, or no node would take.
    """
    if identity.profile not in PROFILES.values():
        raise ToolError(f"--profile: expected {' or '.join(PROFILES.values())}")
    if identity.key is not None and identity.key.is_blank():
        raise ToolError("the key is blank; expected 16 random bytes")
    if identity.name != identity.name.strip():
        raise ToolError("--name: expected no space or line end at either end")
    wanted = dict(settings) | {"name": identity.name, "profile": identity.profile}
    for name, value in wanted.items():
        if not value.isprintable():
            raise ToolError(f"{name}: control characters do not go over the console")
    if len(identity.name.encode()) > TEXT_MAX:
        raise ToolError(f"the name has more than {TEXT_MAX} bytes")
    return wanted


def provision(
    console: NodeConsole,
    identity: Identity,
    fleet_path: Path,
    settings: Mapping[str, str] | None = None,
    gateway: Gateway | None = None,
    then: Then = Then.stay,
    tell: Callable[[str], None] = lambda _: None,
) -> Entry:
    """Give the node behind an entered console its identity and settings, verify, and write its line into the
    fleet file and the gateway.

    then: see `Then`. tell: is told what is being done. Raises ToolError when the id is taken, the node
    refuses something, or it does not show what it was given.
    """
    wanted = check(identity, settings or {})
    tell("asking the board who it is")
    board = read_board(console)
    try:
        plan = promise(fleet_path, identity, board, gateway)
    except ToolError:
        board.leave()
        raise
    try:
        _check_all(plan, wanted, gateway, tell)
    except BaseException:
        # The board is as it was, and so is the file: not even an interrupted run leaves its line.
        plan.take_back()
        board.leave()
        raise
    _change(plan, wanted, then, tell)
    try:
        entry = _enter(plan, gateway, tell)
    except ToolError:
        with suppress(ToolError):
            _leave(plan, then)
        raise
    _leave(plan, then)
    return entry


def _check_all(
    plan: Plan, wanted: Mapping[str, str], gateway: Gateway | None, tell: Callable[[str], None]
) -> None:
    """All that can be refused, before the board is changed."""
    if gateway is not None:
        tell("asking the gateway")
        _ask(gateway, plan)
    tell("checking the settings")
    plan.board.would_take(wanted, afresh=plan.new_life)
    if plan.new_life and plan.board.id is not None and plan.board.kept and not plan.identity.discard_samples:
        tell(f"delivering {plan.board.kept} samples of node {plan.board.id:06x}")
        try:
            plan.board.deliver()
        except ToolError as fault:
            raise ToolError(
                f"{plan.board.kept} samples of node {plan.board.id:06x} are not delivered ({fault}); "
                "--discard-samples lets them go"
            ) from fault


def _ask(gateway: Gateway, plan: Plan) -> None:
    """The key may be there already: then a run broke off after it was entered."""
    try:
        gateway.check([plan.entry.line()], plan.replaced)
    except ToolError:
        if not plan.before or not plan.replaced:
            raise
        gateway.check([plan.entry.line()])


def _change(plan: Plan, wanted: Mapping[str, str], then: Then, tell: Callable[[str], None]) -> None:
    """The board becomes who it was promised to be. A plain refusal leaves the fleet file as it was."""
    board, entry = plan.board, plan.entry
    assert entry.key is not None
    begun = "is not finished"
    try:
        if plan.new_life:
            tell("forgetting the board's old life")
            board.forget_all()
        tell("saving the settings")
        board.take(wanted)
        tell("giving the board its identity")
        if plan.new_life and then is not Then.start:
            board.shelve()  # before it is somebody: no reading of a desk lies between the two
        begun = "may have its key"
        board.console.command(f"provision {entry.id:06x} {entry.key.value.hex()} {entry.generation}")
        _verify(board.console, entry)
    except (CommandFailed, NotTaken):
        plan.take_back()
        board.leave()
        raise
    except ToolError as fault:
        raise ToolError(
            f"{fault}; node {entry.id:06x} {begun}, its line stays in {plan.path}: run it again to finish it"
        ) from fault


def _verify(console: NodeConsole, entry: Entry) -> None:
    shown = read_board(console)
    if (shown.id, shown.generation) != (entry.id, entry.generation):
        told = "nobody" if shown.id is None else f"id {shown.id:06x}, generation {shown.generation}"
        raise NotTaken(f"the node shows {told} after provisioning")


def _enter(plan: Plan, gateway: Gateway | None, tell: Callable[[str], None]) -> Entry:
    fault: ToolError | None = None
    if gateway is not None:
        tell("entering the node at the gateway")
        try:
            _enter_at(gateway, plan)
        except ToolError as refused:
            fault = refused
    settled = plan.settle()
    if fault is not None:
        raise ToolError(
            f"{fault}; {plan.path} has the node, import it from there: lyhord fleet to-gateway"
        ) from fault
    return settled


def _leave(plan: Plan, then: Then) -> None:
    if then is Then.start and plan.new_life:
        plan.board.start()
    elif then is not Then.stay:
        plan.board.console.command("exit")


def _enter_at(gateway: Gateway, plan: Plan) -> None:
    try:
        gateway.enter([plan.entry.line()], plan.replaced)
    except ToolError:
        if not plan.before or not plan.replaced:
            raise
        gateway.enter([plan.entry.line()])
