"""The one place that knows the four shapes of a gRPC call. Everybody else writes a ring: what happens around one call.

Laws: a servicer's stream is closed as soon as its call ends, however it ends, because closing is what stops the work
behind it (grpc.aio leaves that to the garbage collector); and a request is parsed inside of the rings, so that one that
cannot be parsed fails like any other.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
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
Inside: TypeAlias = "Callable[[Rpc], Awaitable[Any]]"
"""What a ring is around: the next ring, innermost the servicer. Comes to the reply, or to None where all has been sent."""


@dataclass(slots=True, kw_only=True)
class Rpc:
    """One call on its way through the rings."""

    method: str
    """As in "/cli2api.v1.TextService/Generate"."""
    context: Context
    request: Any
    """As it came in: bytes, or an iterator of messages."""
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
        """Needs no key and is not worth a line of the log.

        Asks how the server is or what it offers, is Envoy's own report, or carries calls. Those come through the rings one by
        one, each with its key.
        """
        return self.method.startswith(("/grpc.health.", "/grpc.reflection.", "/opentelemetry.", "/cli2api.v1.TunnelService/"))


class Ring(Protocol):
    """What happens before and after a call, whatever its shape. A coroutine around another one is the cheapest thing that can."""

    def __call__(self, rpc: Rpc, inside: Inside, /) -> Awaitable[Any]:
        """Awaits `inside(rpc)` once and gives what it came to; what it raises, or lets through, is how the call ends."""


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

        async def answer(rpc: Rpc) -> Any:
            reply = await behaviour(_parsed(parse, rpc.request), rpc.context)
            rpc.sent(reply)
            return reply

        async def send(rpc: Rpc) -> None:
            replies = behaviour(_parsed(parse, rpc.request), rpc.context)
            if not isinstance(replies, AsyncGenerator):  # a servicer that writes by itself, as the health service does
                await replies
                return
            write = rpc.context.write
            async with aclosing(replies):
                async for reply in replies:
                    await write(reply)
                    rpc.sent(reply)

        ringed = self._around(send if handler.response_streaming else answer)

        async def serve(request: Any, context: Context) -> Any:
            return await ringed(Rpc(method=method, context=context, request=request, metadata=_texts(context)))

        make: Any = {
            (False, False): grpc.unary_unary_rpc_method_handler,
            (False, True): grpc.unary_stream_rpc_method_handler,
            (True, False): grpc.stream_unary_rpc_method_handler,
            (True, True): grpc.stream_stream_rpc_method_handler,
        }[handler.request_streaming, handler.response_streaming]
        made: Handler = make(
            serve,
            request_deserializer=handler.request_deserializer if handler.request_streaming else None,
            response_serializer=handler.response_serializer,
        )
        return made

    def _unknown(self, method: str) -> Handler:
        async def refuse(rpc: Rpc) -> None:
            raise Unsupported(f"this gateway has no method {rpc.method[:200]}; reflection lists those that it has")

        ringed = self._around(refuse)

        async def serve(requests: AsyncIterator[bytes], context: Context) -> None:
            await ringed(Rpc(method=method, context=context, request=requests, metadata=_texts(context), known=False))

        return grpc.stream_stream_rpc_method_handler(serve)

    def _around(self, inside: Inside) -> Inside:
        """All rings around that, the first one outermost."""
        for ring in reversed(self._rings):
            inside = _put(ring, inside)
        return inside


def _put(ring: Ring, inside: Inside) -> Inside:
    return lambda rpc: ring(rpc, inside)


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
