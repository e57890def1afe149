"""A small node on a pty: its console as the firmware speaks it, without the firmware.

It listens for Enter, answers commands, and can misbehave on request: stay silent, echo, talk before it is
asked, break off in the middle of an answer, forget what it was told.
"""

import os
import select
import threading
import tty
from dataclasses import dataclass, field

from lyhord_rig.deadline import DEADLINE_S

INTERVALS = {"sample_period": (10, 86400), "full_alarm": (1, 100)}
TEXTS = ("name", "profile", "wifi_ssid", "wifi_password", "broker_host", "refused_at_save")


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
    identity: tuple[str, str, int] | None = None
    settings: dict[str, str] = field(default_factory=dict)
    saved: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
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
            os.close(handle)
        assert not self._thread.is_alive()

    def _run(self) -> None:
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
        if (self.breaks_off and line == "help") or line.split()[0] == self.breaks_off_at:
            return shown + b"half an answ"
        return shown + "".join(f"{text}\r\n" for text in [*body, end]).encode() + b"> "

    def _command(self, words: list[str]) -> tuple[list[str], str]:
        match words:
            case ["version"]:
                return ["version: 1.0.0", f"board: {self.board}"], "ok"
            case ["status"]:
                node, generation = (self.identity[0], self.identity[2]) if self.identity else ("none", "none")
                return [f"id: {node}", f"generation: {generation}"], "ok"
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
            case ["save"] if "refused_at_save" in self.settings:
                return [], "error: these do not go together"
            case ["save"]:
                self.saved = dict(self.settings)
                return [], "ok"
            case ["exit"]:
                self.entered = False
                return [], "ok"
            case _:
                return [], f"error: unknown command {words[0]}"
