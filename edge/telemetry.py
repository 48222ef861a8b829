"""What the edge tells its operator: one JSON object a line on stderr, in the same words as every part of the gateway."""

import logging
import sys
from datetime import UTC, datetime
from typing import Any

from pythonjsonlogger.json import JsonFormatter


class Lines(JsonFormatter):
    """time (RFC 3339, UTC), level, logger, message, then what `extra` says."""

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        """The fields in the order in which people read them."""
        log_data["time"] = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        log_data["level"] = record.levelname.lower()
        log_data["logger"] = record.name
        super().add_fields(log_data, record, message_dict)


def log_to_stderr(level: str) -> None:
    """From here on every logger writes JSON lines of `level` ("debug" to "error") and above."""
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(Lines("{message}", style="{"))
    logging.basicConfig(level=level.upper(), handlers=[lines], force=True)
    # uvicorn tells what the access line tells already.
    logging.getLogger("uvicorn").setLevel(max(logging.WARNING, logging.getLogger().level))
