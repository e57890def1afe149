"""JSON as packet forwarders write it: `NaN`, a NUL or junk behind the end, a byte order mark, keys that come
twice, bytes that are no UTF-8. Whatever can be read is read.

It is the slow way, for what the strict decoder does not take. `json` of the standard library is lenient
where it is asked to be, and its recursion is bounded.
"""

import json
import re

_BLANK = "\ufeff\0 \t\r\n"
_BETWEEN = re.compile(r"[\s,\0]*")
_BROKEN_MAX = 8  # entries of one list that cannot be read, until the rest is given up


class NotJson(Exception):
    """There is no JSON value at the beginning."""


def read(data: bytes) -> object:
    """The value at the beginning of `data`; what follows it is not looked at. Raises NotJson."""
    text = _text(data)
    try:
        return _decoder.raw_decode(text)[0]
    except (ValueError, RecursionError) as error:
        raise NotJson from error


def objects_of(data: bytes, key: str) -> list[object]:
    """The whole objects in the first list under `key`, of a text that as a whole is broken or cut off."""
    text = _text(data)
    begin = re.search(rf'"{re.escape(key)}"\s*:\s*\[', text)
    found: list[object] = []
    at, broken = begin.end() if begin else len(text), 0
    while broken < _BROKEN_MAX:
        space = _BETWEEN.match(text, at)
        at = space.end() if space else at
        if text[at : at + 1] == "]" or (at := text.find("{", at)) < 0:
            break
        try:
            value, at = _decoder.raw_decode(text, at)
            found.append(value)
        except (ValueError, RecursionError):
            at, broken = at + 1, broken + 1
    return found


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace").lstrip(_BLANK)


def _merged(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object whose keys may come twice: lists are joined, null yields, otherwise the last one counts."""
    merged: dict[str, object] = {}
    for key, value in pairs:
        before = merged.get(key)
        if isinstance(before, list) and isinstance(value, list):
            before.extend(value)
        elif before is None or value is not None:
            merged[key] = value
    return merged


_decoder = json.JSONDecoder(object_pairs_hook=_merged, strict=False)
