"""Reports as a node writes them: numbered samples as columns (docs/protocol.md section 2)."""

from lyhord_wire.cbor import encode


class Sample:
    """One numbered measurement.

    `time` is Unix seconds, or None when the node's clock was not set; then `age` is the number of
    seconds from the sample to the sending of its frame. `values` maps quantity to integer, or to
    None where the sensor gave no valid value.
    """

    def __init__(
        self, seq: int, time: int | None, values: dict[int, int | None], age: int | None = None
    ) -> None:
        self.seq = seq
        self.time = time
        self.values = values
        self.age = age


class Report:
    """A report as on the wire.

    seq, period: 0…2³²−1; time: Unix seconds, or −1 − age in seconds. `columns` maps quantity to
    the list of its values, absolute (the wire's differences are already added up), one entry per
    sample. `status` is a map or None; `alarms` the active codes, newest first, or None when the
    report says nothing about alarms (an empty list says that none is active).
    """

    def __init__(
        self,
        seq: int,
        time: int,
        period: int,
        columns: dict[int, list[int | None]],
        status: dict[int, int] | None = None,
        alarms: list[int] | None = None,
    ) -> None:
        self.seq = seq
        self.time = time
        self.period = period
        self.columns = columns
        self.status = status
        self.alarms = alarms

    def count(self) -> int:
        """Number of samples in the report."""
        for column in self.columns.values():
            return len(column)
        return 0

    def samples(self) -> list[Sample]:
        """The samples, oldest first, each with its own number and time or age."""
        result = []
        for i in range(self.count()):
            values = {key: column[i] for key, column in self.columns.items()}
            shift = i * self.period
            if self.time >= 0:
                result.append(Sample(self.seq + i, self.time + shift, values))
            else:
                result.append(Sample(self.seq + i, None, values, -1 - self.time - shift))
        return result


def encode_report(report: Report) -> bytes:
    """The payload of a report frame. The caller keeps to the ranges; `decode_report` checks them."""
    count = report.count()
    columns: dict[int, object] = {}
    for key, column in report.columns.items():
        columns[key] = column[0] if count == 1 else _differences(column)
    message: list[object] = [report.seq, report.time, report.period, columns]
    if report.status is not None or report.alarms is not None:
        message.append(report.status)
    if report.alarms is not None:
        message.append(report.alarms)
    return encode(message)


def _differences(column: list[int | None]) -> list[int | None]:
    last = 0
    result: list[int | None] = []
    for value in column:
        if value is None:
            result.append(None)
        else:
            result.append(value - last)
            last = value
    return result


def largest_report(
    samples: list[Sample],
    limit: int,
    status: dict[int, int] | None = None,
    alarms: list[int] | None = None,
) -> tuple[bytes, int]:
    """The payload that takes as many leading samples as fit into `limit` bytes, and how many.

    samples: oldest first, at least one. Only a leading run goes in that one report can express:
    numbers in a row, evenly spaced, all with a time or all with an age, the same quantities. The
    count is 0, and the payload empty, if not even one fits. Raises ValueError for a first sample
    without any quantity: it would not be in the report that claims to hold it.
    """
    if not samples[0].values:
        raise ValueError("samples: expected a quantity in each")
    low, high = 0, _run(samples)
    best = b""
    while low < high:  # the size grows with the count, so halving finds the largest
        middle = (low + high + 1) // 2
        payload = encode_report(_report(samples, middle, status, alarms))
        if len(payload) <= limit:
            low, best = middle, payload
        else:
            high = middle - 1
    return best, low


def _run(samples: list[Sample]) -> int:
    first = samples[0]
    period = 0
    for i in range(1, len(samples)):
        before, here = samples[i - 1], samples[i]
        step = _elapsed(before, here)
        if here.seq != before.seq + 1 or step is None or step <= 0 or (period and step != period):
            return i
        if set(here.values) != set(first.values):  # MicroPython compares two keys() by identity
            return i
        period = step
    return len(samples)


def _elapsed(before: Sample, here: Sample) -> int | None:
    if before.time is not None and here.time is not None:
        return here.time - before.time
    if before.time is None and here.time is None and before.age is not None and here.age is not None:
        return before.age - here.age
    return None


def _report(
    samples: list[Sample], count: int, status: dict[int, int] | None, alarms: list[int] | None
) -> Report:
    first = samples[0]
    columns = {key: [samples[i].values[key] for i in range(count)] for key in first.values}
    period = (_elapsed(first, samples[1]) or 0) if count > 1 else 0
    time = first.time if first.time is not None else -1 - (first.age or 0)
    return Report(first.seq, time, period, columns, status, alarms)
