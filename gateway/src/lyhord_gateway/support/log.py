"""The log: lines for people, or one JSON object per line for machines.

    record ──▶ Flood: counted all, written few ──▶ one line, in which nothing commands a terminal

Both hold for every record, those of libraries included: a peer that sends too much, or file descriptors that
have run out, make asyncio and aiomqtt write a line per event.
"""

import json
import logging
import sys
import time
from typing import Any, Literal

from lyhord_gateway.support.log_rate_limit import LogRateLimit, more
from lyhord_wire.outside import escaped, forgive, printable

_TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
# Libraries whose own debug lines would show payloads and log-in packets.
_LOUD = ("aiomqtt", "mqtt", "uvicorn", "uvicorn.error", "httpx")


_OURS = "lyhord_gateway"
_BURST = 50  # of our own lines, which have a limit per reason where unknown nodes can cause them
_KIND = 60  # letters of a line's pattern that tell its kind


class Flood(logging.Filter):
    """At most 50 of our own lines of one kind in 10 s, and 5 of a library's; the next one has the number of
    those held back. A kind is a logger, a level and a line's pattern."""

    def __init__(self) -> None:
        super().__init__()
        self._ours = LogRateLimit(_BURST)
        self._others = LogRateLimit()

    def filter(self, record: logging.LogRecord) -> bool:
        limit = self._ours if record.name.split(".")[0] == _OURS else self._others
        kind = f"{record.name} {record.levelno} {str(record.msg)[:_KIND]}"
        held_back = limit.admit(kind, time.monotonic())
        if held_back:
            record.msg, record.args = record.getMessage() + more(held_back), ()
        return held_back is not None


class TextLines(logging.Formatter):
    """Lines for people."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = printable(record.message)
        return super().formatMessage(record)

    def formatException(self, exc_info: Any) -> str:
        return "\n".join(map(printable, super().formatException(exc_info).split("\n")))


class JsonLines(logging.Formatter):
    """time (UTC, RFC 3339), level, logger, message; with a traceback also `traceback`."""

    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "time": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return escaped(json.dumps(line, ensure_ascii=False))


def start_log(level: str, shape: Literal["text", "json"]) -> None:
    """Everything goes to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    forgive(sys.stderr)
    handler.addFilter(Flood())
    handler.setFormatter(JsonLines() if shape == "json" else TextLines(_TEXT))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _LOUD:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
