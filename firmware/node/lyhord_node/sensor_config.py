"""Sensors that are soldered to this node: slot → choice of the catalogue, as the installer has told it."""

from lyhord_node import config
from lyhord_node.sensor_catalog import NONE, USUAL, lines

SLOTS = ("ranger", "thermometer", "co2", "tilt", "pulses", "occupancy", "supply")  # texts of `config.py`


def load(nvs):
    """slot → choice, for every slot."""
    return resolved({slot: config.text(nvs, slot) for slot in SLOTS}, config.text(nvs, "profile"))


def resolved(texts, profile):
    """slot → choice for the slots' texts and the profile's name."""
    fit = dict(texts)
    for slot in SLOTS:
        if fit[slot] == USUAL:
            fit[slot] = NONE
    for line in lines():
        if texts[line[0]] == USUAL and profile in line[3:]:
            fit[line[0]] = line[1]
    return fit
