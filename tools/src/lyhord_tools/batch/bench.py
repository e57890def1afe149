"""The bench: every board goes the whole way in a thread of its own, and a bad one stops no other.

who is it? ─▶ flash ─▶ boot ─▶ identity, on the shelf ─▶ self-test ─▶ done
   ├ done in an earlier run: left alone
   └ has this firmware: not flashed; is a node of this fleet file: keeps its identity
"""

import hashlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from lyhord_tools.batch.journal import Done, Journal
from lyhord_tools.batch.rows import Row, Rows
from lyhord_tools.device import boot, flash, selftest
from lyhord_tools.device.console import NodeConsole
from lyhord_tools.device.probe import look
from lyhord_tools.errors import ToolError
from lyhord_tools.fleet import provision as provisioning
from lyhord_tools.fleet.entries import Entry, State
from lyhord_tools.fleet.fleet_file import read_fleet
from lyhord_tools.image.filesystem import ImageIdentity
from lyhord_tools.image.layout import Layout
from lyhord_tools.papers.record import Verdict

_LOOK_S = 3.0
_BOOT_S = 60.0

Tell = Callable[[str, str, float], None]
"""Called with (port, step, 0…1 of it) whenever a board gets on."""


@dataclass(frozen=True, slots=True)
class Order:
    """The same for every board of a batch. settings: for all of them, under those of a board's row."""

    micropython: bytes
    image: bytes
    flashed: ImageIdentity
    layout: Layout
    fleet: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    technician: str = ""
    with_link: bool = False
    together: int = 8


def run(order: Order, ports: Sequence[str], journal: Journal, rows: Sequence[Row], tell: Tell) -> list[Done]:
    """The end of every board, in the order of the ports. Each is in the journal when this returns.

    A bug of ours ends one board's way, and is raised when all others are at their end. Ctrl-C lets each board
    finish the step that it is at.
    """
    free = Rows(rows)
    free.hold(journal.rows())
    stop = threading.Event()
    jobs = [_Job(order, port, journal, free, tell, stop) for port in ports]
    with ThreadPoolExecutor(max(1, min(len(jobs), order.together))) as pool:
        try:
            ends = list(pool.map(_Job.run, jobs))
        except KeyboardInterrupt:
            stop.set()
            raise
    for job in jobs:
        if job.bug is not None:
            raise job.bug
    return ends


def failed(end: Done, step: str, why: str) -> Done:
    """A board that was good until then."""
    return replace(end, step=step, detail=why)


def told(end: Done) -> dict[str, object]:
    """For machines."""
    return asdict(end)


class _Job:
    """One board's way. bug: an exception that was none of a board or a person."""

    def __init__(
        self, order: Order, port: str, journal: Journal, rows: Rows, tell: Tell, stop: threading.Event
    ) -> None:
        self.bug: Exception | None = None
        self._stop = stop
        self._order = order
        self._port = port
        self._journal = journal
        self._rows = rows
        self._tell = tell
        self._done = Done("", port, "look")

    def run(self) -> Done:
        """To the end, whatever it is."""
        try:
            self._go()
        except ToolError as fault:
            self._done = replace(self._done, detail=str(fault))
        except Exception as bug:  # noqa: BLE001 - raised when the other boards are done
            self.bug = bug
            self._done = replace(self._done, detail=f"a bug of ours: {type(bug).__name__}")
        self._tell(self._port, "done" if self._done.is_good else f"FAILED at {self._done.step}", 1.0)
        try:
            self._journal.add(self._done)
        except ToolError as fault:
            self._done = replace(self._done, step="journal", detail=str(fault))
        return self._done

    def _go(self) -> None:
        self._begin("look")
        found = look(self._port, _LOOK_S)
        if found.kind == "busy":
            raise ToolError(found.detail or "its port is held by another program")
        if found.mac and (before := self._journal.of(found.mac)) is not None and before.is_good:
            self._done = replace(before, port=self._port)
            return
        flashed = self._order.flashed
        if (found.app, found.version, found.board) != (flashed.app, flashed.version, flashed.board):
            self._flash()
        self._begin("boot")
        told = boot.check(self._port, flashed, _BOOT_S)
        self._done = replace(self._done, mac=told.get("mac", ""), board=told.get("board", ""))
        if (entry := self._known()) is not None and found.node == f"{entry.id:06x}":
            before = self._journal.of(entry.mac)
            row = before.row if before else 0
            self._done = replace(self._done, node=f"{entry.id:06x}", name=entry.name, row=row)
        else:
            self._provision()
        self._test()
        self._begin("done")

    def _begin(self, step: str, part: float = 0.0) -> None:
        if self._stop.is_set():
            raise ToolError("stopped: the same command goes on from here")
        self._done = replace(self._done, step=step)
        self._tell(self._port, step, part)

    def _flash(self) -> None:
        self._begin("flash")
        order = self._order
        flash.flash(
            self._port,
            order.micropython,
            order.image,
            order.layout,
            progress=lambda done, total: self._tell(self._port, "flash", done / max(total, 1)),
        )

    def _row(self) -> Row:
        before = self._journal.of(self._done.mac)
        row = self._rows.take(self._port, self._done.mac, before.row if before else None)
        self._done = replace(self._done, row=row.number, name=row.name)
        return row

    def _known(self) -> Entry | None:
        """The line of this board in the fleet file, where it is a whole one."""
        lines = [
            one for one in read_fleet(self._order.fleet).entries if one.mac and one.mac == self._done.mac
        ]
        whole = [one for one in lines if one.state is State.provisioned]
        return whole[-1] if whole else None

    def _provision(self) -> None:
        self._begin("identity")
        row = self._row()
        identity = provisioning.Identity(None, name=row.name, profile=row.profile)
        settings = {**self._order.settings, **row.settings}
        provisioning.check(identity, settings)
        with boot.entered(self._port, _BOOT_S) as console:
            entry = provisioning.provision(
                console, identity, self._order.fleet, settings, then=provisioning.Then.stay
            )
            self._done = replace(self._done, node=f"{entry.id:06x}")

    def _test(self) -> None:
        self._begin("selftest")
        with boot.entered(self._port, _BOOT_S) as console:
            record = selftest.run(
                console,
                with_link=self._order.with_link,
                technician=self._order.technician,
                image_sha256=hashlib.sha256(self._order.image).hexdigest(),
                tell=lambda step: self._tell(self._port, f"selftest: {step}", 0.5),
            )
            _to_the_shelf(console)
        name = f"{self._done.node}.selftest.json"
        path = self._journal.folder / name
        try:
            path.write_text(json.dumps(record.told(), ensure_ascii=False) + "\n", encoding="utf-8")
        except OSError as fault:
            raise ToolError(f"cannot write {path}: {fault.strerror}") from fault
        self._done = replace(self._done, record=name)
        failed = [step for step in record.steps if step.verdict is Verdict.failed]
        if failed:
            said = "; ".join(f"{step.name}: {step.remedy or step.detail}" for step in failed)
            raise ToolError(said)


def _to_the_shelf(console: NodeConsole) -> None:
    console.command("exit")
