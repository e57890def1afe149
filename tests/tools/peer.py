"""A small node on a pty: its console as the firmware speaks it, without the firmware.

It listens for Enter, answers commands, and can misbehave on request: stay silent, echo, talk before it is
asked, break off in the middle of an answer, forget what it was told.
"""

import os
import select
import threading
import tty
from collections.abc import Callable
from dataclasses import dataclass, field

from lyhord_rig.deadline import DEADLINE_S
from lyhord_wire.tables import SETTINGS

INTERVALS = {setting.name: (setting.low, setting.high) for setting in SETTINGS.values()}
MODERN = ("check", "discard", "factory-reset", "shelf", "start", "get", "clear", "send", "help")
TEXTS = ("name", "profile", "wifi_ssid", "wifi_password", "broker_host", "refused_at_save")


class Unplugged(Exception):
    """The cable comes off; raised by `on_done`."""


@dataclass
class Peer:
    """Connect to `path`; `identity`, `settings` and `saved` are what it keeps."""

    echo: bool = True
    silent: bool = False
    chatter: bytes = b""
    breaks_off: bool = False
    breaks_off_at: str = ""
    forgets_identity: bool = False
    board: str = "devkit_rfm95"
    mac: str = ""
    modern: bool = False
    kept: int = 0
    delivers: bool = True
    on_shelf: bool = False
    on_done: Callable[[str], None] = lambda _: None
    identity: tuple[str, str, int] | None = None
    settings: dict[str, str] = field(default_factory=dict)
    saved: dict[str, str] = field(default_factory=dict)
    measured: dict[str, str] = field(default_factory=dict)
    status: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    checked: list[dict[str, str]] = field(default_factory=list)
    sent: int = 0
    entered: bool = False

    def __post_init__(self) -> None:
        self.heard = threading.Event()
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._stop_read, self._stop_write = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Peer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.write(self._stop_write, b"x")
        self._thread.join(DEADLINE_S)
        for handle in (self._master, self._slave, self._stop_read, self._stop_write):
            if handle >= 0:
                os.close(handle)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._talk()
        except Unplugged:
            os.close(self._master)
            self._master = -1

    def _talk(self) -> None:
        pending = b""
        os.write(self._master, self.chatter)
        while True:
            ready, _, _ = select.select([self._master, self._stop_read], [], [])
            if self._stop_read in ready:
                return
            pending += os.read(self._master, 4096)
            self.heard.set()
            while b"\n" in pending:
                line, _, pending = pending.partition(b"\n")
                if not self.silent:
                    os.write(self._master, self._answer(line.decode(errors="replace").strip()))

    def _answer(self, line: str) -> bytes:
        if line:
            self.lines.append(line)
        if not self.entered:
            self.entered = True
            return b"ok\r\n> " + (self._answer(line) if line else b"")
        if not line:
            return b"\r\nok\r\n> "
        typed = "".join(char for char in line if " " <= char <= "~")
        typed = "provision " if line.startswith("provision ") else typed
        shown = f"{typed}\r\n".encode() if self.echo else b""
        body, end = self._command(line.split(" "))
        self.on_done(line)
        if (self.breaks_off and line == "help") or line.split()[0] == self.breaks_off_at:
            return shown + b"half an answ"
        return shown + "".join(f"{text}\r\n" for text in [*body, end]).encode() + b"> "

    def _command(self, words: list[str]) -> tuple[list[str], str]:
        if words[0] in MODERN and not self.modern:
            return [], f"error: unknown command {words[0]}"
        match words:
            case ["help"]:
                return [f"{name:34}what it does" for name in MODERN], "ok"
            case ["version"]:
                mac = [f"mac: {self.mac}"] if self.mac else []
                return ["version: 1.0.0", f"board: {self.board}", *mac], "ok"
            case ["status"]:
                node, generation = (self.identity[0], self.identity[2]) if self.identity else ("none", "none")
                said = [f"id: {node}", f"generation: {generation}"]
                name = f"name: {self.saved.get('name', '')}"
                more = [name, f"kept: {self.kept}", *(f"{key}: {told}" for key, told in self.status.items())]
                return said + (more if self.modern else []), "ok"
            case ["measure"] if self.measured:
                return [f"{key}: {told}" for key, told in self.measured.items()], "ok"
            case ["verify"] if self.measured:
                return [], "ok"
            case ["provision", node, key, generation]:
                if not self.forgets_identity:
                    self.identity = (node, key, int(generation))
                return [], "ok"
            case ["set", name, *rest]:
                value = " ".join(rest)
                if name not in INTERVALS and name not in TEXTS:
                    return [], f"error: {name}: no such setting; get lists them"
                low, high = INTERVALS.get(name, (0, 0))
                if name in INTERVALS and not low <= int(value) <= high:
                    return [], f"error: {name}: {value} is not in {low}...{high}"
                self.settings[name] = value
                return [], "ok"
            case ["save" | "check"] if self.settings.get("refused_at_save"):
                return [], "error: these do not go together"
            case ["save"]:
                self.saved |= self.settings
                self.settings = {}
                return [], "ok"
            case ["check"]:
                self.checked.append({name: value for name, value in self.settings.items() if value})
                return [], "ok"
            case ["get"]:
                return [f"{name}: " for name in (*INTERVALS, *TEXTS)], "ok"
            case ["clear", name] if name in TEXTS:
                self.settings[name] = ""
                return [], "ok"
            case ["discard"]:
                self.settings = {}
                return [], "ok"
            case ["send"] if not self.delivers:
                return ["sent: 0 samples"], "error: no link works"
            case ["send"]:
                self.sent, self.kept = self.kept, 0
                return [f"sent: {self.sent} samples, left: 0"], "ok"
            case ["factory-reset", *more] if "yes" not in more or (self.kept and "discard" not in more):
                return [], "error: say more"
            case ["factory-reset", "all", *_]:
                self.identity, self.kept, self.settings, self.saved = None, 0, {}, {}
                self.on_shelf = False
                self.entered = False  # it starts again
                return [], "ok"
            case ["shelf"]:
                self.on_shelf = True
                return [], "ok"
            case ["exit" | "start"] if self.modern and self.settings:
                return [], "error: changes are not saved"
            case ["exit" | "start"]:
                self.on_shelf = self.on_shelf and words[0] == "exit"
                self.entered, self.settings = False, {}
                return [], "ok"
            case _:
                return [], f"error: unknown command {words[0]}"
