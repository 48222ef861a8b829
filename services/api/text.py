"""TextService: typed text whichever dialect the model's upstream speaks, and the verbatim relay for the edge.

Law: leaving a call stops its upstream call, and nothing is held back: each piece goes on as it comes in.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Final

from cli2api.v1 import text_pb2, text_pb2_grpc

from services.api.answer import answer_to_proto, event_to_proto
from services.api.conversation import conversation
from services.api.patience import Context
from services.catalog.catalog import Catalog
from services.domain.errors import InvalidRequest, Violation
from services.domain.model import Operation, Route
from services.domain.ports import TextUpstream

OPERATIONS: Final[Mapping[int, Operation]] = {
    text_pb2.RELAY_OPERATION_CHAT_COMPLETIONS: Operation.CHAT_COMPLETIONS,
    text_pb2.RELAY_OPERATION_RESPONSES: Operation.RESPONSES,
    text_pb2.RELAY_OPERATION_MESSAGES: Operation.MESSAGES,
    text_pb2.RELAY_OPERATION_COUNT_TOKENS: Operation.COUNT_TOKENS,
}


class Texts(text_pb2_grpc.TextServiceServicer):
    """Text from any of MuleRun's text models."""

    def __init__(self, *, catalog: Catalog, upstream: TextUpstream) -> None:
        self._catalog = catalog
        self._upstream = upstream

    async def Generate(self, request: text_pb2.GenerateRequest, context: Context) -> text_pb2.GenerateResponse:  # noqa: N802
        """The whole answer."""
        asked = conversation(request)
        return answer_to_proto(await self._upstream.generate(self._typed_route(asked.model), asked))

    async def StreamGenerate(  # noqa: N802
        self, request: text_pb2.StreamGenerateRequest, context: Context
    ) -> AsyncGenerator[text_pb2.StreamGenerateResponse, None]:
        """The answer piece by piece."""
        asked = conversation(request)
        async with aclosing(self._upstream.stream(self._typed_route(asked.model), asked)) as events:
            async for event in events:
                yield event_to_proto(event)

    async def Relay(  # noqa: N802
        self, request: text_pb2.RelayRequest, context: Context
    ) -> AsyncGenerator[text_pb2.RelayResponse, None]:
        """The upstream's answer as it is: a head, then bytes."""
        route = self._relay_route(request)
        headers = [(each.name, each.value) for each in request.headers]
        async with self._upstream.relay(route, request.body, headers) as reply:
            head = text_pb2.RelayHead(status=reply.status)
            for name, value in reply.headers:
                head.headers.add(name=name, value=value)
            yield text_pb2.RelayResponse(head=head)
            async for chunk in reply.chunks():
                yield text_pb2.RelayResponse(chunk=chunk)

    def _typed_route(self, model: str) -> Route:
        """By the operation that the model's upstream serves best."""
        speaks = (operation for operation in self._catalog.operations(model) if operation is not Operation.COUNT_TOKENS)
        return self._catalog.route(model, next(speaks, Operation.CHAT_COMPLETIONS))

    def _relay_route(self, request: text_pb2.RelayRequest) -> Route:
        operation = OPERATIONS.get(request.operation)
        violations = [
            *([] if operation else [Violation("operation", "is required")]),
            *([] if request.model else [Violation("model", "is required")]),
            *([] if request.body else [Violation("body", "is required")]),
        ]
        if operation is None or violations:
            raise InvalidRequest.of(*violations)
        return self._catalog.route(request.model, operation)
