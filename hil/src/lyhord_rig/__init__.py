"""The rig: virtual boards, their wiring, and the world they live in."""

from .board import Board, Events, Exit, ExpectTimeout, State
from .ports import Line, Ports
from .wifi import AccessPoint
from .world import Handle, World

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
