"""Carries one dialect call to the core and its answer back, byte for byte: status, headers and body are the upstream's.

Before the answer's head is there, a failure is still a whole answer; after it, an event stream gets a last event that says what
went wrong, and anything else breaks off visibly.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from cli2api.v1 import text_pb2

from edge.backend import Backend, Pieces
from edge.errors import Failure
from edge.exchange import Exchange
from edge.sse import EventWriter
from edge.voices import Voice, told, written

_OURS: Final = "x-cli2api-"
_OUR_FIELDS: Final = _OURS.encode()
_NOT_ASKED: Final = frozenset({b"host", b"content-length", b"content-encoding", b"accept-encoding", b"x-request-id", b"expect"})
"""The caller's headers about this hop. Without accept-encoding the answer comes as it is, so that events can be seen in it."""
_NOT_TOLD: Final = frozenset({"content-length", "transfer-encoding", "connection", "x-request-id"})
"""The upstream's headers that are about its hop; `x-request-id` is the gateway's own."""
_LARGEST_REFUSAL: Final = 64 << 10
"""Bytes of an upstream's error that are read where it has to be told inside a stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """One call of a dialect."""

    operation: text_pb2.RelayOperation.ValueType
    model: str
    body: bytes


async def carry_whole(exchange: Exchange, backend: Backend, call: Relay) -> None:
    """Serves one call whose answer is no stream, in one message: a stream of pieces costs about twice as much.

    Raises Failure with the reason UNSUPPORTED where the model's upstream does not speak the dialect.
    """
    request = text_pb2.RelayWholeRequest()
    _fill(request.call, exchange, call)
    found = await backend.ask(backend.text.RelayWhole, request, metadata=exchange.metadata, timeout=None)
    headers = [*_told(found.head), ("content-length", str(len(found.body)))]
    await exchange.start(found.head.status, headers)
    await exchange.end(found.body)


async def carry(exchange: Exchange, backend: Backend, call: Relay, events: EventWriter, voice: Voice) -> None:
    """Serves one call; `events` writes the answer if it is a stream.

    Raises Failure before the answer has begun, with the reason UNSUPPORTED where the model's upstream does not speak the dialect.
    """
    request = text_pb2.RelayRequest()
    _fill(request, exchange, call)
    async with backend.open(backend.text.Relay, request, metadata=exchange.metadata) as pieces:
        head = (await pieces.first()).head
        headers = _told(head)
        if head.status == 200 and _has_events(headers):
            await events.begin(headers)
            await _carry_events(exchange, pieces, events, voice)
        else:
            await events.rest()
            if events.begun:
                await events.die(written(voice.failure(await _refusal(exchange, head.status, pieces, voice))))
            else:
                await _carry_pieces(exchange, head.status, headers, pieces)
        await exchange.finish()


async def _carry_pieces(
    exchange: Exchange, status: int, headers: list[tuple[str, str]], pieces: Pieces[text_pb2.RelayResponse]
) -> None:
    await exchange.start(status, headers)
    async for piece in pieces:
        await exchange.write(piece.chunk)


async def _carry_events(exchange: Exchange, pieces: Pieces[text_pb2.RelayResponse], events: EventWriter, voice: Voice) -> None:
    try:
        async for piece in pieces:
            voice.hear(piece.chunk)
            await events.write(piece.chunk)
    except Failure as failure:
        await events.die(written(voice.failure(told(failure, voice, exchange.request_id))))


async def _refusal(exchange: Exchange, status: int, pieces: Pieces[text_pb2.RelayResponse], voice: Voice) -> dict[str, Any]:
    """What the upstream answered instead of a stream, when its status can no longer be told: its own error, else ours."""
    content = b""
    async for piece in pieces:
        content += piece.chunk
        if len(content) > _LARGEST_REFUSAL:
            break
    try:
        found = msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = {}
    if isinstance(found.get("error"), dict):
        return found
    failure = Failure("UPSTREAM_UNAVAILABLE", f"MuleRun answered HTTP {status} instead of a stream")
    return told(failure, voice, exchange.request_id)


def _fill(request: text_pb2.RelayRequest, exchange: Exchange, call: Relay) -> None:
    """Writes the call into an empty message where that stands, since a message that is put into another one is copied."""
    request.operation = call.operation
    request.model = call.model
    request.body = call.body
    request.query = exchange.query_text
    add = request.headers.add
    for name, value in exchange.fields:
        if name not in _NOT_ASKED and not name.startswith(_OUR_FIELDS):
            add(name=str(name, "latin-1"), value=str(value, "latin-1"))


def _told(head: text_pb2.RelayHead) -> list[tuple[str, str]]:
    """The headers that the caller gets, names in lower case."""
    named = ((each.name.lower(), each.value) for each in head.headers)
    return [(name, value) for name, value in named if name not in _NOT_TOLD and not name.startswith(_OURS)]


def _has_events(headers: Iterable[tuple[str, str]]) -> bool:
    found = dict(headers)
    return found.get("content-type", "").lower().startswith("text/event-stream") and "content-encoding" not in found
