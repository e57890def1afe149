"""A frame, opened and explained, as one JSON-able value.

Without a key: the header, which nobody has vouched for. With it: the tag is checked first, then every sample
with its number, its time or age, and its values in the quantity's unit.
"""

import base64
import string
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from lyhord_tools.errors import ToolError

if TYPE_CHECKING:
    from lyhord_wire.frame import Cipher
from lyhord_wire import frame, instructions, tables
from lyhord_wire.about import decode_about
from lyhord_wire.fields import Field
from lyhord_wire.refusal import Refused
from lyhord_wire.report import Report, Sample, decode_report


class _Named(Protocol):
    """A row of a table."""

    @property
    def name(self) -> str: ...


Found = dict[str, object]
KeyFor = Callable[[int, int], "Cipher"]
"""Gives the cipher for (node id, low bit of the key generation)."""

_KINDS_UP = {frame.KIND_REPORT: "report", frame.KIND_ABOUT: "about"}


def frame_bytes(text: str) -> bytes:
    """Bytes of a frame in hex (0x, spaces, colons and dashes allowed) or base64 (either alphabet). Raises
    ToolError.

    Text of hex digits only is read as hex: as base64 it would not begin with E0.
    """
    packed = "".join(text.split()).replace(":", "")
    if packed[:2] in ("0x", "0X"):
        packed = packed.replace("0x", "").replace("0X", "").replace(",", "")
    dashed = packed.replace("-", "")
    if "-" in packed and all(len(pair) == 2 for pair in packed.split("-")):
        packed = dashed
    if all(char in string.hexdigits for char in packed):
        if len(packed) % 2:
            raise ToolError("the frame has an odd number of hex digits")
        return bytes.fromhex(packed)
    try:
        return base64.b64decode(packed.translate(str.maketrans("-_", "+/")), validate=True)
    except ValueError as fault:
        raise ToolError("the frame is neither hex nor base64") from fault


def decode(raw: bytes, key_for: KeyFor | None = None, answers: int | None = None) -> Found:
    """The content of the frame. A downlink opens only with `answers`, the counter of the uplink it answers.

    Times are Unix seconds, ages seconds before sending; `raw` is the integer on the wire, `value` the number
    in `unit`.

    Raises ToolError with the reason when the bytes are no frame of ours or the tag does not hold.
    """
    try:
        if frame.is_downlink(raw):
            return _downlink(raw, key_for, answers)
        if answers is not None:
            raise ToolError("--answers is for downlinks, this is an uplink")
        return _uplink(raw, key_for)
    except Refused as refusal:
        raise ToolError(f"refused ({refusal.reason}): {refusal.detail}") from refusal


def _uplink(raw: bytes, key_for: KeyFor | None) -> Found:
    sealed = frame.parse_uplink(raw)
    found: Found = {
        "direction": "up",
        "kind": _KINDS_UP[sealed.kind],
        "node": f"{sealed.node:06x}",
        "counter": sealed.counter,
        "ack_requested": sealed.ack_requested,
        "generation": sealed.generation,
        "bytes": len(raw),
        "opened": key_for is not None,
    }
    if key_for is None:
        return found
    payload = frame.open_uplink(sealed, key_for(sealed.node, sealed.generation)).payload
    if sealed.kind == frame.KIND_ABOUT:
        return found | {"about": _about(decode_about(payload))}
    return found | _report(decode_report(payload))


def _downlink(raw: bytes, key_for: KeyFor | None, answers: int | None) -> Found:
    sealed = frame.parse_downlink(raw)
    found: Found = {
        "direction": "down",
        "kind": "instructions",
        "node": f"{sealed.node:06x}",
        "gateway": sealed.gateway,
        "counter": sealed.counter,
        "more": sealed.more,
        "generation": sealed.generation,
        "bytes": len(raw),
        "opened": key_for is not None,
    }
    if key_for is None:
        return found
    if answers is None:
        raise ToolError("a downlink opens only with --answers, the counter of the uplink that it answers")
    if not 0 <= answers <= frame.COUNTER_MAX:
        raise ToolError(f"--answers is 0…{frame.COUNTER_MAX}")
    payload = frame.open_downlink(sealed, key_for(sealed.node, sealed.generation), answers).payload
    return found | {"instructions": _instructions(instructions.decode_instructions(payload))}


def _report(report: Report) -> Found:
    found: Found = {
        "seq": report.seq,
        "period": report.period,
        "samples": [_sample(sample) for sample in report.samples()],
    }
    if not report.columns:
        found |= {"time": report.time} if report.time >= 0 else {"age": -1 - report.time}
    if report.status is not None:
        found["status"] = {
            _name(tables.STATUS, key): _status(key, item) for key, item in report.status.items()
        }
    if report.alarms is not None:
        found["alarms"] = [_name(tables.ALARMS, code) for code in report.alarms]
    return found


def _sample(sample: Sample) -> Found:
    when: Found = {"age": sample.age} if sample.time is None else {"time": sample.time}
    return {"seq": sample.seq} | when | {"values": [_value(key, raw) for key, raw in sample.values.items()]}


def _value(key: int, raw: int | None) -> Found:
    quantity = tables.QUANTITIES.get(key)
    if quantity is None:
        return {"quantity": f"quantity_{key}", "raw": raw, "value": raw, "unit": ""}
    value = None if raw is None else _scaled(raw, quantity.num, quantity.den)
    return {"quantity": quantity.name, "raw": raw, "value": value, "unit": quantity.unit}


def _scaled(raw: int, numerator: int, denominator: int) -> int | float:
    """The number in its unit. Exact in decimal, so that 21.4 does not become 21.400000000000002."""
    if denominator == 1:
        return raw * numerator
    return float(Decimal(raw * numerator) / denominator)


def _status(key: int, item: int) -> object:
    if key == tables.STATUS_RESET_CAUSE:
        return tables.RESET_CAUSES.get(item, f"unknown_{item}")
    if key == tables.STATUS_FAULTS:
        return [fault.name for bit, fault in tables.FAULTS.items() if item & bit]
    return _field(tables.STATUS.get(key), item)


def _about(about: dict[int, int | str]) -> Found:
    found: Found = {}
    for key, item in about.items():
        if key == tables.ABOUT_PROFILE and isinstance(item, int):
            shown: object = tables.PROFILES.get(item, f"unknown_{item}")
        else:
            shown = _field(tables.ABOUT.get(key), item)
        found[_name(tables.ABOUT, key)] = shown
    return found


def _field(field: Field | None, item: int | str) -> object:
    """The text of a field of a status or an about, in its unit."""
    if field is None or isinstance(item, str):
        return item
    if field.shape == Field.VERSION:
        return _version(item)
    return {"value": _scaled(item, 1, field.den), "unit": field.unit} if field.unit else item


def _instructions(given: dict[int, object]) -> Found:
    found: Found = {}
    for key, item in given.items():
        if key == instructions.STORED:
            found["stored_below"] = item
        elif key == instructions.AGAIN and isinstance(item, tuple):
            found["send_again"] = {"first": item[0], "count": item[1]}
        elif key == instructions.SETTINGS and isinstance(item, dict):
            found["settings"] = [_setting(number, value) for number, value in item.items()]
        elif key == instructions.COMMAND and isinstance(item, list):
            found["command"] = {"name": _name(tables.COMMANDS, item[0]), "arguments": item[1:]}
        else:
            shown = _field(tables.INSTRUCTIONS.get(key), item) if isinstance(item, int) else item
            found[_name(tables.INSTRUCTIONS, key)] = shown
    return found


def _setting(number: int, value: int) -> Found:
    setting = tables.SETTINGS.get(number)
    if setting is None:
        return {"setting": f"setting_{number}", "value": value, "unit": ""}
    return {"setting": setting.name, "value": value, "unit": setting.unit}


def _name(table: Mapping[int, _Named], number: int) -> str:
    row = table.get(number)
    return row.name if row else f"unknown_{number}"


def _version(number: int) -> str:
    return f"{number >> 16}.{number >> 8 & 255}.{number & 255}"
