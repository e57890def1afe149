"""The rig: virtual boards, their wiring, and the world they live in."""

from .board.board import Board, Events, Exit, ExpectTimeout, State
from .board.ports import Line, Ports
from .wifi.station import AccessPoint
from .world.clock import Handle, World

__all__ = [
    "AccessPoint",
    "Board",
    "Events",
    "Exit",
    "ExpectTimeout",
    "Handle",
    "Line",
    "Ports",
    "State",
    "World",
]
