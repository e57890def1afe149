"""The program on a board: asked at its console after a reset, in words that change nothing.

reset by RTS, where it is wired ─▶ Enter ─▶ version, status ─▶ or what the line says by itself
"""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from lyhord_tools.device.console import NoAnswer, NodeConsole, fields
from lyhord_tools.errors import ToolError

_TOGETHER = 8
_MICROPYTHON = re.compile(r"MicroPython v(\d+\.\d+[\w.\-]*)")
_EMPTY = "invalid header: 0xffffffff"  # the ROM's loader where the flash is erased
_PROMPT = ">>>"


@dataclass(frozen=True, slots=True)
class Found:
    """The program on a board. `kind`: lyhord, micropython, empty, other, silent, busy where the port is held
    by another; the rest is null where it was not told. `node`: its id, or none before provisioning."""

    kind: str
    detail: str | None = None
    app: str | None = None
    version: str | None = None
    board: str | None = None
    mac: str | None = None
    node: str | None = None
    shelf: bool | None = None


def probe(urls: Sequence[str], timeout_s: float) -> list[Found | None]:
    """The program behind each port, asked side by side. timeout_s: of each."""
    if not urls:
        return []
    with ThreadPoolExecutor(min(len(urls), _TOGETHER)) as pool:
        return list(pool.map(lambda url: look(url, timeout_s), urls))


def look(url: str, timeout_s: float) -> Found:
    """The program behind one port."""
    try:
        with NodeConsole(url) as console:
            try:
                console.enter(timeout_s)
                return _told(console)
            except NoAnswer:
                return _guessed("\n".join(console.heard))
    except ToolError as fault:
        return Found("busy", str(fault))


def _told(console: NodeConsole) -> Found:
    version, status = fields(console.command("version")), fields(console.command("status"))
    return Found(
        "lyhord",
        app=version.get("app", "node"),
        version=version.get("version"),
        board=version.get("board"),
        mac=version.get("mac"),
        node=status.get("id"),
        shelf=status["shelf"] == "yes" if "shelf" in status else None,
    )


def _guessed(heard: str) -> Found:
    if named := _MICROPYTHON.search(heard):
        return Found("micropython", version=named[1])
    if _PROMPT in heard:
        return Found("micropython")
    if _EMPTY in heard:
        return Found("empty", "the flash holds nothing: lyhord flash")
    if heard.strip():
        return Found("other", heard.strip().splitlines()[-1])
    return Found("silent", "nothing came: press its reset button, or hold BOOT and press RESET to flash it")
