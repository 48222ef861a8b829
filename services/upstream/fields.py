"""Reads foreign JSON without trusting its shape: a value of another type than asked for counts as absent."""

import math
from collections.abc import Mapping, Sequence

import msgspec

from services.domain.errors import UpstreamUnavailable


def decoded(body: bytes, *, status: int) -> Mapping[str, object]:
    """The JSON object in `body`. Raises UpstreamUnavailable for anything else."""
    try:
        return msgspec.json.decode(body, type=dict[str, object])
    except (msgspec.DecodeError, RecursionError) as error:
        raise UpstreamUnavailable(f"MuleRun answered HTTP {status} with a body that is not a JSON object") from error


def mapping(value: object) -> Mapping[str, object]:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> Sequence[object]:
    """The array, or an empty one."""
    return value if isinstance(value, list) else ()


def text(value: object) -> str:
    """The string, or an empty one."""
    return value if isinstance(value, str) else ""


def number(value: object) -> float | None:
    """The finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def count(value: object) -> int | None:
    """The number as a whole one of at least 0, or None."""
    found = number(value)
    return int(found) if found is not None and found >= 0 else None


def code(value: object) -> str:
    """A code that may be written as a number or as a word; empty for none, and for 0, which stands for none."""
    if isinstance(value, bool):
        return ""
    return str(value) if isinstance(value, int | str) and value not in (0, "0") else ""
