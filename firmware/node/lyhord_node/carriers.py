"""The links that this node can use: by its board, its settings, and what an installer has typed."""

from lyhord_node.link_selector import usable


def links(node, wanted, texts=()):
    """The links that the setting `link` = wanted leaves this node, the preferred one first
    (link_selector.py). texts: of config.py, which is not in memory in a report, and not saved yet."""
    has_wifi = node.board.HAS_WIFI
    for name in ("wifi_ssid", "broker_host"):
        has_wifi = has_wifi and (texts[name] if name in texts else node.nvs.blob(name))
    return usable(wanted, node.board.HAS_LORA, bool(has_wifi))
