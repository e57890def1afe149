"""The about report: what the installer typed at the node, in as few frames as it fits into."""

from lyhord_node import config
from lyhord_wire.cbor import encode
from lyhord_wire.codes import (
    ABOUT_BOARD,
    ABOUT_EMPTY_DISTANCE,
    ABOUT_FULL_DISTANCE,
    ABOUT_LATITUDE,
    ABOUT_LONGITUDE,
    ABOUT_NAME,
    ABOUT_PROFILE,
    ABOUT_VERSION,
    EMPTY_DISTANCE,
    FULL_DISTANCE,
)


def about_map(node):
    """All that is known, keys as in `lyhord_wire.tables.ABOUT`; what was never typed is left out."""
    nvs, settings = node.nvs, node.settings
    about = {
        ABOUT_NAME: config.text(nvs, "name"),
        ABOUT_LATITUDE: config.micro_degrees(config.text(nvs, "latitude")),
        ABOUT_LONGITUDE: config.micro_degrees(config.text(nvs, "longitude")),
        ABOUT_PROFILE: config.PROFILES[config.text(nvs, "profile")],
        ABOUT_BOARD: node.board.NAME,
        ABOUT_EMPTY_DISTANCE: settings[EMPTY_DISTANCE] or None,
        ABOUT_FULL_DISTANCE: settings[FULL_DISTANCE] or None,
        ABOUT_VERSION: node.version,
    }
    return {key: value for key, value in about.items() if value not in (None, "")}


def parts(node, payload_max):
    """The about report as payloads of at most `payload_max` bytes each; at 48 bytes they are two or three."""
    about = about_map(node)
    payloads = []
    piece = {}
    for key in sorted(about):
        wider = dict(piece)
        wider[key] = about[key]
        if piece and len(encode(wider)) > payload_max:
            payloads.append(encode(piece))
            wider = {key: about[key]}
        piece = wider
    payloads.append(encode(piece))
    return payloads
