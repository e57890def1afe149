"""Instructions: what a gateway answers (docs/protocol.md section 3)."""

from lyhord_wire.cbor import decode, encode
from lyhord_wire.checks import U32_MAX, int_map, whole
from lyhord_wire.refusal import SCHEMA, Refused

# table: instructions
TIME = 0
STORED = 1
AGAIN = 2
SETTINGS = 3
SETTINGS_VERSION = 4
COMMAND = 5

_WHOLES = (
    (0, "time", 0, 4294967295),
    (1, "stored", 0, 4294967296),
    (4, "settings version", 0, 4294967295),
)
# end of table

_COMMAND_MAX = 8
_I32_MAX = 0x7FFFFFFF


def encode_instructions(instructions: dict[int, object]) -> bytes:
    """The payload of an instructions frame."""
    return encode(instructions)


def decode_instructions(payload: bytes) -> dict[int, object]:
    """The map in a payload, unknown keys left out.

    TIME: Unix seconds; STORED: sample number; AGAIN: (first, count); SETTINGS: {id: integer};
    SETTINGS_VERSION: integer; COMMAND: list of integers, the code first. A setting outside its
    range is not refused here: the node refuses the whole set and says so in its status. Raises
    Refused("cbor") or Refused("schema").
    """
    result: dict[int, object] = {}
    for key, value in int_map(decode(payload), "instructions").items():
        number = whole(key, 0, 255, "instruction")
        for one, name, low, high in _WHOLES:
            if number == one:
                result[number] = whole(value, low, high, name)
        if number == AGAIN:
            result[number] = _again(value)
        elif number == SETTINGS:
            result[number] = {
                whole(setting, 1, 255, "setting"): whole(item, -_I32_MAX, _I32_MAX, "setting value")
                for setting, item in int_map(value, "settings").items()
            }
        elif number == COMMAND:
            result[number] = _command(value)
    return result


def _again(value: object) -> tuple[int, int]:
    if not isinstance(value, list) or len(value) != 2:
        raise Refused(SCHEMA, "send again: expected [first, count]")
    return whole(value[0], 0, U32_MAX, "send again"), whole(value[1], 1, U32_MAX, "send again")


def _command(value: object) -> list[int]:
    if not isinstance(value, list) or not 1 <= len(value) <= _COMMAND_MAX:
        raise Refused(SCHEMA, "command: expected an array of 1…%d" % _COMMAND_MAX)
    return [whole(item, -_I32_MAX, _I32_MAX, "command") for item in value]
