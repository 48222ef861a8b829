"""Reads a record out of what Envoy tells of a call on the direct way. Pure.

What Envoy does not know it writes as a dash, which is its word for not known, and never zero. There is one for each call that
meets no Python otherwise, so what is done here counts: words in one line take a third of the time of as many attributes.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from secrets import token_hex
from typing import Final

from services.domain.model import Operation
from services.domain.text import TokenUsage
from services.domain.usage import Record
from services.usage.meter import Meter

CANCELLED: Final = 499
_WORDS: Final = 11
"""In a line: route, begin, status, flags, milliseconds, microseconds to MuleRun's first byte, bytes, caller, request id, the
status by which MuleRun refused our credential, and the answer's media type, which may have spaces. edge/envoy/direct.yaml has the
same."""
_OPERATIONS: Final[Mapping[str, Operation]] = {
    "direct:/v1/chat/completions": Operation.CHAT_COMPLETIONS,
    "direct:/v1/responses": Operation.RESPONSES,
    "direct:/v1/messages": Operation.MESSAGES,
    "direct:/v1/messages/count_tokens": Operation.COUNT_TOKENS,
}
"""By the names of Envoy's routes to MuleRun: the endpoint stands behind the colon."""
_BETWEEN: Final = "\x1e"
_CALLER_LEFT: Final = frozenset({"DC", "DR"})
"""Envoy's flags for a caller who closed the connection, or reset the stream."""
_BROKEN_OFF: Final = frozenset({"UC", "UR", "UPE"})
"""Those for a MuleRun that closed the connection, reset the stream, or spoke no HTTP."""
_UNAVAILABLE: Final = 502
_UNKNOWN: Final = frozenset({"", "-"})
_NOTHING: Final = TokenUsage()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One call, as Envoy tells of it."""

    record: Record
    refused: bool
    """MuleRun refused our credential."""


def told(line: str, *, model: str, usage: str) -> Told | None:
    """The call that this line is about; None where it is about no call of the direct way.

    `model` and `usage` are a caller's and MuleRun's own words, which may have anything in them.
    """
    words = line.split(" ", _WORDS - 1)
    operation = _OPERATIONS.get(words[0])
    if operation is None or len(words) != _WORDS:
        return None
    route, began_at, status, flags, ms, first_byte_us, bytes_out, caller, request_id, refused, media_type = words
    seen = () if flags == "-" else flags.split(",")
    cancelled, broken_off = not _CALLER_LEFT.isdisjoint(seen), not _BROKEN_OFF.isdisjoint(seen)
    code = CANCELLED if cancelled else int(_number(status) or 0)
    streamed = media_type.startswith("text/event-stream")
    tokens = _NOTHING if usage in _UNKNOWN else _tokens(usage, operation, streamed=streamed)
    # What Envoy says where there is no answer is nothing that MuleRun gave; the core counts alike.
    answered = refused in _UNKNOWN and first_byte_us not in _UNKNOWN
    first_byte = (_number(first_byte_us) or 0.0) / 1e6 if answered else None
    record = Record(
        id=token_hex(16),
        began_at=_number(began_at) or 0.0,
        endpoint=route.partition(":")[2],
        model="" if model in _UNKNOWN else model,
        caller="" if caller in _UNKNOWN else caller,
        status=_UNAVAILABLE if broken_off and code < 400 else code,
        cancelled=cancelled,
        prompt_tokens=tokens.prompt_tokens,
        completion_tokens=tokens.completion_tokens,
        cached_tokens=tokens.cached_tokens,
        reasoning_tokens=tokens.reasoning_tokens,
        seconds=max((_number(ms) or 0.0) / 1e3, first_byte or 0.0),
        first_byte_seconds=first_byte,
        bytes_out=int(_number(bytes_out) or 0) if answered else 0,
        request_id="" if request_id in _UNKNOWN else request_id,
    )
    return Told(record=record, refused=refused not in _UNKNOWN)


def _tokens(usage: str, operation: Operation, *, streamed: bool) -> TokenUsage:
    """Envoy hands on the objects behind the key `usage`, the first and the last of an answer, and understands none of them."""
    meter = Meter(operation, streamed=streamed)
    for each in usage.split(_BETWEEN):
        meter.take(each.encode())
    return meter.tokens or _NOTHING


def _number(word: str) -> float | None:
    try:
        number = float(word)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
