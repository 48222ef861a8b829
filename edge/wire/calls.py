"""gRPC's calls on a stream: how one is asked, and what its end says, in the gRPC library's own words and exceptions."""

import asyncio
import base64
from binascii import Error as NotBase64
from collections.abc import Callable, Generator, Sequence
from typing import Any, Final, Protocol
from urllib.parse import unquote

import grpc
from grpc import aio

from edge.wire.connection import NOT_BEGUN, Connection
from edge.wire.hpack import METHOD_POST, SCHEME_HTTP, Fields, literal
from edge.wire.stream import Stream

Metadata = Sequence[tuple[str, str]]
Ending = tuple[grpc.StatusCode, str]

_CODES: Final = {str(code.value[0]): code for code in grpc.StatusCode}
_OF_HTTP: Final = {
    "400": grpc.StatusCode.INTERNAL,
    "401": grpc.StatusCode.UNAUTHENTICATED,
    "403": grpc.StatusCode.PERMISSION_DENIED,
    "404": grpc.StatusCode.UNIMPLEMENTED,
    "429": grpc.StatusCode.UNAVAILABLE,
    "502": grpc.StatusCode.UNAVAILABLE,
    "503": grpc.StatusCode.UNAVAILABLE,
    "504": grpc.StatusCode.UNAVAILABLE,
}
"""For an answer that has no gRPC in it."""
_DETAILS: Final = "grpc-status-details-bin"
_LATE: Final = (grpc.StatusCode.DEADLINE_EXCEEDED, "the call took longer than it may")
_LARGE: Final = (grpc.StatusCode.RESOURCE_EXHAUSTED, "the request is larger than a message may be")


class Lines(Protocol):
    """Where calls find a connection."""

    largest: int
    """Bytes that a message may have."""

    def connection(self) -> Connection | None:
        """One that takes streams; None where there is none."""


class Method:
    """One method of the contract."""

    def __init__(self, lines: Lines, path: str, pack: Callable[[Any], bytes], unpack: Callable[[bytes], Any]) -> None:
        self._lines = lines
        self._pack = pack
        self.unpack = unpack
        fields = ((":path", path), (":authority", "core"), ("te", "trailers"), ("content-type", "application/grpc"))
        named = b"".join(literal(name.encode(), value.encode()) for name, value in fields)
        self._always = METHOD_POST + SCHEME_HTTP + named + literal(b"user-agent", b"grpc-cli2api-edge")

    def begin(self, request: Any, metadata: Metadata | None, timeout: float | None) -> "Begun":
        """Sends the request."""
        message = self._pack(request)
        if len(message) > self._lines.largest:
            return Begun(None, None, _LARGE)
        connection = self._lines.connection()
        if connection is None:
            return Begun(None, None, NOT_BEGUN)
        block = self._always
        if timeout is not None:
            block += literal(b"grpc-timeout", b"%dm" % max(1, min(timeout * 1000, 99_999_999)))
        if metadata:
            block += b"".join([literal(name.encode(), value.encode()) for name, value in metadata])
        return Begun(connection, connection.begin(block, message), None, timeout)


class Begun:
    """A call that was begun, or could not be."""

    def __init__(
        self, connection: Connection | None, stream: Stream | None, failure: Ending | None, timeout: float | None = None
    ) -> None:
        self._connection = connection
        self._stream = stream
        self._failure = failure
        self._due = stream.loop.call_later(timeout, self._late) if stream is not None and timeout is not None else None

    async def message(self) -> bytes | None:
        """The next message; None at the end. Raises AioRpcError where that is a failure."""
        connection, stream = self._connection, self._stream
        if connection is None or stream is None:
            raise _error(self._failure or NOT_BEGUN)
        # First it is tried, then waited for: there may be room since, and nobody is told who did not wait.
        while stream.unsent and not stream.over:
            connection.push(stream)
            if stream.unsent:
                await stream.change()
        try:
            while (found := stream.message()) is None and not stream.over:
                await stream.change()
        except ValueError as error:
            self.cancel()
            raise _error((grpc.StatusCode.INTERNAL, str(error)), stream) from error
        if found is None:
            self._settle(stream)
        return found

    async def only(self) -> bytes:
        """The one message of an answer that is no stream, after its end. Raises AioRpcError."""
        found = await self.message()
        if found is not None and await self.message() is None:
            return found
        raise _error((grpc.StatusCode.INTERNAL, "the answer is not one message"), self._stream)

    def cancel(self) -> None:
        """Gives the call up, unless it is over."""
        self._forget_due()
        if self._connection is not None and self._stream is not None and not self._stream.over:
            self._connection.reset(self._stream)
            self._stream.end((grpc.StatusCode.CANCELLED, "the call was given up"))

    def _late(self) -> None:
        if self._connection is not None and self._stream is not None and not self._stream.over:
            self._connection.reset(self._stream)
            self._stream.end(_LATE)

    def _settle(self, stream: Stream) -> None:
        self._forget_due()
        code, words = stream.failure or _ending(stream)
        if code is not grpc.StatusCode.OK:
            raise _error((code, words), stream)

    def _forget_due(self) -> None:
        if self._due is not None:
            self._due.cancel()


class UnaryUnary(Method):
    """Asks for one message."""

    async def __call__(self, request: Any, *, timeout: float | None = None, metadata: Metadata | None = None) -> Any:
        """The answer. Raises AioRpcError; whoever is cancelled here takes the call along."""
        begun = self.begin(request, metadata, timeout)
        try:
            return self.unpack(await begun.only())
        finally:
            begun.cancel()


class UnaryStream(Method):
    """Asks for a stream of messages."""

    def __call__(self, request: Any, *, timeout: float | None = None, metadata: Metadata | None = None) -> "Reading":
        """The call, begun."""
        return Reading(self.begin(request, metadata, timeout), self.unpack)


class Reading:
    """A streamed answer."""

    def __init__(self, begun: Begun, unpack: Callable[[bytes], Any]) -> None:
        self._begun = begun
        self._unpack = unpack

    async def read(self) -> Any:
        """The next message, or `aio.EOF`. Raises AioRpcError; whoever is cancelled here takes the call along."""
        try:
            found = await self._begun.message()
        except asyncio.CancelledError:
            self._begun.cancel()
            raise
        return aio.EOF if found is None else self._unpack(found)

    def cancel(self) -> bool:
        """Gives the call up, unless it is over."""
        self._begun.cancel()
        return True


def _ending(stream: Stream) -> Ending:
    last = dict(stream.last)
    code = last.get("grpc-status")
    if code == "0":
        return grpc.StatusCode.OK, ""
    if code is not None:
        return _CODES.get(code, grpc.StatusCode.UNKNOWN), unquote(last.get("grpc-message", ""))
    status = last.get(":status") or dict(stream.first).get(":status", "")
    return _OF_HTTP.get(status, grpc.StatusCode.UNKNOWN), f"the core answered without a status of gRPC (HTTP {status})"


def _error(ending: Ending, stream: Stream | None = None) -> aio.AioRpcError:
    code, words = ending
    first, last = (stream.first, stream.last) if stream is not None else ((), ())
    return aio.AioRpcError(code, aio.Metadata(*_shown(first)), aio.Metadata(*_shown(last)), details=words)


def _shown(fields: Fields) -> Generator[tuple[str, Any]]:
    for name, value in fields:
        if name.startswith((":", "grpc-status")) and name != _DETAILS:
            continue
        if name.endswith("-bin"):
            try:
                yield name, base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
            except NotBase64:
                continue
        else:
            yield name, value
