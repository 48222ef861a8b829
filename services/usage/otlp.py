"""Reads a record out of what Envoy tells of a call on the direct way. Pure.

What Envoy does not know it writes as a dash, which is its word for not known, and never zero.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from services.domain.model import Operation
from services.domain.text import TokenUsage
from services.domain.usage import Record
from services.usage.meter import Meter

CANCELLED: Final = 499
_ROUTE: Final = "direct:"
"""What the names of Envoy's routes to MuleRun begin with; the endpoint follows."""
_OPERATIONS: Final[Mapping[str, Operation]] = {
    "/v1/chat/completions": Operation.CHAT_COMPLETIONS,
    "/v1/responses": Operation.RESPONSES,
    "/v1/messages": Operation.MESSAGES,
    "/v1/messages/count_tokens": Operation.COUNT_TOKENS,
}
_BETWEEN: Final = "\x1e"
_CALLER_LEFT: Final = frozenset({"DC", "DR"})
"""Envoy's flags for a caller who closed the connection, or reset the stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One call, as Envoy tells of it."""

    record: Record
    refused: bool
    """MuleRun refused our credential."""


def told(attributes: Mapping[str, str]) -> Told | None:
    """The call that these attributes of a log record are about; None where they are about no call of the direct way."""
    endpoint = attributes.get("route", "").removeprefix(_ROUTE)
    operation = _OPERATIONS.get(endpoint)
    if operation is None:
        return None
    known = {name: value for name, value in attributes.items() if value not in {"", "-"}}
    cancelled = not _CALLER_LEFT.isdisjoint(known.get("flags", "").split(","))
    tokens = _tokens(known, operation)
    first_byte = _number(known, "first_byte_us")
    record = Record(
        id=uuid4().hex,
        began_at=_number(known, "began_at") or 0.0,
        endpoint=endpoint,
        model=known.get("model", ""),
        caller=known.get("caller", ""),
        status=CANCELLED if cancelled else int(_number(known, "status") or 0),
        cancelled=cancelled,
        prompt_tokens=tokens.prompt_tokens,
        completion_tokens=tokens.completion_tokens,
        cached_tokens=tokens.cached_tokens,
        reasoning_tokens=tokens.reasoning_tokens,
        seconds=(_number(known, "ms") or 0.0) / 1e3,
        first_byte_seconds=None if first_byte is None else first_byte / 1e6,
        bytes_out=int(_number(known, "bytes_out") or 0),
        request_id=known.get("request_id", ""),
    )
    return Told(record=record, refused=known.get("upstream_status") in {"401", "403"})


def _tokens(known: Mapping[str, str], operation: Operation) -> TokenUsage:
    """Envoy hands on the objects behind the key `usage`, the first and the last of an answer, and understands none of them."""
    meter = Meter(operation, streamed=known.get("streamed") == "yes")
    for usage in known.get("usage", "").split(_BETWEEN):
        meter.feed(b'"usage":' + usage.encode() + b"\n")
    return meter.tokens or TokenUsage()


def _number(known: Mapping[str, str], name: str) -> float | None:
    try:
        number = float(known[name])
    except (KeyError, ValueError):
        return None
    return number if math.isfinite(number) and number >= 0 else None
