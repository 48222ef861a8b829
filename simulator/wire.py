"""The few words that every room here says alike: JSON as values, ids and times as MuleRun writes them."""

import json
from datetime import UTC, datetime
from typing import Any, TypeAlias
from uuid import uuid4

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
"""A decoded JSON value."""

Body: TypeAlias = dict[str, Any]
"""A decoded JSON object that a caller sent; nothing about its members is known until it was checked."""


def dump(value: object) -> bytes:
    """The value as compact UTF-8 JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def new_id(prefix: str = "") -> str:
    """A fresh id: a dashed UUID, or `prefix` and its hex digits."""
    return f"{prefix}{uuid4().hex}" if prefix else str(uuid4())


def timestamp(unix_s: float) -> str:
    """Unix seconds as MuleRun writes times: UTC with milliseconds and a Z."""
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
