"""The one place that knows the four shapes of a gRPC call. Everybody else writes a ring: what happens around one call.

Laws: a servicer's stream is closed as soon as its call ends, however it ends, because closing is what stops the work
behind it (grpc.aio leaves that to the garbage collector); and a request is parsed inside of the rings, so that one that
cannot be parsed fails like any other.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from dataclasses import dataclass, field
from functools import cache
from time import monotonic
from typing import Any, Protocol, TypeAlias

import grpc
import grpc.aio
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError, Message

from services.domain.errors import InvalidRequest, Unsupported

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


@dataclass(slots=True, kw_only=True)
class Rpc:
    """One call on its way through the rings."""

    method: str
    """As in "/cli2api.v1.TextService/Generate"."""
    context: Context
    metadata: Mapping[str, str]
    """The caller's; of a name that comes twice the first value, binary values left out."""
    known: bool = True
    """This server has the method."""
    started: float = field(default_factory=monotonic)
    code: grpc.StatusCode = grpc.StatusCode.OK
    """How it ended; true from the moment that it left the faults ring."""
    answered: float | None = None
    """When the first word of the answer went out, on the clock of `started`."""
    bytes_out: int = 0
    """Of messages that carry a piece of a body or file only the piece counts: the bytes that the caller is given."""

    def sent(self, reply: object) -> None:
        """One message of the answer goes out."""
        if self.answered is None:
            self.answered = monotonic()
        if isinstance(reply, Message):
            piece = _piece_of(reply.DESCRIPTOR)
            self.bytes_out += len(getattr(reply, piece)) if piece else reply.ByteSize()

    @property
    def is_probe(self) -> bool:
        """Asks how the server is or what it offers, or is Envoy's own report: no caller's call, and not worth a line."""
        return self.method.startswith(("/grpc.health.", "/grpc.reflection.", "/opentelemetry."))


class Ring(Protocol):
    """What happens before and after a call, whatever its shape."""

    def __call__(self, rpc: Rpc, /) -> AbstractAsyncContextManager[None]:
        """A context around the call; what it raises, or lets through, is how the call ends."""


class Rings(grpc.aio.ServerInterceptor):
    """Puts rings around every method of a server, the first one outermost."""

    def __init__(self, *rings: Ring) -> None:
        self._rings = rings
        self._known: dict[str, Handler] = {}

    async def intercept_service(
        self,
        continuation: "Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]]",
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """The method inside of its rings; an unknown method becomes one that says so."""
        method = str(handler_call_details.method)
        if method not in self._known:
            handler = await continuation(handler_call_details)
            if handler is None:
                return self._unknown(method)
            self._known[method] = self._ringed(method, handler)
        return self._known[method]

    def _ringed(self, method: str, handler: Handler) -> Handler:
        # The answer's shape decides how it is sent, the request's only how it is parsed.
        parse = None if handler.request_streaming else handler.request_deserializer
        behaviours = (handler.unary_unary, handler.unary_stream, handler.stream_unary, handler.stream_stream)
        behaviour: Any = next(filter(None, behaviours))

        async def answer(request: Any, context: Context) -> Any:
            async with AsyncExitStack() as stack:
                rpc = Rpc(method=method, context=context, metadata=_texts(context))
                await self._enter(stack, rpc)
                reply = await behaviour(_parsed(parse, request), context)
                rpc.sent(reply)
                return reply

        async def send(request: Any, context: Context) -> None:
            async with AsyncExitStack() as stack:
                rpc = Rpc(method=method, context=context, metadata=_texts(context))
                await self._enter(stack, rpc)
                replies = behaviour(_parsed(parse, request), context)
                if not isinstance(replies, AsyncGenerator):  # a servicer that writes by itself, as the health service does
                    await replies
                    return
                async with aclosing(replies):
                    async for reply in replies:
                        await context.write(reply)
                        rpc.sent(reply)

        make: Any = {
            (False, False): grpc.unary_unary_rpc_method_handler,
            (False, True): grpc.unary_stream_rpc_method_handler,
            (True, False): grpc.stream_unary_rpc_method_handler,
            (True, True): grpc.stream_stream_rpc_method_handler,
        }[handler.request_streaming, handler.response_streaming]
        ringed: Handler = make(
            send if handler.response_streaming else answer,
            request_deserializer=handler.request_deserializer if handler.request_streaming else None,
            response_serializer=handler.response_serializer,
        )
        return ringed

    def _unknown(self, method: str) -> Handler:
        async def refuse(_: AsyncIterator[bytes], context: Context) -> None:
            async with AsyncExitStack() as stack:
                await self._enter(stack, Rpc(method=method, context=context, metadata=_texts(context), known=False))
                raise Unsupported(f"this gateway has no method {method[:200]}; reflection lists those that it has")

        return grpc.stream_stream_rpc_method_handler(refuse)

    async def _enter(self, stack: AsyncExitStack, rpc: Rpc) -> None:
        for ring in self._rings:
            await stack.enter_async_context(ring(rpc))


@cache
def _piece_of(kind: Descriptor) -> str:
    """The field of a message that carries bytes of a body or file; empty where it has none."""
    return next((name for name in ("chunk", "body") if name in kind.fields_by_name), "")


def _parsed(parse: Callable[[Any], Any] | None, request: Any) -> Any:
    try:
        return parse(request) if parse else request
    except DecodeError as error:
        raise InvalidRequest("the request is no message of the type that this method takes") from error


def _texts(context: Context) -> Mapping[str, str]:
    texts: dict[str, str] = {}
    for name, value in context.invocation_metadata() or ():
        if isinstance(value, str):
            texts.setdefault(name, value)
    return texts
