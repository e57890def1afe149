"""Semtech's UDP protocol between packet forwarders and servers, version 2, as bytes in and values out.

Source: PROTOCOL.TXT of Lora-net/packet_forwarder (1.4) and of sx1302_hal (1.6). No IO and no time here.
Nothing in a datagram is authentic; what is checked is that it makes sense, and that it is small.
"""

import base64
import binascii
from collections import Counter
from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from lyhord_gateway.sources.schedule import Plan
from lyhord_wire.lora import PREAMBLE, band_of

VERSION = 2
PUSH_DATA, PUSH_ACK, PULL_DATA, PULL_RESP, PULL_ACK, TX_ACK = range(6)
DATAGRAM_MAX = 4096
PAYLOAD_MAX = 255  # bytes that one LoRa packet can carry

SENT = "sent"
_HEADER = 4
_WITH_EUI = 12
_LORA = {f"SF{sf}BW125": sf for sf in range(7, 13)}
_ERRORS = {
    "NONE": SENT,
    "TOO_LATE": "too_late",
    "TOO_EARLY": "too_early",
    "COLLISION_PACKET": "collision_packet",
    "COLLISION_BEACON": "collision_beacon",
    "TX_FREQ": "tx_freq",
    "TX_POWER": "tx_power",
    "GPS_UNLOCKED": "gps_unlocked",
}
OTHER_ERROR = "other"


class Malformed(Exception):
    """A datagram that is not for us. reason: one of a few fixed words, fit for a counter's name."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Packet(Struct, frozen=True):
    """One frame that a concentrator heard. tmst_us: its 32-bit clock at the end of the reception."""

    tmst_us: int
    freq_hz: int
    sf: int
    rssi_dbm: int
    snr_q4: int
    data: bytes


@dataclass(frozen=True, slots=True)
class PushData:
    """packets: those that may be ours; passed_over: why the others were left out, and how many."""

    token: bytes
    eui: str
    packets: tuple[Packet, ...]
    passed_over: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class PullData:
    token: bytes
    eui: str


@dataclass(frozen=True, slots=True)
class TxAck:
    """outcome: `sent` or the name of an error. warned: it was sent, but with another power (v1.5)."""

    token: bytes
    eui: str
    outcome: str
    warned: bool


class _Push(Struct, frozen=True):
    rxpk: list[msgspec.Raw] = []


class _Rxpk(Struct, frozen=True):
    tmst: Annotated[int, Meta(ge=0, lt=1 << 32)]
    freq: Annotated[float, Meta(ge=0, le=10_000)]
    modu: str
    datr: str | int | float
    data: str
    rssi: Annotated[float, Meta(ge=-300, le=100)]
    lsnr: Annotated[float, Meta(ge=-100, le=100)] = 0.0
    stat: int = 0
    size: int | None = None


class _TxpkAck(Struct, frozen=True):
    error: str = "NONE"
    warn: str | None = None


class _Ack(Struct, frozen=True):
    txpk_ack: _TxpkAck = _TxpkAck()


_push = msgspec.json.Decoder(_Push)
_rxpk = msgspec.json.Decoder(_Rxpk)
_ack = msgspec.json.Decoder(_Ack)
_T = TypeVar("_T")


def parse(datagram: bytes) -> PushData | PullData | TxAck:
    """What a packet forwarder says; raises Malformed."""
    if len(datagram) > DATAGRAM_MAX:
        raise Malformed("long")
    if len(datagram) < _HEADER:
        raise Malformed("short")
    if datagram[0] != VERSION:
        raise Malformed("version")
    token, kind = datagram[1:3], datagram[3]
    if kind in (PUSH_ACK, PULL_RESP, PULL_ACK):
        raise Malformed("direction")  # only a server sends these, and we are one
    if kind not in (PUSH_DATA, PULL_DATA, TX_ACK):
        raise Malformed("kind")
    if len(datagram) < _WITH_EUI:
        raise Malformed("short")
    eui, body = datagram[_HEADER:_WITH_EUI].hex(), datagram[_WITH_EUI:]
    if kind == PULL_DATA:
        return PullData(token, eui)
    if kind == TX_ACK:
        return _tx_ack(token, eui, body)
    return _push_data(token, eui, body)


def push_ack(token: bytes) -> bytes:
    return bytes([VERSION, *token, PUSH_ACK])


def pull_ack(token: bytes) -> bytes:
    return bytes([VERSION, *token, PULL_ACK])


def pull_resp(token: bytes, plan: Plan, frame: bytes) -> bytes:
    """A downlink at `plan.tmst_us` of the concentrator's clock: inverted IQ, no CRC, as nodes listen."""
    txpk = {
        "imme": False,
        "tmst": plan.tmst_us,
        "freq": plan.freq_hz / 1_000_000,
        "rfch": 0,
        "powe": plan.power_dbm,
        "modu": "LORA",
        "datr": f"SF{plan.sf}BW125",
        "codr": "4/5",
        "ipol": True,
        "prea": PREAMBLE,
        "size": len(frame),
        "data": base64.b64encode(frame).decode(),
        "ncrc": True,
    }
    return bytes([VERSION, *token, PULL_RESP]) + msgspec.json.encode({"txpk": txpk})


def _decoded(decoder: msgspec.json.Decoder[_T], body: bytes | msgspec.Raw) -> _T:
    """Raises Malformed. A few thousand opening brackets are a RecursionError of the decoder's."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise Malformed("schema") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("json") from error


def _tx_ack(token: bytes, eui: str, body: bytes) -> TxAck:
    if not body.strip(b"\0 \r\n\t"):
        return TxAck(token, eui, SENT, False)
    ack = _decoded(_ack, body).txpk_ack
    return TxAck(token, eui, _ERRORS.get(ack.error, OTHER_ERROR), ack.warn is not None)


def _push_data(token: bytes, eui: str, body: bytes) -> PushData:
    passed_over: Counter[str] = Counter()
    packets: dict[bytes, Packet] = {}
    for raw in _decoded(_push, body).rxpk:
        packet = _packet(raw)
        if isinstance(packet, str):
            passed_over[packet] += 1
            continue
        # A node close by is heard on the neighbouring channels too, weakly: one transmission all the same.
        before = packets.get(packet.data)
        if before is not None:
            passed_over["ghost"] += 1
        if before is None or packet.rssi_dbm > before.rssi_dbm:
            packets[packet.data] = packet
    return PushData(token, eui, tuple(packets.values()), passed_over)


_PassedOver = Literal["schema", "json", "crc", "not_lora", "not_eu868", "base64", "size"]


def _packet(raw: msgspec.Raw) -> Packet | _PassedOver:
    """The packet, or why it is none of ours."""
    try:
        rxpk = _decoded(_rxpk, raw)
    except Malformed as malformed:
        return "json" if malformed.reason == "json" else "schema"
    if rxpk.stat != 1:
        return "crc"
    sf = _LORA.get(rxpk.datr) if isinstance(rxpk.datr, str) else None
    if rxpk.modu != "LORA" or sf is None:
        return "not_lora"
    freq_hz = round(rxpk.freq * 1_000_000)
    if band_of(freq_hz) is None:
        return "not_eu868"
    data = decode_base64(rxpk.data)
    if data is None:
        return "base64"
    if len(data) > PAYLOAD_MAX or (rxpk.size is not None and rxpk.size != len(data)):
        return "size"
    return Packet(rxpk.tmst, freq_hz, sf, round(rxpk.rssi), round(rxpk.lsnr * 4), data)


def decode_base64(text: str) -> bytes | None:
    """With or without padding, in either alphabet: the specification and its examples differ."""
    try:
        plain = text.rstrip("=\r\n ").encode("ascii").replace(b"-", b"+").replace(b"_", b"/")
        return binascii.a2b_base64(plain + b"=" * (-len(plain) % 4), strict_mode=True)
    except (UnicodeEncodeError, binascii.Error):
        return None
