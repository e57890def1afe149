"""The messages between a bridge and its gateway (docs/protocol.md section 6).

Every message is a CBOR array whose first element is its type; `cobs.encode(encode(message))` is
what goes over the line.
"""

from lyhord_wire import cbor
from lyhord_wire.frame import MAX_FRAME
from lyhord_wire.refusal import SCHEMA, Refused
from lyhord_wire.report import U32_MAX, int_map, whole

SENT = 0
TOO_LATE = 1
DUTY_CYCLE = 2
RADIO_FAULT = 3
BAD_REQUEST = 4

RESULTS = {
    SENT: "sent",
    TOO_LATE: "too_late",
    DUTY_CYCLE: "duty_cycle",
    RADIO_FAULT: "radio_fault",
    BAD_REQUEST: "bad_request",
}

STATUS_VERSION = 0
STATUS_UPTIME = 1
STATUS_RECEIVED = 2
STATUS_CRC_ERRORS = 3
STATUS_SENT = 4
STATUS_FREQ = 5
STATUS_SF = 6

LISTEN_FREQ = 0
LISTEN_SF = 1

_LOG_MAX = 200  # bytes
_FREQ_MIN = 100_000_000
_FREQ_MAX = 1_000_000_000


class Received:
    """Bridge → host: a frame was heard. `tmst_us` is the bridge's 32-bit clock at the frame's end."""

    TYPE = 0

    def __init__(self, tmst_us: int, rssi_dbm: int, snr_q4: int, freq_hz: int, sf: int, data: bytes) -> None:
        self.tmst_us = tmst_us
        self.rssi_dbm = rssi_dbm
        self.snr_q4 = snr_q4  # dB × 4
        self.freq_hz = freq_hz
        self.sf = sf
        self.data = data

    def fields(self) -> list[object]:
        return [self.tmst_us, self.rssi_dbm, self.snr_q4, self.freq_hz, self.sf, self.data]


class TxResult:
    """Bridge → host: what became of the transmission with this token; `status` as in RESULTS."""

    TYPE = 1

    def __init__(self, token: int, status: int) -> None:
        self.token = token
        self.status = status

    def fields(self) -> list[object]:
        return [self.token, self.status]


class Status:
    """Bridge → host, every 30 s and on request: counters and where it listens."""

    TYPE = 2

    def __init__(self, values: dict[int, int]) -> None:
        self.values = values

    def fields(self) -> list[object]:
        return [self.values]


class Log:
    """Bridge → host: one line for a person."""

    TYPE = 3

    def __init__(self, text: str) -> None:
        self.text = text

    def fields(self) -> list[object]:
        return [self.text]


class Transmit:
    """Host → bridge: send these bytes when the bridge's clock reads `tmst_us` (None: now)."""

    TYPE = 16

    def __init__(
        self, token: int, tmst_us: int | None, freq_hz: int, sf: int, power_dbm: int, data: bytes
    ) -> None:
        self.token = token
        self.tmst_us = tmst_us
        self.freq_hz = freq_hz
        self.sf = sf
        self.power_dbm = power_dbm
        self.data = data

    def fields(self) -> list[object]:
        return [self.token, self.tmst_us, self.freq_hz, self.sf, self.power_dbm, self.data]


class GetStatus:
    """Host → bridge: send a Status now."""

    TYPE = 17

    def fields(self) -> list[object]:
        return []


class Listen:
    """Host → bridge: listen on this frequency at this spreading factor."""

    TYPE = 18

    def __init__(self, freq_hz: int, sf: int) -> None:
        self.freq_hz = freq_hz
        self.sf = sf

    def fields(self) -> list[object]:
        return [{LISTEN_FREQ: self.freq_hz, LISTEN_SF: self.sf}]


def encode(message: "Received | TxResult | Status | Log | Transmit | GetStatus | Listen") -> bytes:
    """The CBOR of a message, to be framed with `cobs.encode`."""
    return cbor.encode([message.TYPE] + message.fields())


def decode(data: bytes) -> "Received | TxResult | Status | Log | Transmit | GetStatus | Listen":
    """The message in `data`; raises Refused("cbor") or Refused("schema")."""
    fields = cbor.decode(data)
    if not isinstance(fields, list) or not fields:
        raise Refused(SCHEMA, "bridge message: expected an array")
    kind = whole(fields[0], 0, 255, "message type")
    if kind == Received.TYPE and len(fields) == 7:
        return Received(
            whole(fields[1], 0, U32_MAX, "tmst"),
            whole(fields[2], -300, 100, "rssi"),
            whole(fields[3], -400, 400, "snr"),
            whole(fields[4], _FREQ_MIN, _FREQ_MAX, "frequency"),
            whole(fields[5], 7, 12, "sf"),
            _frame(fields[6]),
        )
    if kind == TxResult.TYPE and len(fields) == 3:
        return TxResult(whole(fields[1], 0, U32_MAX, "token"), whole(fields[2], 0, 255, "status"))
    if kind == Status.TYPE and len(fields) == 2:
        return Status(_numbers(fields[1], "status"))
    if kind == Log.TYPE and len(fields) == 2:
        text = fields[1]
        if not isinstance(text, str) or len(text.encode()) > _LOG_MAX:
            raise Refused(SCHEMA, "log: expected text of up to %d bytes" % _LOG_MAX)
        return Log(text)
    if kind == Transmit.TYPE and len(fields) == 7:
        return Transmit(
            whole(fields[1], 0, U32_MAX, "token"),
            None if fields[2] is None else whole(fields[2], 0, U32_MAX, "tmst"),
            whole(fields[3], _FREQ_MIN, _FREQ_MAX, "frequency"),
            whole(fields[4], 7, 12, "sf"),
            whole(fields[5], -9, 27, "power"),
            _frame(fields[6]),
        )
    if kind == GetStatus.TYPE and len(fields) == 1:
        return GetStatus()
    if kind == Listen.TYPE and len(fields) == 2:
        numbers = _numbers(fields[1], "listen")
        return Listen(
            whole(numbers.get(LISTEN_FREQ), _FREQ_MIN, _FREQ_MAX, "frequency"),
            whole(numbers.get(LISTEN_SF), 7, 12, "sf"),
        )
    raise Refused(SCHEMA, "bridge message: type %d with %d fields" % (kind, len(fields) - 1))


def _numbers(value: object, name: str) -> dict[int, int]:
    return {
        whole(key, 0, 255, name): whole(item, 0, U32_MAX, name) for key, item in int_map(value, name).items()
    }


def _frame(value: object) -> bytes:
    # LoRa allows 255 bytes; a foreign frame may be longer than ours and is refused further in.
    if not isinstance(value, bytes) or not 1 <= len(value) <= 255:
        raise Refused(SCHEMA, "bytes: expected 1…255, ours have up to %d" % MAX_FRAME)
    return value
