"""The registry of a gateway on this machine, asked and told through its own commands.

It decides which ids and keys are taken: a file on a laptop knows only what that laptop has done.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lyhord_tools.errors import ToolError
from lyhord_wire.ids import GATEWAY_LAST

_DEADLINE_S = 30


@dataclass(frozen=True, slots=True)
class Gateway:
    """The gateway with this configuration file. Every method raises ToolError with the gateway's own line."""

    config: Path

    def reserve(self, count: int) -> range:
        """So many ids in a row that it gives nobody else."""
        said = self._run("reserve", "--count", str(count), "--json")
        try:
            told = json.loads(said)
            ids = range(int(told["first"], 16), int(told["last"], 16) + 1)
        except (ValueError, KeyError, TypeError) as fault:
            raise ToolError("the gateway names no free ids; is its version older than this one?") from fault
        if len(ids) != count or not 1 <= ids[0] <= ids[-1] <= GATEWAY_LAST:
            raise ToolError("the gateway names ids that are none")
        return ids

    def generations(self) -> dict[int, list[int]]:
        """The nodes that it knows, and the generations of their keys."""
        try:
            told = json.loads(self._run("", "--json"))
            return {int(row["id"], 16): [int(one) for one in row["generations"]] for row in told}
        except (ValueError, KeyError, TypeError) as fault:
            raise ToolError("the gateway lists no nodes; is its version older than this one?") from fault

    def check(self, lines: Sequence[str], replace: Sequence[int] = ()) -> None:
        """Asks whether it would take these lines of `nodes import`; nothing is entered.

        replace: ids that go to another device.
        """
        self._import(lines, replace, "--check")

    def enter(self, lines: Sequence[str], replace: Sequence[int] = ()) -> None:
        """Enters these lines, all or none. Keys go through a pipe, never through an argument list."""
        self._import(lines, replace)

    def _import(self, lines: Sequence[str], replace: Sequence[int], *more: str) -> None:
        options = [word for node in replace for word in ("--replace", f"{node:06x}")]
        self._run("import", *more, *options, "-", given="".join(line + "\n" for line in lines))

    def _run(self, command: str, *words: str, given: str = "") -> str:
        beside = str(Path(sys.executable).parent)
        program = shutil.which("lyhord-gateway") or shutil.which("lyhord-gateway", path=beside)
        if program is None:
            raise ToolError("lyhord-gateway is not installed here")
        part = [command] if command else []
        try:
            done = subprocess.run(
                [program, "nodes", *part, "--config", str(self.config), *words],
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
