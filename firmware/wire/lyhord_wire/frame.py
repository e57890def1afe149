"""Frames: the eight or nine plain bytes in front, and what is sealed behind them.

A frame is parsed once, into `SealedUplink` or `SealedDownlink`: header fields that nobody has
vouched for yet. Only `open_uplink` and `open_downlink`, which check the tag, give the *Opened*
types with a payload. docs/protocol.md section 1; RFC 9052 (COSE_Encrypt0), RFC 3610.

A *cipher* is an object with `seal(nonce, plaintext, aad) -> bytes` and
`open(nonce, sealed, aad) -> bytes or None` for AES-CCM-16-64-128 under one key.
"""

from lyhord_wire.refusal import DIRECTION, KIND, LENGTH, NOT_OURS, TAG, VERSION, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Cipher(Protocol):
        def seal(self, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes: ...

        def open(self, nonce: bytes, sealed: bytes, aad: bytes) -> bytes | None: ...


KIND_REPORT = 0
KIND_ABOUT = 1
KIND_INSTRUCTIONS = 0

NODE_MAX = 0xFFFFFF
COUNTER_MAX = 0xFFFFFF
GATEWAY_MAX = 255
MAX_FRAME = 222
UPLINK_HEADER = 8
DOWNLINK_HEADER = 9
TAG_SIZE = 8
UPLINK_OVERHEAD = UPLINK_HEADER + TAG_SIZE
DOWNLINK_OVERHEAD = DOWNLINK_HEADER + TAG_SIZE

_MHDR = 0xE0  # LoRaWAN's MHDR for proprietary frames
_VERSION = 0x40
_DOWN = 0x20
_FLAG = 0x10  # up: acknowledgement requested; down: more downlinks wait
_ODD = 0x08  # key generation
_AAD = b"\x83\x68Encrypt0\x43\xa1\x01\x0a"  # ["Encrypt0", h'A1010A', bstr that follows]


def max_frame(sf: int) -> int:
    """Bytes that a whole frame may have at spreading factor 7…12 (docs/protocol.md section 1)."""
    if sf >= 10:
        return 64
    return 128 if sf == 9 else MAX_FRAME


# Written out in each of the four: a base class costs a node 700 bytes of heap, a gateway a call per frame.


class SealedUplink:
    """An uplink as heard: nobody has vouched for any of its fields yet. generation: the key generation's low
    bit, 0 or 1, here and below."""

    # A gateway makes tens of thousands a second.
    __slots__ = ("ack_requested", "counter", "generation", "kind", "node", "raw")

    def __init__(
        self, node: int, counter: int, kind: int, generation: int, ack_requested: bool, raw: bytes
    ) -> None:
        self.node = node
        self.counter = counter
        self.kind = kind
        self.generation = generation
        self.ack_requested = ack_requested
        self.raw = raw


class OpenedUplink:
    """An uplink whose tag held: all fields are the node's own words."""

    __slots__ = ("ack_requested", "counter", "generation", "kind", "node", "payload")

    def __init__(
        self, node: int, counter: int, kind: int, generation: int, ack_requested: bool, payload: bytes
    ) -> None:
        self.node = node
        self.counter = counter
        self.kind = kind
        self.generation = generation
        self.ack_requested = ack_requested
        self.payload = payload


class SealedDownlink:
    """A downlink as heard: nobody has vouched for any of its fields yet."""

    def __init__(
        self, node: int, gateway: int, counter: int, kind: int, generation: int, more: bool, raw: bytes
    ) -> None:
        self.node = node
        self.counter = counter
        self.kind = kind
        self.generation = generation
        self.gateway = gateway
        self.more = more
        self.raw = raw


class OpenedDownlink:
    """A downlink whose tag held, sealed as the answer to one certain uplink."""

    def __init__(
        self, node: int, gateway: int, counter: int, kind: int, generation: int, more: bool, payload: bytes
    ) -> None:
        self.node = node
        self.counter = counter
        self.kind = kind
        self.generation = generation
        self.gateway = gateway
        self.more = more
        self.payload = payload


def seal_uplink(
    cipher: "Cipher",
    node: int,
    counter: int,
    kind: int,
    payload: bytes,
    ack_requested: bool = False,
    generation: int = 0,
) -> bytes:
    """The whole frame. node: 1…FFFFFF; counter: 0…FFFFFF, never used before under this key; kind:
    0…7; payload: up to 206 bytes, and less on a slow carrier (`max_frame`). Else ValueError."""
    if not 0 <= kind <= 7:
        raise ValueError("kind: expected 0…7")
    _fits(payload, UPLINK_OVERHEAD)
    control = _VERSION | (_FLAG if ack_requested else 0) | (_ODD if generation & 1 else 0) | kind
    header = _header(control, node) + _three(counter, 0, "counter")
    return header + cipher.seal(_nonce(0, 0, node, counter), payload, _aad(header))


def parse_uplink(raw: bytes) -> SealedUplink:
    """Header fields of an uplink; raises Refused before anything is decoded or decrypted."""
    control = _control(raw, UPLINK_OVERHEAD)
    if control & _DOWN:
        raise Refused(DIRECTION, "a downlink where an uplink was due")
    kind = control & 7
    if kind > KIND_ABOUT:
        raise Refused(KIND, "uplink kind %d" % kind)
    return SealedUplink(
        _node(raw),
        int.from_bytes(raw[5:8], "big"),
        kind,
        1 if control & _ODD else 0,
        bool(control & _FLAG),
        bytes(raw),
    )


def open_uplink(sealed: SealedUplink, cipher: "Cipher") -> OpenedUplink:
    """Checks the tag and decrypts; raises Refused("tag")."""
    raw = sealed.raw
    payload = cipher.open(
        _nonce(0, 0, sealed.node, sealed.counter), raw[UPLINK_HEADER:], _aad(raw[:UPLINK_HEADER])
    )
    if payload is None:
        raise Refused(TAG, "not sealed with this node's key")
    return OpenedUplink(
        sealed.node, sealed.counter, sealed.kind, sealed.generation, sealed.ack_requested, payload
    )


def seal_downlink(
    cipher: "Cipher",
    node: int,
    gateway: int,
    counter: int,
    answers: int,
    payload: bytes,
    generation: int = 0,
    more: bool = False,
) -> bytes:
    """The whole frame that answers the uplink with counter `answers`; gateway: number 1…255; payload:
    up to 205 bytes, and less on a slow carrier (`max_frame`). Else ValueError."""
    _fits(payload, DOWNLINK_OVERHEAD)
    if not 1 <= gateway <= GATEWAY_MAX:
        raise ValueError("gateway: expected 1…255")
    control = _VERSION | _DOWN | (_FLAG if more else 0) | (_ODD if generation & 1 else 0) | KIND_INSTRUCTIONS
    header = _header(control, node) + bytes((gateway,)) + _three(counter, 0, "counter")
    aad = _aad(header + _three(answers, 0, "answers"))
    return header + cipher.seal(_nonce(1, gateway, node, counter), payload, aad)


def parse_downlink(raw: bytes) -> SealedDownlink:
    """Header fields of a downlink; raises Refused before anything is decoded or decrypted."""
    control = _control(raw, DOWNLINK_OVERHEAD)
    if not control & _DOWN:
        raise Refused(DIRECTION, "an uplink where a downlink was due")
    kind = control & 7
    if kind != KIND_INSTRUCTIONS:
        raise Refused(KIND, "downlink kind %d" % kind)
    node = _node(raw)
    if not raw[5]:
        raise Refused(NOT_OURS, "gateway number 0")
    return SealedDownlink(
        node,
        raw[5],
        int.from_bytes(raw[6:9], "big"),
        kind,
        1 if control & _ODD else 0,
        bool(control & _FLAG),
        bytes(raw),
    )


def open_downlink(sealed: SealedDownlink, cipher: "Cipher", answers: int) -> OpenedDownlink:
    """Checks the tag as the answer to the uplink with counter `answers`; raises Refused("tag")."""
    raw = sealed.raw
    payload = cipher.open(
        _nonce(1, sealed.gateway, sealed.node, sealed.counter),
        raw[DOWNLINK_HEADER:],
        _aad(raw[:DOWNLINK_HEADER] + _three(answers, 0, "answers")),
    )
    if payload is None:
        raise Refused(TAG, "not sealed with this node's key as the answer to that uplink")
    return OpenedDownlink(
        sealed.node, sealed.gateway, sealed.counter, sealed.kind, sealed.generation, sealed.more, payload
    )


def is_downlink(raw: bytes) -> bool:
    """True if the direction bit says down; says nothing about anything else."""
    return len(raw) > 1 and bool(raw[1] & _DOWN)


def _control(raw: bytes, least: int) -> int:
    if len(raw) < 2:
        raise Refused(LENGTH, "%d bytes" % len(raw))
    if raw[0] != _MHDR:
        raise Refused(NOT_OURS, "byte 0 is %02x, expected e0" % raw[0])
    if raw[1] & 0xC0 != _VERSION:
        raise Refused(VERSION, "protocol version %d, expected 1" % (raw[1] >> 6))
    if not least <= len(raw) <= MAX_FRAME:
        raise Refused(LENGTH, "%d bytes, expected %d…%d" % (len(raw), least, MAX_FRAME))
    return raw[1]


def _node(raw: bytes) -> int:
    node = int.from_bytes(raw[2:5], "big")
    if not node:
        raise Refused(NOT_OURS, "node id 0")
    return node


def _fits(payload: bytes, overhead: int) -> None:
    if len(payload) > MAX_FRAME - overhead:
        raise ValueError("payload: expected up to %d bytes" % (MAX_FRAME - overhead))


def _three(value: int, low: int, name: str) -> bytes:
    if not low <= value <= 0xFFFFFF:
        raise ValueError(name + ": expected %d…16777215" % low)
    return value.to_bytes(3, "big")


def _header(control: int, node: int) -> bytes:
    return bytes((_MHDR, control)) + _three(node, 1, "node")


def _nonce(direction: int, gateway: int, node: int, counter: int) -> bytes:
    return bytes((direction, gateway)) + node.to_bytes(3, "big") + bytes(5) + counter.to_bytes(3, "big")


def _aad(external: bytes) -> bytes:
    return _AAD + bytes((0x40 | len(external),)) + external
