"""One report: over which link, and what is to be done when the link is closed.

A start has memory for one link (link_selector.py): a report over another one waits for the next start.
Whatever goes wrong in here is a link that is down: also a heap that has no piece left which is large enough.
"""

import gc

from micropython import const

from lyhord_node import faults, pending
from lyhord_node.carriers import links as links_of
from lyhord_node.counters import Exhausted
from lyhord_node.delivery import Delivery
from lyhord_node.link import DOWN, NO_ANSWER, REFUSED, LinkDown
from lyhord_node.link_selector import OTHER_LINK, WIFI, LinkSelector
from lyhord_node.scoped_import import forget
from lyhord_wire.codes import FAULT_STORAGE, LINK, LINK_AUTO, REPORT_PERIOD

# Bytes. The heap is nearly full in a report: what lasts must not come to lie behind what does not, or the
# largest free piece shrinks from 14 to 2 KB.
_COLLECT_EVERY = const(4_096)
_ANOTHER = const(-1)  # no link of this start any more: its heap is in pieces


def send_due(node, everything, urgent=False):
    """Sends what is due over one link; urgent: even over one that rests (see link_selector.py). Returns how
    it ended, None without a link and OTHER_LINK where another start may do better, and how many samples went
    out."""
    selector = LinkSelector(node.state.link_selector.packed)
    outcome = None
    node.state.transmit.not_before = 0
    trial = node.state.probation.trial
    links = _links(node)
    name = selector.choose(links, everything or urgent)
    if name is None:
        print("the links rest")
    elif node.linked not in (None, name):
        return OTHER_LINK, 0  # and nothing is changed: the next start chooses the same
    else:
        outcome = _send_over(node, selector, name, everything)
    selector.save(node.state)
    if trial and (outcome is None or outcome.end != REFUSED or outcome.answers):
        from lyhord_node import probation

        probation.note(node, name, outcome is not None and outcome.answers > 0)
    if outcome is None:
        return OTHER_LINK if name is not None and selector.awake(links) else None, 0
    node.state.transmit.not_before = outcome.until or 0
    _afterwards(node, outcome.afterwards)
    return outcome.end, outcome.samples


def _send_over(node, selector, name, everything):
    """The Outcome, or None when the link did not open."""
    node.power.feed()
    node.linked = name
    every = gc.threshold()
    gc.threshold(_COLLECT_EVERY)
    link = None
    outcome = None
    failed = True
    try:
        link = _link(node, selector, name)
        try:
            forget("lyhord_wire.codes")  # 2 KB of names, of which all that are in memory have taken theirs
            link.open()
            delivery = Delivery(node, link, everything)
            outcome = delivery.outcome
            delivery.run()
        finally:
            link.close()
    except LinkDown as down:
        faults.note(node.state, link.fault, True)
        _note_down(node, outcome, down)
    except MemoryError as shortage:
        node.linked = _ANOTHER
        _note_down(node, outcome, shortage)
    except Exhausted as end:
        failed = False
        outcome.end = "a new key is needed, %s are used up" % end
    else:
        faults.note(node.state, link.fault, False)
        failed = outcome.end == NO_ANSWER
    gc.threshold(every)
    gc.collect()
    node.state.transmit.least_heap = gc.mem_free()  # with all that a report takes still in memory
    if node.outbox.failed:
        faults.note(node.state, FAULT_STORAGE, True)
    answered = outcome is not None and outcome.answers > 0
    if failed or answered:  # else nobody was asked
        selector.note(name, answered, node.settings[REPORT_PERIOD])
    return outcome


def _note_down(node, outcome, why):
    print("link down:", why)
    if outcome is not None:
        outcome.end = DOWN
        pending.count(node.state, failures=1)


def _links(node):
    every = links_of(node, LINK_AUTO)
    if node.boot_guard.is_safe and not node.state.pending.alarms:
        return [WIFI] if WIFI in every else []
    # Settings of an older firmware may name a link that is not there: never silent for that.
    return links_of(node, node.settings[LINK]) or every


def _link(node, selector, name):
    """The link; its module is imported when its turn comes."""
    if name == WIFI:
        from lyhord_node.wifi_link import WifiLink

        return WifiLink(node)
    from lyhord_node.lora_link import LoraLink

    return LoraLink(node, selector)


def _afterwards(node, orders):
    if orders.blinks:
        from lyhord_node import hardware

        for _ in range(orders.blinks):
            for on in (True, False):
                hardware.led(node.board, on)
                node.power.nap_ms(200)
    if orders.restart:
        from machine import reset

        print("restart")
        node.state.save()
        reset()
