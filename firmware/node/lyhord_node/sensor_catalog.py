"""Catalogue of the sensors that may be fitted to a node: one line each, and a driver that says the rest.

A line's driver is a module of `drivers` that keeps the contract of `drivers/sensor.py`: what it needs of the
board (`NEEDS`), what a sample has of it (`QUANTITIES`), how it is opened (`open`). Lines are texts and no
tuples, because MicroPython keeps every short text of a program for ever.
"""

USUAL = "usual"  # as a text of config.py: what the node's profile usually has
NONE = "none"
_NO_DRIVER = "-"

SENSORS = (
    # slot, choice (`set ranger hcsr04` at the console), driver, and the profiles that usually have it
    "ranger hcsr04 hcsr04 bin",
    "ranger jsn_sr04t jsn_sr04t",
    "ranger jsn_sr04t_asked jsn_sr04t",
    "ranger jsn_sr04t_auto jsn_sr04t",
    "ranger jsn_sr04t_v3 jsn_sr04t",
    "ranger aj_sr04m jsn_sr04t",
    "ranger a02yyuw a02yyuw",
    "ranger mb7389 mb7389",
    "thermometer ds18b20 ds18b20 bin",
    "thermometer sht31 sht31 building",
    "co2 scd41 scd41",
    "tilt closing tilt_switch",
    "tilt opening tilt_switch",
    "pulses contact pulse_input",
    "occupancy pir pir",
    "supply battery battery bin building",
    "supply mains -",
)


def lines():
    """Each line of the catalogue as a list: slot, choice, driver, profiles."""
    for line in SENSORS:
        yield line.split()


def driver(slot, choice):
    """The driver's module, imported now; None for a choice without one. KeyError where there is no such
    choice."""
    if choice == NONE:
        return None
    for line in lines():
        if line[0] == slot and line[1] == choice:
            return None if line[2] == _NO_DRIVER else getattr(__import__("drivers." + line[2]), line[2])
    raise KeyError(choice)


def choices(slot):
    """The choices of a slot: `none` first, where another line does not say what that is."""
    found = []
    may_be_empty = True
    for line in lines():
        if line[0] == slot:
            found.append(line[1])
            may_be_empty = may_be_empty and line[2] != _NO_DRIVER
    return [NONE] + found if may_be_empty else found
