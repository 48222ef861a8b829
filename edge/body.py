"""Reads a request's body, never more of it than allowed, and says what is wrong with it in the caller's words."""

import re
from typing import Any, Final, TypeVar

import msgspec

from edge.errors import Failure
from edge.exchange import Exchange

_Decoded = TypeVar("_Decoded")
_FIELD: Final = re.compile(r" - at `\$\.?(.*)`$")
_MISSING: Final = re.compile(r"missing required field `(.+?)`")


class TextHead(msgspec.Struct):
    """All that a relay needs to know of a chat body; the rest stays bytes."""

    model: str
    messages: list[msgspec.Raw]
    stream: bool | None = None


async def read(exchange: Exchange, limit: int) -> bytes:
    """The whole body, of at most `limit` bytes. Raises Failure; CallerLeft where the caller hangs up in the middle."""
    encoding = exchange.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"", "identity"}:
        raise Failure("INVALID_REQUEST", f'content-encoding "{encoding}" is not supported; send the body as it is')
    announced = exchange.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise _too_large(limit)
    pieces: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await exchange.receive()
        piece = message.get("body", b"")
        size += len(piece)
        if size > limit:
            raise _too_large(limit)
        pieces.append(piece)
        more = message.get("more_body", False)
    return b"".join(pieces)


def decode_object(raw: bytes) -> dict[str, Any]:
    """The JSON object that a body is. Raises Failure."""
    return _decode(raw, dict[str, Any])


def decode_text_head(raw: bytes) -> TextHead:
    """What a relay needs of a chat body. Raises Failure naming the field."""
    head = _decode(raw, TextHead)
    if not head.model:
        raise _wrong("model", "required: the name of a text model; GET /v1/models lists them")
    if not head.messages:
        raise _wrong("messages", "takes at least one message")
    return head


def _decode(raw: bytes, kind: type[_Decoded]) -> _Decoded:
    if not raw:
        raise Failure("INVALID_REQUEST", "the body is empty; a JSON object is needed")
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        raise _unfit(str(error)) from error
    except msgspec.DecodeError as error:
        raise Failure("INVALID_REQUEST", f"the body is not JSON: {error}") from error
    except UnicodeDecodeError as error:
        raise Failure("INVALID_REQUEST", "the body is not JSON: it is not UTF-8") from error
    except RecursionError as error:
        raise Failure("INVALID_REQUEST", "the body is nested too deeply") from error


def _unfit(complaint: str) -> Failure:
    if missing := _MISSING.search(complaint):
        return _wrong(missing[1], "required")
    place = _FIELD.search(complaint)
    words = _FIELD.sub("", complaint).replace("`", "").lower()
    if place and place[1]:
        return _wrong(place[1], words)
    return Failure("INVALID_REQUEST", f"the body does not fit: {words}")


def _wrong(field: str, description: str) -> Failure:
    return Failure("INVALID_REQUEST", f"{field}: {description}", param=field)


def _too_large(limit: int) -> Failure:
    return Failure("REQUEST_TOO_LARGE", f"request body too large: at most {limit} bytes (CLI2API_MAX_BODY)")
