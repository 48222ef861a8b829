"""Faults as values: what shall go wrong with a request, read from JSON with errors that name the mistake."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from simulator.options import ByHand, ByPolls, ByTime, Pace, Words
from simulator.wire import Body, Json

_MAGIC = "[[sim:"
_MAX_DELAY_S = 60.0


class Reset(StrEnum):
    """When the connection is dropped."""

    UNREAD = "unread"
    """Before the body is read. Only for faults that were set beforehand or come in the header."""
    UNSERVED = "unserved"
    """After the body is read; nothing happened."""
    UNANSWERED = "unanswered"
    """After the request was served, a task submitted for example; only the answer is lost."""


class ErrorIn(StrEnum):
    """Where a failed task says why."""

    CODE = "code"
    """task_info.error.code"""
    ERROR_CODE = "error_code"
    """task_info.error.error_code"""
    TOP = "top"
    """error.code, beside task_info"""
    NONE = "none"
    """nowhere"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskScript:
    """How one task departs from the usual."""

    fail: int | None = None
    """The task fails in the end, with this code."""
    detail: str = "The provider could not finish the task."
    error_in: ErrorIn = ErrorIn.CODE
    pace: Pace | None = None
    words: Words | None = None
    word: str | None = None
    """The status word of every poll, whatever the state: an unknown one, or the empty string."""
    submit_status: int = 202
    submit_word: str | None = None
    """The status word of the submit answer; the empty string leaves the key out."""
    id_key: str = "id"
    singular: bool = False
    """The result key is `image`, `video` or `audio`, with one string."""
    no_assets: bool = False
    """The task completes with an empty list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong. Members that belong to a later stage than the one that fires are not reached."""

    delay_s: float = 0.0
    """Wait before the head of the answer, at most 60 s."""
    hold: str | None = None
    """Wait until this name is released: before the head, or after `hold_after` chunks of a stream, bytes of a file."""
    hold_after: int | None = None
    reset: Reset | None = None
    status: int | None = None
    """Answer with this status instead of serving."""
    body: Json = None
    """Beside `status`: the answer's body; text is sent as it is, anything else as JSON. None: the path's own error shape."""
    headers: Mapping[str, str] | None = None
    retry_after: float | str | None = None
    """The Retry-After header: seconds or an HTTP date."""
    broken_json: bool = False
    """The answer's JSON is cut in the middle, or that of a stream's second event."""
    abort_after: int | None = None
    """A stream breaks off after so many chunks, a file after so many bytes."""
    split: int | None = None
    """A stream is cut into pieces of so many bytes, wherever they end."""
    chunk_delay_s: float | None = None
    task: TaskScript | None = None
    """For a submit: how its task goes."""
    poll: "Fault | None" = None
    """For a submit: the fault that the first `poll_times` polls of its task meet."""
    poll_times: int = 1

    def __post_init__(self) -> None:
        for name in ("delay_s", "chunk_delay_s"):
            if not 0 <= (getattr(self, name) or 0) <= _MAX_DELAY_S:
                raise ValueError(f"{name} must lie between 0 and {_MAX_DELAY_S:g} seconds")
        if self.status is not None and not 200 <= self.status <= 599:
            raise ValueError("status must lie between 200 and 599")
        if self.split is not None and self.split < 1:
            raise ValueError("split must be at least 1 byte")


_TYPES: dict[str, tuple[type, ...]] = {
    "delay_s": (int, float),
    "hold": (str,),
    "hold_after": (int,),
    "status": (int,),
    "headers": (dict,),
    "retry_after": (int, float, str),
    "broken_json": (bool,),
    "abort_after": (int,),
    "split": (int,),
    "chunk_delay_s": (int, float),
    "poll_times": (int,),
    "fail": (int,),
    "detail": (str,),
    "word": (str,),
    "submit_status": (int,),
    "submit_word": (str,),
    "id_key": (str,),
    "singular": (bool,),
    "no_assets": (bool,),
}


def read_fault(value: Json) -> Fault:
    """A fault from its JSON. Raises ValueError that names the key and what it takes."""
    members = _members(value, Fault, "fault")
    if "reset" in members:
        members["reset"] = Reset.UNSERVED if members["reset"] is True else _word(members["reset"], Reset, "reset")
    if "task" in members:
        members["task"] = read_task_script(members["task"])
    if "poll" in members:
        members["poll"] = read_fault(members["poll"])
    return Fault(**members)


def read_task_script(value: Json) -> TaskScript:
    """A task's script from its JSON. Raises ValueError likewise."""
    members = _members(value, TaskScript, "task")
    if "error_in" in members:
        members["error_in"] = _word(members["error_in"], ErrorIn, "error_in")
    if "words" in members:
        members["words"] = _word(members["words"], Words, "words")
    if "pace" in members:
        members["pace"] = read_pace(members["pace"])
    return TaskScript(**members)


def read_pace(value: Json) -> Pace:
    """A pace: "hand", {"polls": [pending, processing]} or {"seconds": [pending, processing]}. Raises ValueError."""
    match value:
        case "hand":
            return ByHand()
        case {"polls": [int(pending), int(processing)]}:
            return ByPolls(pending=pending, processing=processing)
        case {"seconds": [int() | float() as pending_s, int() | float() as processing_s]}:
            return ByTime(pending_s=pending_s, processing_s=processing_s)
    raise ValueError('pace must be "hand", {"polls": [1, 1]} or {"seconds": [0.2, 0.6]}')


def magic_fault(body: Body) -> Fault | None:
    """The fault written into the body's prompt, newest message or model name as [[sim:{...}]]. Raises ValueError."""
    for text in _texts(body):
        start = text.find(_MAGIC)
        if start >= 0:
            return read_fault(_decode_magic(text, start)[0])
    return None


def without_magic(text: str) -> str:
    """The text as if no fault were written into it; what is no proper fault stays."""
    while (start := text.find(_MAGIC)) >= 0:
        try:
            _, end = _decode_magic(text, start)
        except ValueError:
            return text
        text = (text[:start].rstrip() + text[end:]).strip()
    return text


def _decode_magic(text: str, start: int) -> tuple[Json, int]:
    try:
        value, end = json.JSONDecoder().raw_decode(text, start + len(_MAGIC))
    except json.JSONDecodeError as cause:
        raise ValueError(f"{_MAGIC}...]] must hold a JSON object: {cause}") from cause
    closing = re.compile(r"\s*\]\]").match(text, end)
    if closing is None:
        raise ValueError(f"{_MAGIC}...]] is not closed")
    return value, closing.end()


def _texts(body: Body) -> Iterator[str]:
    """Strings that may carry magic. Of a conversation only the last turn, so that history does not fire again."""
    for key in ("model", "prompt"):
        if isinstance(body.get(key), str):
            yield body[key]
    for key in ("messages", "input"):
        turns = body.get(key)
        yield from _strings(turns[-1] if isinstance(turns, list) and turns else turns)


def _strings(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)


def _members(value: Json, kind: type[Fault | TaskScript], label: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{label} must be a JSON object")  # noqa: TRY004 - wrong text, not a wrong argument
    known = [field.name for field in fields(kind)]
    for name, member in value.items():
        if name not in known:
            raise ValueError(f"{label} has no key {name!r}; it knows {', '.join(known)}")
        expected = _TYPES.get(name)
        if expected and (not isinstance(member, expected) or (isinstance(member, bool) and bool not in expected)):
            raise ValueError(f"{label}.{name} must be {' or '.join(kind.__name__ for kind in expected)}")
    return dict(value)


def _word(value: Any, kind: type[StrEnum], label: str) -> Any:
    try:
        return kind(value)
    except ValueError as cause:
        raise ValueError(f"{label} must be one of {', '.join(kind)}") from cause
