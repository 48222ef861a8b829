"""Carries one dialect call to the core and its answer back, byte for byte: status, headers and body are the upstream's.

Before the answer's head is there, a failure is still a whole answer; after it, an event stream gets a last event that says what
went wrong, and anything else breaks off visibly.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from cli2api.v1 import text_pb2

from edge.backend import Backend, Pieces
from edge.errors import Dialect, Failure, document
from edge.exchange import Exchange
from edge.sse import EventWriter

_OURS: Final = "x-cli2api-"
_NOT_ASKED: Final = frozenset({"host", "content-length", "accept-encoding", "x-request-id", "expect"})
"""The caller's headers about this hop. Without accept-encoding the answer comes as it is, so that events can be seen in it."""
_NOT_TOLD: Final = frozenset({"content-length", "transfer-encoding", "connection", "x-request-id"})
"""The upstream's headers that are about its hop; `x-request-id` is the gateway's own."""


async def carry(
    exchange: Exchange,
    backend: Backend,
    *,
    operation: text_pb2.RelayOperation.ValueType,
    model: str,
    body: bytes,
    heartbeat: float,
) -> None:
    """Serves one call. `heartbeat` is the silence in seconds after which an event stream gets a comment. Raises Failure."""
    request = text_pb2.RelayRequest(operation=operation, model=model, body=body, headers=_asked(exchange.headers.items()))
    async with backend.open(backend.text.Relay, request, metadata=exchange.metadata) as pieces:
        head = (await pieces.first()).head
        headers = [(each.name, each.value) for each in head.headers if _is_told(each.name)]
        await exchange.start(head.status, headers)
        if _has_events(dict(headers)):
            await _carry_events(exchange, pieces, heartbeat)
        else:
            async for piece in pieces:
                await exchange.write(piece.chunk)
        await exchange.finish()


async def _carry_events(exchange: Exchange, pieces: Pieces[text_pb2.RelayResponse], heartbeat: float) -> None:
    async with EventWriter(exchange, heartbeat) as events:
        try:
            async for piece in pieces:
                await events.write(piece.chunk)
        except Failure as failure:
            await events.fail(document(failure, Dialect.OPENAI, exchange.request_id))


def _asked(headers: Iterable[tuple[str, str]]) -> list[text_pb2.Header]:
    return [
        text_pb2.Header(name=name, value=value)
        for name, value in headers
        if name not in _NOT_ASKED and not name.startswith(_OURS)
    ]


def _is_told(name: str) -> bool:
    return name.lower() not in _NOT_TOLD and not name.lower().startswith(_OURS)


def _has_events(headers: Mapping[str, str]) -> bool:
    folded = {name.lower(): value.lower() for name, value in headers.items()}
    return folded.get("content-type", "").startswith("text/event-stream") and "content-encoding" not in folded
