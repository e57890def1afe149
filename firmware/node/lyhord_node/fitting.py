"""What may be fitted to a board: one table of slots and choices, and why something cannot be.

Imported at the console only; `fitted.py` is what a wake needs.
"""

from lyhord_node import config
from lyhord_node.fitted import NONE, SLOTS, USUAL, resolved
from lyhord_wire.codes import PROFILE_BUILDING

_PULSE = ("ULTRASONIC_TRIGGER", "ULTRASONIC_ECHO")
_SERIAL = ("ULTRASONIC_TRIGGER", "ULTRASONIC_ECHO", "ULTRASONIC_UART")
_I2C = ("I2C_BUS", "I2C_SCL", "I2C_SDA")  # the only pins that several may share
_TILT = ("TILT_SWITCH",)
_NOTHING = ()
_NO_QUANTITY = (NONE, "mains", "closing", "opening")  # a sample of nothing else would be empty

# slot: {choice: what it needs of the board module}
CHOICES = {
    "ranger": {
        NONE: _NOTHING,
        "hcsr04": _PULSE,
        "jsn_sr04t": _PULSE,
        "jsn_sr04t_asked": _SERIAL,
        "jsn_sr04t_auto": _SERIAL,
        "jsn_sr04t_v3": _SERIAL,
        "aj_sr04m": _SERIAL,
        "a02yyuw": _SERIAL,
        "mb7389": _SERIAL,
    },
    "thermometer": {NONE: _NOTHING, "ds18b20": ("ONE_WIRE",), "sht31": _I2C},
    "co2": {NONE: _NOTHING, "scd41": _I2C},
    "tilt": {NONE: _NOTHING, "closing": _TILT, "opening": _TILT},
    "pulses": {NONE: _NOTHING, "contact": ("PULSE_INPUT",)},
    "occupancy": {NONE: _NOTHING, "pir": ("MOTION",)},
    "supply": {"battery": ("BATTERY_ADC",), "mains": _NOTHING},
}


def objection(board, slot, value):
    """Why `value` (text) cannot be fitted to `board` there; None if it can. An empty text is `usual`."""
    if not value or value == USUAL:
        return None
    needs = CHOICES[slot].get(value)
    if needs is None:
        return "%s: expected one of %s" % (slot, " ".join([USUAL] + sorted(CHOICES[slot])))
    for name in needs:
        if getattr(board, name) is None:
            return "%s: %s has no %s" % (slot, board.NAME, name)
    return None


def conflict(board, texts, profile):
    """Why these sensors cannot be together; None if they can. texts: of every slot; profile: its name."""
    fit = resolved(texts, profile)
    if config.PROFILES[profile] == PROFILE_BUILDING and fit["ranger"] != NONE:
        return "ranger: expected none in a building"
    if not [slot for slot in SLOTS if fit[slot] not in _NO_QUANTITY]:
        return "supply: expected battery where nothing else is measured"
    taken = {}
    for slot in SLOTS:
        why = objection(board, slot, fit[slot])
        if why:
            return why
        for name in CHOICES[slot][fit[slot]]:
            pin = getattr(board, name)
            if name not in _I2C and taken.setdefault(pin, slot) != slot:
                return "%s: its pin %d is taken by %s" % (slot, pin, taken[pin])
    return None
