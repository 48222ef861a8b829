"""Reads what a call cost out of the bytes of its answer as they pass by, whole JSON or events alike, cut anywhere.

Law: nothing passes later for being read. Most bytes are only searched for the key `"usage"`, which cannot stand inside of a JSON
string, since its closing quote would be escaped there. Nothing is kept but the object behind that key, at most `LARGEST` bytes.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeAlias

import msgspec

from services.domain.model import Operation
from services.domain.text import TokenUsage

LARGEST: Final = 8192
"""Bytes of a `usage` object; all that are known have a few hundred."""
_ENDLESS: Final = 16
"""Objects of an answer that may turn out longer than that; each is looked through in vain, and nobody counts his tokens so."""

_KEY: Final = b'"usage"'
_OPENING: Final = re.compile(rb"\s*:\s*\{")
_PERHAPS_OPENING: Final = re.compile(rb"\s*(:\s*)?\Z")
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[{}]', re.DOTALL)
"""A string, perhaps cut off, or a brace outside of strings."""
_PIECE: Final = rb'[^{}"]++|"(?:[^"\\]|\\.)*+"'
_FLAT: Final = re.compile(rb"\s*+:\s*+\{(?:" + _PIECE + rb"|\{(?:" + _PIECE + rb")*+\})*+\}", re.DOTALL)
"""A whole object with no more than objects without objects in it, as nearly all are, in one step."""
_NEXT_DATA_LINE: Final = re.compile(rb"[\r\n]+data:")
_DETAILS: Final = ("prompt_tokens_details", "input_tokens_details", "completion_tokens_details", "output_tokens_details")
MOST: Final = (1 << 53) - 1
"""The greatest count that is believed: beyond it readers of JSON disagree, and one such record would spoil a store's sums."""
_Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=MOST)] | None

Figures: TypeAlias = tuple[int | None, int | None, int | None, int | None, int | None]


class _Counts(msgspec.Struct, omit_defaults=True, gc=False):
    """Our words and theirs: OpenAI's two dialects, Anthropic's, and DeepSeek's, which counts its cache in a word of its own."""

    prompt_tokens: _Count = None
    input_tokens: _Count = None
    completion_tokens: _Count = None
    output_tokens: _Count = None
    cached_tokens: _Count = None
    cache_read_input_tokens: _Count = None
    prompt_cache_hit_tokens: _Count = None
    cache_write_tokens: _Count = None
    cache_creation_input_tokens: _Count = None
    reasoning_tokens: _Count = None
    thinking_tokens: _Count = None


class _Usage(_Counts, gc=False):
    """The object behind the key, as it usually is; whatever else it has is passed over."""

    prompt_tokens_details: _Counts | None = None
    input_tokens_details: _Counts | None = None
    completion_tokens_details: _Counts | None = None
    output_tokens_details: _Counts | None = None


_USUAL: Final = msgspec.json.Decoder(_Usage)
_UNUSUAL: Final = msgspec.json.Decoder(dict[str, object])


class Meter:
    """Follows one answer in the JSON of `operation`; `streamed` says that it comes as events."""

    def __init__(self, operation: Operation, *, streamed: bool) -> None:
        self._operation = operation
        self._hides_first = streamed and operation is Operation.MESSAGES
        """A streamed message begins by counting what it will have written, which is not known yet."""
        self._held = b""
        """What may be the beginning of the key, or, where it begins with it, of the object behind it."""
        self._counts: dict[str, int] = {}
        self._endless = 0

    def feed(self, chunk: bytes) -> None:
        """The next bytes of the answer."""
        rest = self._held + chunk if self._held else chunk
        while (place := rest.find(_KEY)) >= 0:
            rest = rest[place:]
            end = _end(rest) if self._endless < _ENDLESS else len(_KEY)
            if end is None:
                self._held = rest
                return
            if end > LARGEST:
                self._endless += 1
                end = len(_KEY)
            self.take(rest[len(_KEY) : end])
            rest = rest[end:]
        self._held = _beginning(rest)

    def take(self, value: bytes) -> None:
        """Counts what stands behind a key, its colon perhaps before it; whatever is no object says nothing."""
        if not value:
            return
        value = value.lstrip(b": \t\r\n")
        if b"data:" in value:
            value = _NEXT_DATA_LINE.sub(b"\n", value)
        try:
            counts = _counted(value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        if self._hides_first:
            self._hides_first = False
            counts.pop("output_tokens", None)
        self._counts |= counts

    @property
    def tokens(self) -> TokenUsage | None:
        """What has been told so far; None where nothing was. A later count of the same thing replaces an earlier one."""
        if not self._counts:
            return None
        read, written, cached, cache_write, reasoning = self.figures()
        return TokenUsage(
            prompt_tokens=read,
            completion_tokens=written,
            cached_tokens=cached,
            cache_write_tokens=cache_write,
            reasoning_tokens=reasoning,
        )

    def figures(self) -> Figures:
        """The same without a name for each, for whoever reads many: tokens read, written, cached, put into a cache, reasoned."""
        told = self._counts.get
        read = told("prompt_tokens", told("input_tokens"))
        cached = told("cached_tokens", told("cache_read_input_tokens", told("prompt_cache_hit_tokens")))
        cache_write = told("cache_write_tokens", told("cache_creation_input_tokens"))
        if self._operation is Operation.MESSAGES and read is not None:
            # Anthropic counts what the cache read and wrote beside the rest.
            read += (cached or 0) + (cache_write or 0)
        written, reasoning = told("completion_tokens", told("output_tokens")), told("reasoning_tokens", told("thinking_tokens"))
        return read, written, cached, cache_write, reasoning


def _counted(value: bytes) -> dict[str, int]:
    """The counts of an object by their names, those of its details among them. Raises DecodeError or RecursionError."""
    try:
        counts: dict[str, Any] = msgspec.to_builtins(_USUAL.decode(value))
    except msgspec.ValidationError:
        return _sieved(_UNUSUAL.decode(value))
    for name in _DETAILS:
        if name in counts:
            counts |= counts.pop(name)
    return counts


def _sieved(found: Mapping[str, object]) -> dict[str, int]:
    """Where something that is no count stands for one, only that says nothing: what stands beside it counts."""
    counts: dict[str, int] = {}
    for each in (found, *(found[name] for name in _DETAILS if name in found)):
        if isinstance(each, dict):
            counts |= {name: count for name, count in each.items() if type(count) is int and 0 <= count <= MOST}
    return counts


def _end(rest: bytes) -> int | None:
    """Where the object behind the key ends; right behind the key where there is none; None where that is not known yet.

    Beyond LARGEST where it is longer than that.
    """
    if flat := _FLAT.match(rest, len(_KEY), LARGEST):
        return flat.end()
    opening = _OPENING.match(rest, len(_KEY))
    if opening is None:
        undecided = _PERHAPS_OPENING.match(rest, len(_KEY)) and len(rest) <= LARGEST
        return None if undecided else len(_KEY)
    depth = 0
    for token in _TOKEN.finditer(rest, opening.end() - 1, LARGEST):
        depth += {b"{": 1, b"}": -1}.get(token[0], 0)
        if depth == 0:
            return token.end()
    return None if len(rest) < LARGEST else LARGEST + 1


def _beginning(rest: bytes) -> bytes:
    """What of the end of `rest` may be the beginning of the key, which has no quote but its first."""
    place = rest.rfind(b'"', 1 - len(_KEY))
    tail = rest[place:] if place >= 0 else b""
    return tail if _KEY.startswith(tail) else b""
