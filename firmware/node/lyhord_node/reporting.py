"""One report: over which link, and what is to be done when the link is closed."""

from lyhord_node import config
from lyhord_node.counters import Exhausted
from lyhord_node.delivery import Delivery
from lyhord_node.instructions import step_clock
from lyhord_node.link import LinkDown
from lyhord_wire.codes import LINK, LINK_AUTO, LINK_LORA, LINK_WIFI


def send_due(node, everything):
    """Sends what is due over the first link that works. Returns how it ended, None without a link, and how
    many samples went out."""
    outcome = None
    node.state.not_before = 0
    for link in _links(node):
        node.power.feed()
        try:
            link.open()
            try:
                delivery = Delivery(node, link, everything)
                outcome = delivery.outcome
                delivery.run()
            finally:
                link.close()
        except LinkDown as down:
            node.state.faults |= link.fault
            print("link down:", down)
            if outcome is None:
                continue  # nothing was said yet: the next link may do
            node.state.failures = min(0xFFFF, node.state.failures + 1)
        except Exhausted as end:
            outcome.end = "a new key is needed, %s are used up" % end
        else:
            node.state.faults &= ~link.fault
        break
    if outcome is None:
        return None, 0
    node.state.not_before = outcome.until or 0
    _afterwards(node, outcome.afterwards)
    return outcome.end, outcome.samples


def _links(node):
    """The links to try, in order. Their modules are imported when their turn comes."""
    wanted = node.settings[LINK]
    has_wifi = bool(config.text(node.store, "wifi_ssid") and config.text(node.store, "broker_host"))
    if node.board.HAS_WIFI and has_wifi and wanted in (LINK_AUTO, LINK_WIFI):
        from lyhord_node.wifi_link import WifiLink

        yield WifiLink(node)
    if node.board.HAS_LORA and wanted in (LINK_AUTO, LINK_LORA):
        from lyhord_node.lora_link import LoraLink

        yield LoraLink(node)


def _afterwards(node, orders):
    if orders.delta is not None and (orders.delta or not node.state.clock_set):
        step_clock(node, orders.delta)
        print("clock set,", orders.delta, "s")
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
