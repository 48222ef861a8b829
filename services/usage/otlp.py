"""Reads a record out of what Envoy tells of a call on the direct way. Pure.

What Envoy does not know it writes as a dash, which is its word for not known, and never zero. There is one for each call that
meets no Python otherwise, so what is done here counts: words in one line take a third of the time of as many attributes.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from services.domain.model import Operation
from services.domain.usage import Record
from services.usage.meter import Figures, Meter

CANCELLED: Final = 499
_WORDS: Final = 9
"""Of Envoy itself: route, status, flags, milliseconds, microseconds to MuleRun's first byte, bytes, caller, request id, and the
answer's media type, which may have spaces. edge/envoy/direct.yaml has the same."""
_APART: Final = "\x1f"
"""Stands before the model, which has no control characters, and before what was noted of the answer: usage, or a refusal."""
_REFUSED: Final = "refused "
"""Begins the note of an answer by which MuleRun refused our credential; its status stands behind."""
_ROUTES: Final = "direct:"
_OPERATIONS: Final[Mapping[str, Operation]] = {
    f"{_ROUTES}/v1/chat/completions": Operation.CHAT_COMPLETIONS,
    f"{_ROUTES}/v1/responses": Operation.RESPONSES,
    f"{_ROUTES}/v1/messages": Operation.MESSAGES,
    f"{_ROUTES}/v1/messages/count_tokens": Operation.COUNT_TOKENS,
}
"""By the names of Envoy's routes to MuleRun: the endpoint stands behind the colon."""
_BETWEEN: Final = b"\x1e"
_CALLER_LEFT: Final = frozenset({"DC", "DR"})
"""Envoy's flags for a caller who closed the connection, or reset the stream."""
_BROKEN_OFF: Final = frozenset({"UC", "UR", "UPE"})
"""Those for a MuleRun that closed the connection, reset the stream, or spoke no HTTP."""
_UNAVAILABLE: Final = 502
_UNKNOWN: Final = frozenset({"", "-"})
_NOTHING: Final[Figures] = (None, None, None, None, None)
_LONGEST: Final = 18
"""Digits of a number that every store can hold."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One call, as Envoy tells of it."""

    record: Record
    refused: bool
    """MuleRun refused our credential."""


def told(line: str, *, record_id: str, began_at: float) -> Told | None:
    """The call that this line is about, under an id of our own; None where it is about no call of the direct way.

    `began_at` is in seconds since 1970.
    """
    own, _, free = line.partition(_APART)
    words = own.split(" ", _WORDS - 1)
    operation = _OPERATIONS.get(words[0])
    if operation is None or len(words) != _WORDS:
        return None
    route, status, flags, ms, first_byte_us, bytes_out, caller, request_id, media_type = words
    model, _, usage = free.partition(_APART)
    refused = usage.startswith(_REFUSED)
    code, cancelled = _count(status), False
    if flags != "-":
        seen = flags.split(",")
        cancelled, broken_off = not _CALLER_LEFT.isdisjoint(seen), not _BROKEN_OFF.isdisjoint(seen)
        code = CANCELLED if cancelled else _UNAVAILABLE if broken_off and code < 400 else code
    read, written, cached, _, reasoning = _NOTHING
    if usage not in _UNKNOWN and not refused:
        read, written, cached, _, reasoning = _figures(usage, operation, streamed=media_type.startswith("text/event-stream"))
    # What Envoy says where there is no answer is nothing that MuleRun gave; the core counts alike.
    answered = not refused and first_byte_us not in _UNKNOWN
    first_byte = _count(first_byte_us) / 1e6 if answered else None
    record = Record(
        id=record_id,
        began_at=began_at,
        endpoint=route[len(_ROUTES) :],
        model="" if model in _UNKNOWN else model,
        caller="" if caller in _UNKNOWN else caller,
        status=code,
        cancelled=cancelled,
        prompt_tokens=read,
        completion_tokens=written,
        cached_tokens=cached,
        reasoning_tokens=reasoning,
        seconds=max(_count(ms) / 1e3, first_byte or 0.0),
        first_byte_seconds=first_byte,
        bytes_out=_count(bytes_out) if answered else 0,
        request_id="" if request_id in _UNKNOWN else request_id,
    )
    return Told(record=record, refused=refused)


def _figures(usage: str, operation: Operation, *, streamed: bool) -> Figures:
    """Envoy hands on the objects behind the key `usage`, the first and the last of an answer, and understands none of them."""
    meter = Meter(operation, streamed=streamed)
    for each in usage.encode().split(_BETWEEN):
        meter.take(each)
    return meter.figures()


def _count(word: str) -> int:
    """A whole number; whatever else stands there is none, and what no store can hold is no number that Envoy writes."""
    return int(word) if word.isdecimal() and len(word) <= _LONGEST else 0
