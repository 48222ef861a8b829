"""The gateway's log: one JSON object a line, the supervisor's own words and those of its parts in one stream."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final, TypeAlias

import msgspec

Fields: TypeAlias = Mapping[str, object]
_RANKS: Final = {"trace": 0, "debug": 1, "info": 2, "warning": 3, "warn": 3, "error": 4, "critical": 5}


class Journal:
    """Writes lines of `level` and above. A reader that has gone away stops the log, never the gateway."""

    def __init__(self, write: Callable[[bytes], object], level: str = "info") -> None:
        self._write = write
        self._least = _RANKS[level]

    def say(self, level: str, message: str, **fields: object) -> None:
        """The supervisor's own line."""
        time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._emit({"time": time, "level": level, "logger": "cli2api", "message": message, **fields})

    def pass_on(self, line: bytes, *, part: str) -> Fields:
        """A line of a part: JSON as it is, else wrapped as an error, since only what goes wrong prints plain text.

        Returns its fields.
        """
        fields = _decoded(line)
        if not isinstance(fields, dict):
            fields = {"message": line.decode("utf-8", "replace").rstrip()}
            self.say("error", str(fields["message"]), part=part)
        elif _RANKS.get(str(fields.get("level")).lower(), self._least) >= self._least:
            self._put(line.rstrip(b"\n") + b"\n")
        return fields

    def _emit(self, fields: Fields) -> None:
        if _RANKS[str(fields["level"])] >= self._least:
            self._put(json.dumps(fields, ensure_ascii=False, default=str).encode() + b"\n")

    def _put(self, line: bytes) -> None:
        try:
            self._write(line)
        except (OSError, ValueError):  # a broken pipe, or a stream that was closed
            self._write = len


def _decoded(line: bytes) -> object:
    """What the JSON says; None where it is none. msgspec takes a tenth of json's time, and does not read all that json does."""
    try:
        return msgspec.json.decode(line)
    except (ValueError, RecursionError):  # bytes that are no UTF-8 are a ValueError and no DecodeError
        try:
            return json.loads(line)
        except (ValueError, RecursionError):
            return None
