"""Which sensors are soldered to this node: slot → choice, as the installer has told it."""

from lyhord_node import config
from lyhord_wire.codes import PROFILE_BIN, PROFILE_BUILDING

USUAL = "usual"  # what the node's profile usually has
NONE = "none"
SLOTS = ("ranger", "thermometer", "co2", "tilt", "pulses", "occupancy", "supply")  # texts of `config.py`

_USUALLY = {
    PROFILE_BIN: ("hcsr04", "ds18b20", NONE, NONE, NONE, NONE, "battery"),
    PROFILE_BUILDING: (NONE, "sht31", NONE, NONE, NONE, NONE, "battery"),
}


def load(store):
    """slot → choice, for every slot."""
    return resolved({slot: config.text(store, slot) for slot in SLOTS}, config.text(store, "profile"))


def resolved(texts, profile):
    """slot → choice for the slots' texts and the profile's name."""
    usually = _USUALLY[config.PROFILES[profile]]
    return {slot: usually[place] if texts[slot] == USUAL else texts[slot] for place, slot in enumerate(SLOTS)}
