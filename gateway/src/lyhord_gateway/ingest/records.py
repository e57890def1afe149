"""From a decoded frame to what the store keeps of it."""

import msgspec

from lyhord_gateway.model.work import Content, SampleRow
from lyhord_wire.report import Report
from lyhord_wire.tables import STATUS_OLDEST

_json = msgspec.json.Encoder().encode


def content_of_report(report: Report, count: int, first_s: int) -> Content:
    """count: its samples; first_s: when the first one was taken, Unix seconds."""
    status = report.status
    return Content(
        samples=_rows(report, count, first_s) if count else (),
        next_seq=report.seq + count,
        status=status,
        alarms=None if report.alarms is None else tuple(report.alarms),
        oldest=status.get(STATUS_OLDEST) if status else None,
    )


def _rows(report: Report, count: int, first_s: int) -> tuple[SampleRow, ...]:
    quantities, seq, period = tuple(report.columns), report.seq, report.period
    last = count - 1
    alarms = None if report.alarms is None else _json(report.alarms).decode()
    # strict=False: the columns are equally long, `decode_report` has seen to that.
    return tuple(
        SampleRow(
            seq + at,
            first_s + at * period,
            _json(dict(zip(quantities, values, strict=False))).decode(),
            alarms if at == last else None,
        )
        for at, values in enumerate(zip(*report.columns.values(), strict=False))
    )
