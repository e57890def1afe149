"""The log: lines for people, or one JSON object per line for machines."""

import json
import logging
import sys
import time
from typing import Literal

_TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
# Libraries whose own debug lines would show payloads and log-in packets.
_LOUD = ("aiomqtt", "mqtt", "uvicorn", "uvicorn.error", "httpx")


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
        return json.dumps(line, ensure_ascii=False)


def start_log(level: str, shape: Literal["text", "json"]) -> None:
    """Everything goes to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if shape == "json" else logging.Formatter(_TEXT))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    for name in _LOUD:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
