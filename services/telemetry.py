"""What the core tells its operator: one JSON object a line on stderr, and the registry of its metrics.

Law: a line never holds a key, a token, a prompt or an upstream's text.
"""

import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from pythonjsonlogger.json import JsonFormatter

from services.domain import call

_QUIET: Final = ("asyncio", "aiosqlite", "aiohttp", "grpc", "filelock")
"""Libraries whose chatter below a warning is nobody's concern."""


class Lines(JsonFormatter):
    """time (RFC 3339, UTC), level, logger, message, request_id where a call is served, trace_id where it is traced, then what `extra` says."""

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        """The fields in the order in which people read them."""
        log_data["time"] = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        log_data["level"] = record.levelname.lower()
        log_data["logger"] = record.name
        super().add_fields(log_data, record, message_dict)
        served = call.current()
        if served.request_id:
            log_data.setdefault("request_id", served.request_id)
        if served.trace_id:
            log_data.setdefault("trace_id", served.trace_id)


def log_to_stderr(level: str) -> None:
    """From here on every logger writes JSON lines of `level` ("debug" to "error") and above."""
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(Lines("{message}", style="{"))
    logging.basicConfig(level=level.upper(), handlers=[lines], force=True)
    logging.captureWarnings(capture=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))


def open_registry() -> CollectorRegistry:
    """A registry that already tells of the process and the interpreter."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry
