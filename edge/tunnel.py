"""A channel on which calls for text share one line to the core, since a message among others costs a fraction of a call.

All else, and what is large, goes its own way, so that nobody waits behind it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import grpc
from cli2api.v1.tunnel_pb2 import CarryRequest, CarryResponse
from grpc import aio

from edge.line import Asked, Line, Metadata, failure

_SHARED: Final = "/cli2api.v1.TextService/"
_LARGE: Final = 64 << 10
"""Bytes of a request that goes by itself."""
_CARRY: Final = "/cli2api.v1.TunnelService/Carry"


class Channel(aio.Channel):
    """Another channel, which leads to one core, and the line on it."""

    def __init__(self, plain: aio.Channel) -> None:
        self._plain = plain
        self._lines: set[Line] = set()
        """The one that takes calls, and those that serve their last ones."""

    async def __aenter__(self) -> "Channel":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self, grace: float | None = None) -> None:
        """Ends what is on it."""
        await asyncio.gather(*(line.close() for line in self._lines))
        await self._plain.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """As the other one says."""
        return self._plain.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """As the other one does."""
        await self._plain.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """As the other one does."""
        await self._plain.channel_ready()

    def unary_unary(
        self, method: str, request_serializer: Any = None, response_deserializer: Any = None, *_: Any, **__: Any
    ) -> Any:
        """A method that is asked for one message."""
        if not method.startswith(_SHARED):
            return self._plain.unary_unary(method, request_serializer, response_deserializer)
        alone: Any = self._plain.unary_unary(method, None, response_deserializer)

        async def ask(request: Any, *, timeout: float | None = None, metadata: Metadata | None = None) -> Any:
            content = request_serializer(request)
            if len(content) > _LARGE:
                return await alone(content, timeout=timeout, metadata=metadata)
            asked = self._ask(method, content, metadata, timeout)
            try:
                message = await asked.message()
                if message is not None and await asked.message() is None:
                    return response_deserializer(message)
            finally:
                asked.give_up()
            raise failure(grpc.StatusCode.INTERNAL, "the answer is not one message")

        return ask

    def unary_stream(
        self, method: str, request_serializer: Any = None, response_deserializer: Any = None, *_: Any, **__: Any
    ) -> Any:
        """A method that is asked for a stream."""
        if not method.startswith(_SHARED):
            return self._plain.unary_stream(method, request_serializer, response_deserializer)
        alone: Any = self._plain.unary_stream(method, None, response_deserializer)

        def ask(request: Any, *, timeout: float | None = None, metadata: Metadata | None = None) -> Any:
            content = request_serializer(request)
            if len(content) > _LARGE:
                return alone(content, timeout=timeout, metadata=metadata)
            return Reading(self._ask(method, content, metadata, timeout), response_deserializer)

        return ask

    def stream_unary(self, *method: Any, **how: Any) -> Any:
        """As the other one does."""
        return self._plain.stream_unary(*method, **how)

    def stream_stream(self, *method: Any, **how: Any) -> Any:
        """As the other one does."""
        return self._plain.stream_stream(*method, **how)

    def _ask(self, method: str, request: bytes, metadata: Metadata | None, timeout: float | None) -> Asked:
        line = next((each for each in self._lines if each.takes_calls), None)
        if line is None:
            carry = self._plain.stream_stream(_CARRY, CarryRequest.SerializeToString, CarryResponse.FromString)
            line = Line(carry(), self._lines.discard)
            self._lines.add(line)
        return line.begin(method, request, metadata, timeout)


class Reading:
    """A streamed answer."""

    def __init__(self, asked: Asked, parse: Callable[[bytes], Any]) -> None:
        self._asked = asked
        self._parse = parse

    async def __aiter__(self) -> AsyncIterator[Any]:
        while (found := await self.read()) is not aio.EOF:
            yield found

    async def read(self) -> Any:
        """The next message, or `aio.EOF`. Raises AioRpcError; whoever is cancelled here takes the call along."""
        try:
            found = await self._asked.message()
        except asyncio.CancelledError:
            self._asked.give_up()
            raise
        return aio.EOF if found is None else self._parse(found)

    def cancel(self) -> bool:
        """Gives the call up, unless it is over."""
        self._asked.give_up()
        return True
