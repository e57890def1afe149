"""Semtech's UDP protocol between packet forwarders and servers, version 2: all but what was heard.

Source: PROTOCOL.TXT of Lora-net/packet_forwarder (1.4) and of sx1302_hal (1.6). No IO and no time here.
Nothing in a datagram is authentic; what is checked is that it makes sense, and that it is small. What a
PUSH_DATA holds is read by `rxpk.py`.
"""

import base64
from dataclasses import dataclass
from typing import Literal

import msgspec

from lyhord_gateway.sources.loose_json import NotJson, read
from lyhord_gateway.sources.schedule import Plan
from lyhord_wire.lora import PREAMBLE

VERSION = 2
PUSH_DATA, PUSH_ACK, PULL_DATA, PULL_RESP, PULL_ACK, TX_ACK = range(6)

SENT = "sent"
OTHER_ERROR = "other"
_HEADER = 4
_WITH_EUI = 12
_NO_ERROR = ("", "NONE", "OK")
_ERRORS = {
    "TOO_LATE": "too_late",
    "TOO_EARLY": "too_early",
    "COLLISION_PACKET": "collision_packet",
    "COLLISION_BEACON": "collision_beacon",
    "TX_FREQ": "tx_freq",
    "TX_POWER": "tx_power",
    "GPS_UNLOCKED": "gps_unlocked",
}


Reason = Literal["short", "version", "direction", "kind", "json", "schema"]
OUTCOMES = (SENT, *_ERRORS.values(), OTHER_ERROR)


class Malformed(Exception):
    """A datagram, or what it holds, is not for us. reason: a counter's name."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class Datagram(msgspec.Struct, frozen=True, gc=False):
    """A packet forwarder's datagram whose header makes sense. kind: PUSH_DATA, PULL_DATA or TX_ACK."""

    kind: int
    token: bytes
    eui: str
    raw: bytes

    @property
    def body(self) -> bytes:
        return self.raw[_WITH_EUI:]


def parse(datagram: bytes) -> Datagram:
    """The header, and nothing else: whose datagram it is can be checked before its body is read. Raises
    Malformed."""
    if len(datagram) < _HEADER:
        raise Malformed("short")
    if datagram[0] != VERSION:
        raise Malformed("version")
    kind = datagram[3]
    if kind in (PUSH_ACK, PULL_RESP, PULL_ACK):
        raise Malformed("direction")  # only a server sends these, and we are one
    if kind not in (PUSH_DATA, PULL_DATA, TX_ACK):
        raise Malformed("kind")
    if len(datagram) < _WITH_EUI:
        raise Malformed("short")
    return Datagram(kind, datagram[1:3], datagram[_HEADER:_WITH_EUI].hex(), datagram)


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


@dataclass(frozen=True, slots=True)
class TxReport:
    """outcome: `sent` or the name of an error. warned: it was sent, but with another power (v1.5)."""

    outcome: str
    warned: bool = False


def read_tx_ack(body: bytes) -> TxReport:
    """The result in a TX_ACK. Sent is whatever names no error: the specification wants an empty body, NONE,
    or no `error` at all, and forwarders write each of these, null and an empty text. Raises Malformed."""
    if not body.strip(b"\0 \r\n\t"):
        return TxReport(SENT)
    try:
        document = read(body)
    except NotJson as error:
        raise Malformed("json") from error
    ack = document.get("txpk_ack") if isinstance(document, dict) else document
    if not ack and not isinstance(document, list):
        return TxReport(SENT)
    if not isinstance(ack, dict):
        raise Malformed("schema")
    return TxReport(_outcome(ack.get("error")), _text(ack.get("warn")) not in _NO_ERROR)


def _outcome(error: object) -> str:
    text = _text(error)
    return SENT if text in _NO_ERROR else _ERRORS.get(text, OTHER_ERROR)


def _text(value: object) -> str:
    return str(value).strip("\0 \r\n\t").upper() if value else ""
