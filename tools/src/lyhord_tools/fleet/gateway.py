"""The registry of a gateway on this machine, asked and told through its own commands.

It decides which ids and keys are taken: a file on a laptop knows only what that laptop has done.
"""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from lyhord_tools.errors import ToolError
from lyhord_wire.frame import NODE_MAX

_DEADLINE_S = 30


@dataclass(frozen=True, slots=True)
class Gateway:
    """The gateway with this configuration file. Every method raises ToolError with the gateway's own line."""

    config: Path

    def next_id(self) -> int:
        """The lowest id above all that it has ever given."""
        said = self._run("next-id")
        try:
            node = int(said.strip(), 16)
        except ValueError:
            node = 0
        if not 1 <= node <= NODE_MAX:
            raise ToolError("the gateway names no free id; is its version older than this one?")
        return node

    def check(self, line: str, new_device: str | None = None) -> None:
        """Asks whether it would take this line of `nodes import`; nothing is entered."""
        self._import(line, new_device, "--check")

    def enter(self, line: str, new_device: str | None = None) -> None:
        """Enters this line. The key goes through a pipe, never through an argument list."""
        self._import(line, new_device)

    def _import(self, line: str, new_device: str | None, *more: str) -> None:
        options = ("--new-device", new_device) if new_device else ()
        self._run("import", *more, *options, "-", given=line + "\n")

    def _run(self, command: str, *words: str, given: str = "") -> str:
        beside = str(Path(sys.executable).parent)
        program = shutil.which("lyhord-gateway") or shutil.which("lyhord-gateway", path=beside)
        if program is None:
            raise ToolError("lyhord-gateway is not installed here")
        try:
            done = subprocess.run(
                [program, "nodes", command, "--config", str(self.config), *words],
                input=given,
                text=True,
                encoding="utf-8",
                errors="replace",
                capture_output=True,
                timeout=_DEADLINE_S,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            raise ToolError(f"the gateway's nodes {command} does not end") from late
        if done.returncode != 0:
            said = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise ToolError(f"the gateway refuses the node: {said}")
        return done.stdout
