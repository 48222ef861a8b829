"""Reads a request's body, never more of it than allowed, and says what is wrong with it in the caller's words."""

import asyncio
import re
import zlib
from contextlib import suppress
from difflib import get_close_matches
from itertools import islice
from typing import Any, Final, TypeVar

import msgspec

from edge.errors import Failure
from edge.exchange import Exchange

_Decoded = TypeVar("_Decoded")
_GZIP: Final = 16 + zlib.MAX_WBITS
PATIENCE: Final = 4
"""How many times the limit is still read from a caller whose body is too large, before the line is cut."""
_FIELD: Final = re.compile(r" - at `\$\.?(.*)`$")
_MISSING: Final = re.compile(r"missing required field `(.+?)`")
_MALFORMED: Final = "JSON is malformed: "
"""How the decoder begins to say what we have said by then."""
_KEYS: Final = 100
"""Of a body without a field that it needs, how many keys are looked through for a misspelt one; comparing them takes its time."""


class TextHead(msgspec.Struct):
    """All that a relay needs to know of a body; the rest stays bytes."""

    model: str
    stream: bool | None = None


class ConversationHead(TextHead, kw_only=True):
    """The same of a dialect that has its turns in `messages`."""

    messages: list[msgspec.Raw]


async def read(exchange: Exchange, limit: int) -> bytes:
    """The whole body, unpacked, of at most `limit` bytes. Raises Failure; CallerLeft where the caller hangs up in the middle."""
    encoding = exchange.header(b"content-encoding").strip().lower()
    if encoding not in {"", "identity", "gzip", "x-gzip"}:
        raise Failure(
            "INVALID_REQUEST", f'content-encoding "{encoding}" is not supported; send the body as it is, or packed with gzip'
        )
    unpacked = _Unpacked(limit) if encoding.endswith("gzip") else None
    announced = exchange.header(b"content-length")
    if announced.isdecimal() and int(announced) > limit:
        await _let_go(exchange, limit * PATIENCE)
        raise _too_large(limit)
    pieces: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await exchange.receive()
        more = message.get("more_body", False)
        piece = message.get("body", b"")
        if unpacked is not None:
            piece = unpacked.feed(piece)
        size += len(piece)
        if size > limit:
            if more:
                await _let_go(exchange, limit * PATIENCE)
            raise _too_large(limit)
        pieces.append(piece)
    if unpacked is not None:
        unpacked.end()
    return b"".join(pieces)


async def _let_go(exchange: Exchange, most: int) -> None:
    """Reads on and keeps nothing: a client that is still sending hears an answer only if its bytes are taken off the line.

    Ends with the body, after `most` bytes, when nothing comes for a second, or after a minute.
    """
    more = True
    with suppress(TimeoutError):
        async with asyncio.timeout(60):
            while more and most > 0:
                async with asyncio.timeout(1):
                    message = await exchange.receive()
                most -= len(message.get("body", b""))
                more = message.get("more_body", False)


class _Unpacked:
    """Unpacks gzip piece by piece, and never more of it than allowed: a small body may stand for an endless one."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._member = zlib.decompressobj(_GZIP)
        self._fed = False

    def feed(self, piece: bytes) -> bytes:
        """What these bytes stand for. Raises Failure."""
        unpacked = []
        while piece:
            if self._member.eof:  # a gzip file may have several members
                self._member = zlib.decompressobj(_GZIP)
            self._fed = True
            try:
                found = self._member.decompress(piece, self._limit + 1 - self._size)
            except zlib.error as error:
                raise Failure("INVALID_REQUEST", "the body is not gzip, as its content-encoding says") from error
            self._size += len(found)
            if self._size > self._limit:
                raise _too_large(self._limit)
            unpacked.append(found)
            piece = self._member.unused_data
        return b"".join(unpacked)

    def end(self) -> None:
        """Raises Failure where the body ended in the middle."""
        if self._fed and not self._member.eof:
            raise Failure("INVALID_REQUEST", "the gzip body is cut off")


def decode_object(raw: bytes) -> dict[str, Any]:
    """The JSON object that a body is. Raises Failure."""
    return _decode(raw, dict[str, Any])


def decode_text_head(raw: bytes, kind: type[TextHead] = ConversationHead) -> TextHead:
    """What a relay needs of a body. Raises Failure naming the field."""
    head = _decode(raw, kind)
    if not head.model:
        raise _wrong("model", "required: the name of a text model; GET /v1/models lists them")
    if isinstance(head, ConversationHead) and not head.messages:
        raise _wrong("messages", "takes at least one message")
    return head


def _decode(raw: bytes, kind: type[_Decoded]) -> _Decoded:
    if not raw:
        raise Failure("INVALID_REQUEST", "the body is empty; a JSON object is needed")
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        raise _unfit(str(error), raw) from error
    except msgspec.DecodeError as error:
        raise Failure("INVALID_REQUEST", f"the body is not JSON: {str(error).removeprefix(_MALFORMED)}") from error
    except UnicodeDecodeError as error:
        raise Failure("INVALID_REQUEST", "the body is not JSON: it is not UTF-8") from error
    except RecursionError as error:
        raise Failure("INVALID_REQUEST", "the body is nested too deeply") from error


def _unfit(complaint: str, raw: bytes) -> Failure:
    if missing := _MISSING.search(complaint):
        return _wrong(missing[1], "required" + _misspelt(missing[1], raw))
    place = _FIELD.search(complaint)
    words = _FIELD.sub("", complaint).replace("`", "").lower()
    if place and place[1].strip("[.]"):
        return _wrong(place[1], words)
    return Failure("INVALID_REQUEST", f"the body does not fit: {words}")


def _misspelt(field: str, raw: bytes) -> str:
    """What the body has instead of the field; empty where nothing is like it."""
    try:
        keys = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    near = get_close_matches(field, islice((key for key in keys if key != field), _KEYS), n=1, cutoff=0.75)
    return f" (the body has `{near[0]}`)" if near else ""


def _wrong(field: str, description: str) -> Failure:
    return Failure("INVALID_REQUEST", f"{field}: {description}", param=field)


def _too_large(limit: int) -> Failure:
    return Failure("REQUEST_TOO_LARGE", f"request body too large: at most {limit} bytes (CLI2API_MAX_BODY)")
