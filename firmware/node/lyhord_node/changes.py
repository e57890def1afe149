"""Making new settings count: durably, and with what follows from them."""

from lyhord_node import pending, schedule, settings
from lyhord_node.carriers import links
from lyhord_node.state import ABOUT_ALL
from lyhord_wire.codes import EMPTY_DISTANCE, FULL_DISTANCE, LINK, REPORT_PERIOD, SAMPLE_PERIOD


def link_objection(node, wanted, texts=()):
    """The reason why the settings `wanted` would leave this node without a link; None if they leave one."""
    from lyhord_wire.codes import LINK_LORA, LINK_WIFI

    if links(node, wanted[LINK], texts):
        return None
    if wanted[LINK] == LINK_WIFI:
        return "link: 2 needs a board with WiFi, wifi_ssid and broker_host"
    return "link: 1 needs a board with LoRa" if wanted[LINK] == LINK_LORA else None


def apply(node, wanted):
    """Makes `wanted` the node's settings; nothing is written where nothing changed."""
    before = node.settings
    if wanted.values == before.values and wanted.version == before.version:
        return
    settings.save(node.nvs, wanted)
    node.nvs.commit()
    node.settings = wanted
    schedule.begin_anew(
        node.state,
        before[SAMPLE_PERIOD] != wanted[SAMPLE_PERIOD],
        before[REPORT_PERIOD] != wanted[REPORT_PERIOD],
    )
    if before[EMPTY_DISTANCE] != wanted[EMPTY_DISTANCE] or before[FULL_DISTANCE] != wanted[FULL_DISTANCE]:
        pending.due(node.state, about=ABOUT_ALL)
