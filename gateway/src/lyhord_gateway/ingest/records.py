"""From a decoded frame to what the store keeps of it."""

from functools import lru_cache

import msgspec
from msgspec.structs import replace

from lyhord_gateway.model.work import Content, SampleRow
from lyhord_wire.report import Report
from lyhord_wire.tables import STATUS_OLDEST

_json = msgspec.json.Encoder().encode


def content_of_report(report: Report, count: int, first_s: int) -> Content:
    """count: its samples; first_s: when the first one was taken, Unix seconds."""
    status = report.status
    return Content(
        samples=_rows(report, first_s) if count else (),
        next_seq=report.seq + count,
        status=status,
        alarms=None if report.alarms is None else tuple(report.alarms),
        oldest=status.get(STATUS_OLDEST) if status else None,
    )


def _rows(report: Report, first_s: int) -> tuple[SampleRow, ...]:
    quantities, seq, period = tuple(report.columns), report.seq, report.period
    text = _row_format(quantities)
    rows = []
    # strict=False: the columns are equally long, `decode_report` has seen to that.
    for values in zip(*report.columns.values(), strict=False):
        complete = None not in values
        row = text % values if complete else _json(dict(zip(quantities, values, strict=False))).decode()
        rows.append(SampleRow(seq, first_s, row))
        seq += 1
        first_s += period
    if report.alarms is not None:
        rows[-1] = replace(rows[-1], alarms=_json(report.alarms).decode())
    return tuple(rows)


@lru_cache(maxsize=256)
def _row_format(quantities: tuple[int, ...]) -> str:
    """For `%`, the JSON object of a sample in which no value is missing; as the encoder would write it."""
    return "{" + ",".join(f'"{quantity}":%d' for quantity in quantities) + "}"
