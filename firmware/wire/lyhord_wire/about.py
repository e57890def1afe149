"""About: what the installer typed at the node (docs/protocol.md section 2, kind 1)."""

from lyhord_wire.cbor import decode, encode
from lyhord_wire.checks import int_map, whole
from lyhord_wire.codes import (
    ABOUT_BOARD,
    ABOUT_EMPTY_DISTANCE,
    ABOUT_FULL_DISTANCE,
    ABOUT_LATITUDE,
    ABOUT_LONGITUDE,
    ABOUT_NAME,
    ABOUT_PROFILE,
    ABOUT_VERSION,
)
from lyhord_wire.refusal import SCHEMA, Refused

TEXT_MAX = 24  # bytes

_RANGES = {
    ABOUT_LATITUDE: ("latitude", -90_000_000, 90_000_000),
    ABOUT_LONGITUDE: ("longitude", -180_000_000, 180_000_000),
    ABOUT_PROFILE: ("profile", 1, 255),
    ABOUT_EMPTY_DISTANCE: ("empty_distance", 0, 20000),
    ABOUT_FULL_DISTANCE: ("full_distance", 0, 20000),
    ABOUT_VERSION: ("firmware_version", 0, 0xFFFFFF),
}
_TEXTS = {ABOUT_NAME: "name", ABOUT_BOARD: "board"}


def encode_about(about: dict[int, int | str]) -> bytes:
    """The payload of an about frame; keys as in `tables.ABOUT`."""
    return encode(about)


def decode_about(payload: bytes) -> dict[int, int | str]:
    """The map in a payload, unknown keys left out; raises Refused("cbor") or Refused("schema")."""
    about: dict[int, int | str] = {}
    for key, value in int_map(decode(payload), "about").items():
        number = whole(key, 0, 255, "about key")
        if number in _TEXTS:
            if not isinstance(value, str) or len(value.encode()) > TEXT_MAX:
                raise Refused(SCHEMA, "%s: expected text of up to %d bytes" % (_TEXTS[number], TEXT_MAX))
            about[number] = value
        elif number in _RANGES:
            name, low, high = _RANGES[number]
            about[number] = whole(value, low, high, name)
    return about
