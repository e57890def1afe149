"""Reports as a gateway reads them (docs/protocol.md section 2). A node writes them with
`report_encode.py`."""

from lyhord_wire.cbor import decode
from lyhord_wire.checks import U32_MAX as U32_MAX
from lyhord_wire.checks import int_map as int_map
from lyhord_wire.checks import whole as whole
from lyhord_wire.fields import STATUS
from lyhord_wire.quantities import QUANTITIES, QUANTITY_MAX
from lyhord_wire.refusal import SCHEMA, Refused
from lyhord_wire.report_encode import Report as Report
from lyhord_wire.report_encode import Sample as Sample
from lyhord_wire.report_encode import encode_report as encode_report
from lyhord_wire.report_encode import largest_report as largest_report

_I64_MAX = 0x7FFFFFFFFFFFFFFF
_ALARMS_MAX = 16


def decode_report(payload: bytes) -> Report:
    """The report in a payload; raises Refused("cbor") or Refused("schema") for anything else."""
    message = decode(payload)
    if not isinstance(message, list) or not 4 <= len(message) <= 6:
        raise Refused(SCHEMA, "report: expected an array of 4…6")
    seq = whole(message[0], 0, U32_MAX, "seq")
    time = whole(message[1], -1 - U32_MAX, U32_MAX, "time")
    period = whole(message[2], 0, U32_MAX, "period")
    columns, count = _columns(message[3])
    if (period > 0) != (count > 1):
        raise Refused(SCHEMA, "period: expected 0 for one sample and more for several")
    last = (count - 1) * period if count else 0
    if seq + count > U32_MAX + 1:
        raise Refused(SCHEMA, "seq: the last sample's number is over 32 bits")
    if time >= 0 and time + last > U32_MAX:
        raise Refused(SCHEMA, "time: the last sample lies beyond 32 bits")
    if time < 0 and -1 - time - last < 0:
        raise Refused(SCHEMA, "time: the last sample is younger than the frame")
    status = _status(message[4]) if len(message) > 4 else None
    alarms = _alarms(message[5]) if len(message) > 5 else None
    return Report(seq, time, period, columns, status, alarms)


def _columns(value: object) -> tuple[dict[int, list[int | None]], int]:
    columns: dict[int, list[int | None]] = {}
    count = 0
    for key, column in int_map(value, "columns").items():
        quantity = whole(key, 1, QUANTITY_MAX, "quantity")
        if not isinstance(column, list):
            column = [column]
        elif len(column) < 2:
            raise Refused(SCHEMA, "columns: an array holds two samples at least")
        if count and len(column) != count:
            raise Refused(SCHEMA, "columns: not all equally long")
        count = len(column)
        columns[quantity] = _values(quantity, column)
    return columns, count


def _values(quantity: int, column: list[object]) -> list[int | None]:
    known = QUANTITIES.get(quantity)
    low, high = (known.low, known.high) if known else (-_I64_MAX, _I64_MAX)
    name = known.name if known else "quantity %d" % quantity
    last = 0
    values: list[int | None] = []
    for step in column:
        if step is None:
            values.append(None)
        else:
            last += step if type(step) is int else whole(step, low, high, name)
            values.append(last if low <= last <= high else whole(last, low, high, name))
    return values


def _status(value: object) -> dict[int, int] | None:
    if value is None:
        return None
    status = {}
    for key, item in int_map(value, "status").items():
        number = whole(key, 0, 255, "status key")
        told = whole(item, -_I64_MAX, _I64_MAX, "status")
        known = STATUS.get(number)
        # A known one outside its range is left out: it would only mislead whoever reads it.
        if known is None or known.low <= told <= known.high:
            status[number] = told
    return status


def _alarms(value: object) -> list[int]:
    if not isinstance(value, list) or len(value) > _ALARMS_MAX:
        raise Refused(SCHEMA, "alarms: expected an array of up to %d codes" % _ALARMS_MAX)
    return [whole(code, 1, 255, "alarm") for code in value]
