"""Checks of sensors, alone and together: what their drivers need against what the board has.

Imported at the console only; `sensor_config.py` is what a wake needs.
"""

from drivers.sensor import BUS_NUMBERS, I2C
from lyhord_node.sensor_catalog import NONE, USUAL, choices, driver
from lyhord_node.sensor_config import SLOTS, resolved

_SHARED = I2C + BUS_NUMBERS


def objection(board, slot, value):
    """The reason why `value` cannot be fitted to `board` there; None if it can. Empty: `usual`."""
    if not value or value == USUAL:
        return None
    if value not in choices(slot):
        return "%s: expected one of %s" % (slot, " ".join([USUAL] + sorted(choices(slot))))
    for name in needs(slot, value):
        if getattr(board, name) is None:
            return "%s: %s has no %s" % (slot, board.NAME, name)
    return None


def needs(slot, choice):
    """Names in a board's module that the choice takes."""
    module = driver(slot, choice)
    return module.NEEDS if module else ()


def conflict(board, texts, profile):
    """The reason why these cannot be together; None if they can. texts: of every slot; profile: name."""
    fit = resolved(texts, profile)
    if profile == "building" and fit["ranger"] != NONE:
        return "ranger: expected none in a building"
    gives = 0
    taken = {}
    for slot in SLOTS:
        why = objection(board, slot, fit[slot])
        if why:
            return why
        module = driver(slot, fit[slot])
        if module is None:
            continue
        gives += len(module.QUANTITIES)
        for name in module.NEEDS:
            pin = getattr(board, name)
            if name not in _SHARED and taken.setdefault(pin, slot) != slot:
                return "%s: its pin %d is taken by %s" % (slot, pin, taken[pin])
    return None if gives else "supply: expected battery where nothing else is measured"
