"""Reads what a call cost out of the bytes of its answer as they pass by, whole JSON or events alike, cut anywhere.

Law: nothing passes later for being read. Most bytes are only searched for the key `"usage"`, which cannot stand inside of a JSON
string, since its closing quote would be escaped there. Nothing is kept but the object behind that key, at most `LARGEST` bytes.
"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from services.domain.model import Operation
from services.domain.text import TokenUsage

LARGEST: Final = 8192
"""Bytes of a `usage` object; all that are known have a few hundred."""

_KEY: Final = b'"usage"'
_OPENING: Final = re.compile(rb"\s*:\s*\{")
_PERHAPS_OPENING: Final = re.compile(rb"\s*(:\s*)?\Z")
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[{}]', re.DOTALL)
"""A string, perhaps cut off, or a brace outside of strings."""
_COUNTS: Final = msgspec.json.Decoder(dict[str, object])
_NEXT_DATA_LINE: Final = re.compile(rb"[\r\n]+data:")
_DETAILS: Final = ("prompt_tokens_details", "input_tokens_details", "completion_tokens_details", "output_tokens_details")
_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "prompt_tokens": ("prompt_tokens", "input_tokens"),
    "completion_tokens": ("completion_tokens", "output_tokens"),
    "cached_tokens": ("cached_tokens", "cache_read_input_tokens", "prompt_cache_hit_tokens"),
    "cache_write_tokens": ("cache_write_tokens", "cache_creation_input_tokens"),
    "reasoning_tokens": ("reasoning_tokens", "thinking_tokens"),
}
"""Our words and theirs: OpenAI's two dialects, Anthropic's, and DeepSeek's, which counts its cache in a word of its own."""


class Meter:
    """Follows one answer in the JSON of `operation`; `streamed` says that it comes as events."""

    def __init__(self, operation: Operation, *, streamed: bool) -> None:
        self._operation = operation
        self._hides_first = streamed and operation is Operation.MESSAGES
        """A streamed message begins by counting what it will have written, which is not known yet."""
        self._held = b""
        """What may be the beginning of the key, or, where it begins with it, of the object behind it."""
        self._counts: dict[str, int] = {}

    def feed(self, chunk: bytes) -> None:
        """The next bytes of the answer."""
        rest = self._held + chunk if self._held else chunk
        while (place := rest.find(_KEY)) >= 0:
            rest = rest[place:]
            end = _end(rest)
            if end is None:
                self._held = rest
                return
            self.take(rest[len(_KEY) : end])
            rest = rest[end:]
        self._held = _beginning(rest)

    def take(self, value: bytes) -> None:
        """Counts what stands behind a key, its colon perhaps before it; whatever is no object says nothing."""
        if not value:
            return
        value = value.lstrip(b": \t\r\n")
        try:
            found = _COUNTS.decode(_NEXT_DATA_LINE.sub(b"\n", value) if b"data:" in value else value)
        except (msgspec.DecodeError, RecursionError):
            return
        counts: dict[str, int] = {}
        for each in (found, *(found[name] for name in _DETAILS if name in found)):
            if isinstance(each, dict):
                counts |= {name: count for name, count in each.items() if type(count) is int and count >= 0}
        if self._hides_first:
            self._hides_first = False
            counts.pop("output_tokens", None)
        self._counts |= counts

    @property
    def tokens(self) -> TokenUsage | None:
        """What has been told so far; None where nothing was. A later count of the same thing replaces an earlier one."""
        if not self._counts:
            return None
        found = {field: _first(self._counts, names) for field, names in _NAMES.items()}
        if self._operation is Operation.MESSAGES and found["prompt_tokens"] is not None:
            # Anthropic counts what the cache read and wrote beside the rest.
            found["prompt_tokens"] += (found["cached_tokens"] or 0) + (found["cache_write_tokens"] or 0)
        return TokenUsage(**found)


def _end(rest: bytes) -> int | None:
    """Where the object behind the key ends; right behind the key where there is none; None where that is not known yet."""
    opening = _OPENING.match(rest, len(_KEY))
    if opening is None:
        undecided = _PERHAPS_OPENING.match(rest, len(_KEY)) and len(rest) <= LARGEST
        return None if undecided else len(_KEY)
    depth = 0
    for token in _TOKEN.finditer(rest, opening.end() - 1, LARGEST):
        depth += {b"{": 1, b"}": -1}.get(token[0], 0)
        if depth == 0:
            return token.end()
    return None if len(rest) < LARGEST else len(_KEY)


def _beginning(rest: bytes) -> bytes:
    """What of the end of `rest` may be the beginning of the key, which has no quote but its first."""
    place = rest.rfind(b'"', 1 - len(_KEY))
    tail = rest[place:] if place >= 0 else b""
    return tail if _KEY.startswith(tail) else b""


def _first(counts: Mapping[str, int], names: tuple[str, ...]) -> int | None:
    for name in names:
        if name in counts:
            return counts[name]
    return None
