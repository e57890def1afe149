"""Factory reset: a node's old life goes; who it is stays, unless that is to go too.

    begun, in NVS ─▶ log ─▶ texts, settings ─▶ (identity, shelf) ─▶ done
         └ the power goes anywhere: the next start does all of it again

What never begins anew stays: frame counters and sample numbers, which must not repeat, and the duty ledger,
which is the law's. Erased NVS entries can be read from the chip's flash until they are written over; where
that matters, the whole flash is erased (`lyhord wipe`).
"""

import os

from micropython import const

from lyhord_node import config

_BEGUN = "factory"  # in NVS: KEEP or ALL while it is not done
KEEP = const(1)  # the identity stays
ALL = const(2)
_LOG = "/log"
_LIFE = ("settings", "settings_old", "settings_good", "session")
_WHO = ("key", "node", "generation", "shelf")


def reset(nvs, what):
    """All of it; the caller starts the node anew, which still knows its old life."""
    from machine import RTC

    nvs.set_number(_BEGUN, what)
    nvs.commit()
    finish(nvs)
    RTC().memory(b"")


def finish(nvs):
    """Does what is begun, from its beginning."""
    what = nvs.number(_BEGUN, 0)
    try:
        for name in os.listdir(_LOG):
            os.remove(_LOG + "/" + name)
    except OSError as fault:  # there is none, or the flash refuses; then its samples stay, all else goes
        print("log:", fault)
    for name in config.FIELDS:
        nvs.erase(name)
    for name in _LIFE:
        nvs.erase(name)
    if what == ALL:
        for name in _WHO:
            nvs.erase(name)
    nvs.erase(_BEGUN)
    nvs.commit()
