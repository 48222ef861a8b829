"""What the core tells its operator: one JSON object a line on stderr, and the registry of its metrics.

Law: a line never holds a key, a token, a prompt or an upstream's text.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, disable_created_metrics

from services.domain import call

_QUIET: Final = ("asyncio", "aiosqlite", "aiohttp", "grpc", "filelock")
"""Libraries whose chatter below a warning is nobody's concern."""


_NOT_EXTRA: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
"""What every record has; all else was said by `extra`."""


class Lines(logging.Formatter):
    """A record as JSON: time (RFC 3339, UTC), level, logger, message, what `extra` says.

    Then request_id where a call is served, and trace_id where it is traced.
    """

    def format(self, record: logging.LogRecord) -> str:
        """One line. msgspec writes it in a third of the time that json takes, and there is one for each call."""
        fields: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        fields |= {name: value for name, value in record.__dict__.items() if name not in _NOT_EXTRA}
        served = call.current()
        if served.request_id:
            fields.setdefault("request_id", served.request_id)
        if served.trace_id:
            fields.setdefault("trace_id", served.trace_id)
        if record.exc_info:
            fields["exc_info"] = self.formatException(record.exc_info)
        if record.stack_info:
            fields["stack_info"] = self.formatStack(record.stack_info)
        try:
            return msgspec.json.encode(fields, enc_hook=str).decode()
        except (UnicodeEncodeError, OverflowError):  # half a character, or a number beyond 64 bits
            return json.dumps(fields, default=str)


def log_to_stderr(level: str) -> None:
    """From here on every logger writes JSON lines of `level` ("debug" to "error") and above."""
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(Lines())
    logging.basicConfig(level=level.upper(), handlers=[lines], force=True)
    logging.captureWarnings(capture=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))


def open_registry() -> CollectorRegistry:
    """A registry that already tells of the process and the interpreter."""
    disable_created_metrics()  # type: ignore[no-untyped-call]  # when a series began; it would double what is scraped
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry
