"""About: what the installer typed at the node (docs/protocol.md section 2, kind 1). Not for the node, which
only encodes such a map."""

from lyhord_wire.cbor import decode, encode
from lyhord_wire.checks import int_map, whole
from lyhord_wire.fields import ABOUT
from lyhord_wire.fields import TEXT_MAX as TEXT_MAX
from lyhord_wire.refusal import SCHEMA, Refused


def encode_about(about: dict[int, int | str]) -> bytes:
    """The payload of an about frame; keys as in `tables.ABOUT`."""
    return encode(about)


def decode_about(payload: bytes) -> dict[int, int | str]:
    """The map in a payload, unknown keys left out; raises Refused("cbor") or Refused("schema")."""
    about: dict[int, int | str] = {}
    for key, value in int_map(decode(payload), "about").items():
        number = whole(key, 0, 255, "about key")
        field = ABOUT.get(number)
        if field is None:
            continue
        if field.is_whole():
            about[number] = whole(value, field.low, field.high, field.name)
        elif not isinstance(value, str) or len(value.encode()) > TEXT_MAX:
            raise Refused(SCHEMA, "%s: expected text of up to %d bytes" % (field.name, TEXT_MAX))
        else:
            about[number] = value
    return about
