"""TextService: typed text whichever dialect the model's upstream speaks, and the verbatim relay for the edge.

Law: leaving a call stops its upstream call, and nothing is held back: each piece goes on as it comes in.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Final

from cli2api.v1 import text_pb2, text_pb2_grpc

from services.api.answer import answer_to_proto, event_to_proto
from services.api.conversation import conversation
from services.api.patience import Context
from services.catalog.catalog import Catalog
from services.domain import call
from services.domain.errors import InvalidRequest, Unsupported, UpstreamUnavailable, Violation
from services.domain.model import Operation, Route
from services.domain.ports import Reply, TextUpstream
from services.domain.text import TokenUsage
from services.usage.meter import Meter
from services.usage.unasked import Withheld, asking

OPERATIONS: Final[Mapping[int, Operation]] = {
    text_pb2.RELAY_OPERATION_CHAT_COMPLETIONS: Operation.CHAT_COMPLETIONS,
    text_pb2.RELAY_OPERATION_RESPONSES: Operation.RESPONSES,
    text_pb2.RELAY_OPERATION_MESSAGES: Operation.MESSAGES,
    text_pb2.RELAY_OPERATION_COUNT_TOKENS: Operation.COUNT_TOKENS,
}

_QUERY: Final = re.compile(r"[!-\"$-~]{1,4096}")

_NOT_SERVED: Final = frozenset({400, 404, 405})
_NOT_SERVED_WORDS: Final = re.compile(rb"\bmodel\b[^\"\n]{0,200}\bis not supported\b|\"model_not_supported\"", re.IGNORECASE)
"""How MuleRun says that it does not serve a model on a path."""
LARGEST_WHOLE: Final = 64 << 20
"""Bytes of an answer that is handed over in one message."""
_LONGEST_REFUSAL: Final = 64 << 10
"""Bytes of an error in which those words are looked for."""


class Texts(text_pb2_grpc.TextServiceServicer):
    """Text from any of MuleRun's text models."""

    def __init__(self, *, catalog: Catalog, upstream: TextUpstream, stream_usage: bool = False) -> None:
        """`stream_usage` asks relayed chat streams for their usage where the caller did not."""
        self._catalog = catalog
        self._upstream = upstream
        self._stream_usage = stream_usage

    async def Generate(self, request: text_pb2.GenerateRequest, context: Context) -> text_pb2.GenerateResponse:  # noqa: N802
        """The whole answer."""
        self._note(request.model)
        asked = conversation(request)
        answer = await self._upstream.generate(self._typed_route(asked.model), asked)
        call.current().note.tokens = answer.usage
        return answer_to_proto(answer)

    async def StreamGenerate(  # noqa: N802
        self, request: text_pb2.StreamGenerateRequest, context: Context
    ) -> AsyncGenerator[text_pb2.StreamGenerateResponse, None]:
        """The answer piece by piece."""
        self._note(request.model)
        asked = conversation(request)
        async with aclosing(self._upstream.stream(self._typed_route(asked.model), asked)) as events:
            async for event in events:
                if isinstance(event, TokenUsage):
                    call.current().note.tokens = event
                yield event_to_proto(event)

    async def Relay(  # noqa: N802
        self, request: text_pb2.RelayRequest, context: Context
    ) -> AsyncGenerator[text_pb2.RelayResponse, None]:
        """The upstream's answer as it is: a head, then bytes. Unsupported where it serves the model in another dialect."""
        self._note(request.model)
        route = self._relay_route(request)
        async with self._relayed(route, request) as (reply, withheld):
            chunks, opening = reply.chunks(), b""
            if self._may_be_served_otherwise(request.model, route, reply):
                opening = await _read(chunks, _LONGEST_REFUSAL)
                _raise_if_not_served(request.model, route, opening)
            first = text_pb2.RelayResponse()
            _put_head(reply, first.head)
            yield first
            if opening:
                yield text_pb2.RelayResponse(chunk=opening)
            note, meter = call.current().note, Meter(route.operation, streamed=_has_events(reply))
            note.status = reply.status
            try:
                async for chunk in chunks:
                    meter.feed(chunk)
                    if seen := withheld.feed(chunk) if withheld else chunk:
                        yield text_pb2.RelayResponse(chunk=seen)
                if withheld and (rest := withheld.rest()):
                    yield text_pb2.RelayResponse(chunk=rest)
            finally:
                # Also of a call that its caller left: what was told by then was paid.
                note.tokens = meter.tokens

    async def RelayWhole(  # noqa: N802
        self, request: text_pb2.RelayWholeRequest, context: Context
    ) -> text_pb2.RelayWholeResponse:
        """The upstream's whole answer as it is. Unsupported where it serves the model in another dialect."""
        asked = request.call
        self._note(asked.model)
        route = self._relay_route(asked)
        async with self._upstream.relay(route, asked.body, _headers(asked)) as reply:
            body = await _read(reply.chunks(), LARGEST_WHOLE)
            if len(body) > LARGEST_WHOLE:
                raise UpstreamUnavailable(f"MuleRun's answer is larger than {LARGEST_WHOLE} bytes; ask for a stream")
            if self._may_be_served_otherwise(asked.model, route, reply):
                _raise_if_not_served(asked.model, route, body[:_LONGEST_REFUSAL])
            note, meter = call.current().note, Meter(route.operation, streamed=_has_events(reply))
            meter.feed(body)
            note.status, note.tokens = reply.status, meter.tokens
            answer = text_pb2.RelayWholeResponse(body=body)
            _put_head(reply, answer.head)
            return answer

    @asynccontextmanager
    async def _relayed(self, route: Route, request: text_pb2.RelayRequest) -> AsyncGenerator[tuple[Reply, Withheld | None], None]:
        """The upstream's answer, and what has to be withheld of it where the gateway asked for its usage."""
        asked = asking(request.body) if self._stream_usage and route.operation is Operation.CHAT_COMPLETIONS else None
        if asked is not None:
            async with self._upstream.relay(route, asked, _uncompressed(request)) as reply:
                # A model that does not know the option refuses it, which costs nothing: it is asked again as its caller did.
                if reply.status != 400:
                    yield reply, Withheld() if _has_events(reply) else None
                    return
        async with self._upstream.relay(route, request.body, _headers(request)) as reply:
            yield reply, None

    def _may_be_served_otherwise(self, model: str, route: Route, reply: Reply) -> bool:
        """A refusal, and the model is best served by another operation, which typed calls would take."""
        if reply.status not in _NOT_SERVED or route.operation is Operation.COUNT_TOKENS:
            return False
        return self._typed_route(model).operation is not route.operation

    def _note(self, model: str) -> None:
        """Says for the record which model is asked: its id in the catalog, or a name that the catalog does not know as it is."""
        known = self._catalog.find(model)
        call.current().note.model = known.id if known else model

    def _typed_route(self, model: str) -> Route:
        """By the operation that the model's upstream serves best."""
        speaks = (operation for operation in self._catalog.operations(model) if operation is not Operation.COUNT_TOKENS)
        return self._catalog.route(model, next(speaks, Operation.CHAT_COMPLETIONS))

    def _relay_route(self, request: text_pb2.RelayRequest) -> Route:
        operation = OPERATIONS.get(request.operation)
        if operation is None or not (request.model and request.body):
            given = {"operation": operation, "model": request.model, "body": request.body}
            raise InvalidRequest.of(*(Violation(name, "is required") for name, value in given.items() if not value))
        route = self._catalog.route(request.model, operation)
        return replace(route, path=f"{route.path}?{_query(request.query)}") if request.query else route


def _query(given: str) -> str:
    """The caller's query. Raises InvalidRequest where it would not end with the request's first line."""
    if not _QUERY.fullmatch(given):
        raise InvalidRequest.of(Violation("query", "takes a URL's query: visible ASCII characters but #"))
    return given


def _headers(request: text_pb2.RelayRequest) -> list[tuple[str, str]]:
    return [(each.name, each.value) for each in request.headers]


def _uncompressed(request: text_pb2.RelayRequest) -> Sequence[tuple[str, str]]:
    """The same, for an answer that has to be read on its way."""
    return [
        *((name, value) for name, value in _headers(request) if name.lower() != "accept-encoding"),
        ("accept-encoding", "identity"),
    ]


def _put_head(reply: Reply, head: text_pb2.RelayHead) -> None:
    """Writes the head where it belongs; one that is made beside it would be copied there."""
    head.status = reply.status
    for name, value in reply.headers:
        head.headers.add(name=name, value=value)


async def _read(chunks: AsyncIterator[bytes], most: int) -> bytes:
    """The body to its end, or until it is longer than `most` bytes."""
    found, size = [], 0
    async for chunk in chunks:
        found.append(chunk)
        size += len(chunk)
        if size > most:
            break
    return b"".join(found)


def _raise_if_not_served(model: str, route: Route, refusal: bytes) -> None:
    if _NOT_SERVED_WORDS.search(refusal):
        raise Unsupported(f"MuleRun does not serve {model} at {route.path}; TextService.Generate can ask it")


def _has_events(reply: Reply) -> bool:
    return any(name.lower() == "content-type" and value.startswith("text/event-stream") for name, value in reply.headers)
