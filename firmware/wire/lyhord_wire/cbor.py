"""CBOR, as much of it as our messages need: RFC 8949 core deterministic encoding (section 4.2.1).

Integers of 64 bits, byte strings, text, arrays, maps, null. Everything else (floats, tags,
booleans, indefinite lengths, a longer form where a shorter one exists, unsorted or repeated map
keys, bytes after the end) is refused, so that one value has exactly one encoding.
"""

from lyhord_wire.refusal import CBOR, Refused

MAX_DEPTH = 5  # an instruction map holds an array or a map; nothing of ours goes deeper than 3

# Major types, in the three bits that they have in front of an item.
_UINT = 0x00
_NINT = 0x20
_BYTES = 0x40
_TEXT = 0x60
_ARRAY = 0x80
_MAP = 0xA0
_TAG = 0xC0  # from here on nothing is ours but null
_NULL = 0xF6


def encode(value: object) -> bytes:
    """The deterministic encoding of int, None, bytes, bytearray, str, list, tuple or dict.

    Map keys may be integers and texts. Raises TypeError or ValueError for a value that has no
    place in our messages: that is a bug of the caller.
    """
    out = bytearray()
    _encode(out, value)
    return bytes(out)


def _encode(out: bytearray, value: object) -> None:
    if value is None:
        out.append(_NULL)
    elif isinstance(value, bool):
        raise TypeError("cbor: bool")
    elif isinstance(value, int):
        if value >= 0:
            _head(out, _UINT, value)
        else:
            _head(out, _NINT, -1 - value)
    elif isinstance(value, (bytes, bytearray)):
        _head(out, _BYTES, len(value))
        out.extend(value)
    elif isinstance(value, str):
        text = value.encode()
        _head(out, _TEXT, len(text))
        out.extend(text)
    elif isinstance(value, (list, tuple)):
        _head(out, _ARRAY, len(value))
        for item in value:
            _encode(out, item)
    elif isinstance(value, dict):
        # Deterministic order is that of the encoded keys, compared byte by byte.
        pairs = sorted([(encode(key), item) for key, item in value.items()], key=_first)
        _head(out, _MAP, len(pairs))
        for key, item in pairs:
            out.extend(key)
            _encode(out, item)
    else:
        raise TypeError("cbor: " + type(value).__name__)


def _first(pair: tuple[bytes, object]) -> bytes:
    return pair[0]


def _head(out: bytearray, major: int, argument: int) -> None:
    if argument < 24:
        out.append(major | argument)
        return
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << (8 * size):
            out.append(major | info)
            out.extend(argument.to_bytes(size, "big"))
            return
    raise ValueError("cbor: integer over 64 bits")


def decode(data: bytes) -> object:
    """The one value that `data` is the deterministic encoding of; maps become dicts.

    Raises Refused("cbor") for anything else, at the first byte that shows it. Memory is bounded by
    the length of `data`: a declared length is believed only when that many bytes are there.
    """
    value, end = _decode(data, 0, 0)
    if end != len(data):
        raise Refused(CBOR, "bytes after the end")
    return value


def _decode(data: bytes, at: int, depth: int) -> tuple[object, int]:
    if at >= len(data):
        raise Refused(CBOR, "ends too early")
    first = data[at]
    argument = first & 31
    at += 1
    if argument >= 24:
        argument, at = _argument(data, at, argument)
    if first < _NINT:
        return argument, at
    if first < _BYTES:
        return -1 - argument, at
    if first < _ARRAY:
        end = at + argument
        if end > len(data):
            raise Refused(CBOR, "ends too early")
        chunk = data[at:end]
        return (chunk if first < _TEXT else _text(chunk)), end
    if first >= _TAG:
        if first == _NULL:
            return None, at
        raise Refused(CBOR, "a type we do not use")
    if depth >= MAX_DEPTH:
        raise Refused(CBOR, "nested too deeply")
    # Every element takes at least one byte, so a longer claim is a lie: refuse before allocating.
    if argument * (1 if first < _MAP else 2) > len(data) - at:
        raise Refused(CBOR, "ends too early")
    if first < _MAP:
        return _array(data, at, argument, depth + 1)
    return _map(data, at, argument, depth + 1)


def _argument(data: bytes, at: int, info: int) -> tuple[int, int]:
    """The argument in the bytes from `at` on, where the five bits in front have no room for it."""
    if info > 27:
        raise Refused(CBOR, "indefinite or reserved length")
    end = at + (1 << (info - 24))
    if end > len(data):
        raise Refused(CBOR, "ends too early")
    argument = int.from_bytes(data[at:end], "big")
    if argument < (24, 1 << 8, 1 << 16, 1 << 32)[info - 24]:
        raise Refused(CBOR, "not the shortest form")
    return argument, end


def _text(chunk: bytes) -> str:
    # Not `raise … from`: MicroPython prints a warning for it, in the middle of a bridge's messages.
    text = _utf8(chunk)
    if text is None:
        raise Refused(CBOR, "text is not UTF-8")
    return text


def _utf8(chunk: bytes) -> str | None:
    """The text, or None. As strict as CPython (RFC 3629) on MicroPython too, whose own decoder
    lets overlong forms, surrogates and characters beyond U+10FFFF through."""
    try:
        text = chunk.decode()
    except ValueError:
        return None
    size = 0
    for character in text:
        point = ord(character)
        if 0xD800 <= point < 0xE000 or point > 0x10FFFF:
            return None
        size += 1 if point < 0x80 else 2 if point < 0x800 else 3 if point < 0x10000 else 4
    return text if size == len(chunk) else None


def _array(data: bytes, at: int, count: int, depth: int) -> tuple[list[object], int]:
    items: list[object] = []
    size = len(data)
    for _ in range(count):
        # Most are integers of one byte: here they cost a quarter of what a call costs.
        first = data[at] if at < size else _NULL
        if first < 0x18:
            items.append(first)
            at += 1
        elif 0x20 <= first < 0x38:
            items.append(0x1F - first)
            at += 1
        elif first < 0x20:
            number, at = _argument(data, at + 1, first & 31)
            items.append(number)
        else:
            item, at = _decode(data, at, depth)
            items.append(item)
    return items, at


def _map(data: bytes, at: int, count: int, depth: int) -> tuple[dict[object, object], int]:
    items: dict[object, object] = {}
    previous = b""
    for _ in range(count):
        start = at
        first = data[at] if at < len(data) else _NULL
        key: object = first
        if first < 0x18:  # as most keys are
            at += 1
        else:
            key, at = _decode(data, at, depth)
            if not isinstance(key, (int, str)):
                raise Refused(CBOR, "map key is neither integer nor text")
        encoded = data[start:at]
        if encoded <= previous:
            raise Refused(CBOR, "map keys repeated or not in order")
        previous = encoded
        items[key], at = _decode(data, at, depth)
    return items, at
