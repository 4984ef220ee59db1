"""Structured logs: one JSON object a line, on standard error."""

import asyncio
import logging
import sys
from datetime import UTC, datetime
from typing import Any, BinaryIO

import msgspec

# They log the address of each request that they make, and in some addresses a secret shows.
_TALKATIVE = ("httpx2", "httpcore2")

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """A log record as a JSON object: time, level, logger, message, and what `extra` added."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update((name, value) for name, value in vars(record).items() if name not in _STANDARD)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode()


def configure_logging(level: str) -> None:
    """Send every logger's lines to standard error as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


class AccessLine(msgspec.Struct):
    """One answered request. The path stands without its query, which may hold what is private."""

    time: datetime
    level: str
    logger: str
    message: str
    request_id: str
    method: str
    path: str
    status: int
    milliseconds: float
    client: str | None


class AccessLog:
    """Writes a line a request, past the logging module: it is on the path of every call."""

    def __init__(self, stream: BinaryIO | None = None) -> None:
        self._stream = stream or sys.stderr.buffer
        self._encode_lines = msgspec.json.Encoder().encode_lines
        self._lines: list[AccessLine] = []

    def write(self, line: AccessLine) -> None:
        """Write one line, whole, when this turn of the event loop ends: with all others of it."""
        if not self._lines:
            asyncio.get_running_loop().call_soon(self._write_all)
        self._lines.append(line)

    def _write_all(self) -> None:
        lines, self._lines = self._lines, []
        self._stream.write(self._encode_lines(lines))
        self._stream.flush()
