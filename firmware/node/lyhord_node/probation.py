"""Settings that could cut the node off are tried before they are kept.

    an order that touches the link ──▶ on trial ──an answer under the new settings──▶ confirmed
                                         │ four reports without one
                                         ▼
                                       the last confirmed ones again, told by a fault bit and their version

The confirmed settings wait in NVS meanwhile, so a trial outlives power cuts. What an installer saves at the
console counts as confirmed: somebody is there, and `send` shows at once whether it works. A version that was
put back is refused when it comes again; a new one is tried.
"""

from micropython import const

from lyhord_node import changes, faults, link_selector, pending, settings
from lyhord_node.link_selector import LORA
from lyhord_node.state import STATUS_MATTERS
from lyhord_wire.codes import CHANNELS, FASTEST_SF, FAULT_SETTINGS, LINK, SPREADING_FACTOR, TX_POWER

_OF_LORA = (SPREADING_FACTOR, CHANNELS, FASTEST_SF, TX_POWER)
_TRIES = const(4)
_KEY = "settings_good"  # in NVS: what to go back to


def _differ(one, other, keys):
    for key in keys:
        if one[key] != other[key]:
            return True
    return False


def begin(state, nvs):
    """After a power loss: a trial goes on."""
    state.probation.trial = int(nvs.blob(_KEY) is not None)


def take(node, wanted):
    """Makes `wanted`, of a downlink, the node's settings; on trial where they touch the link."""
    confirmed = settings.unpack(node.nvs.blob(_KEY))
    before = confirmed or node.settings
    if not _differ(before, wanted, _OF_LORA + (LINK,)):
        end(node)
    elif confirmed is None or _differ(node.settings, wanted, _OF_LORA + (LINK,)):
        node.nvs.set_blob(_KEY, settings.pack(before))  # before the new ones: a power cut leaves either
        node.state.probation.trial = 1
    changes.apply(node, wanted)


def end(node):
    """The present settings are confirmed; durable after the caller's commit."""
    node.state.probation.trial = 0
    forget(node.nvs)


def forget(nvs):
    """No settings are left to go back to; durable after the caller's commit."""
    nvs.erase(_KEY)


def note(node, link, answered):
    """Notes the outcome of a report on trial; link: of link_selector.py, None where all rest."""
    state = node.state
    confirmed = settings.unpack(node.nvs.blob(_KEY))
    if confirmed is None:
        state.probation.trial = 0
    elif answered:
        if link == LORA or not _differ(confirmed, node.settings, _OF_LORA):  # else LoRa has yet to show it
            end(node)
            node.nvs.commit()
            print("settings confirmed")
    elif state.probation.trial < _TRIES:
        state.probation.trial += 1
    else:
        state.probation.put_back = node.settings.version
        changes.apply(node, confirmed)
        end(node)
        node.nvs.commit()
        faults.note(state, FAULT_SETTINGS, True)
        pending.due(state, STATUS_MATTERS)
        link_selector.forget(state)
        print("settings put back")
