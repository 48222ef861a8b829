"""The way to the core: one gRPC channel, and every failure on it turned into a Failure.

Its law: a call ends with whoever made it. Cancelling the task that waits, or leaving the context of a stream, cancels the call.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

import grpc
from cli2api.v1 import catalog_pb2_grpc, job_pb2_grpc, media_pb2_grpc, text_pb2_grpc, usage_pb2_grpc
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from edge.channels import open_channel
from edge.errors import Failure, Spent
from edge.line import Metadata
from edge.statuses import failure_of, lost, unreachable

Request = TypeVar("Request")
Response = TypeVar("Response")

CALL_TIMEOUT: Final = 30.0
"""Seconds that a call may take which only reads or starts something."""
_MESSAGE_SLACK: Final = 1 << 20
"""Bytes beside the body: headers, field tags."""
_HEALTH_TIMEOUT: Final = 2.0


def _options(max_body: int) -> Sequence[tuple[str, int]]:
    return (
        ("grpc.max_send_message_length", max_body + _MESSAGE_SLACK),
        ("grpc.max_receive_message_length", -1),  # how long an answer may be is the core's to say
        # A restarted core is used again within a second.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 500),
        ("grpc.dns_min_time_between_resolutions_ms", 1000),
        # A core that vanished without a word is noticed, also while a picture is waited for.
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.http2.max_pings_without_data", 0),
    )


class Pieces(Generic[Response]):
    """The messages of one streamed answer, in order."""

    def __init__(self, call: "aio.UnaryStreamCall[Any, Response]", spent: Spent) -> None:
        self._call = call
        self._spent = spent

    def __aiter__(self) -> AsyncIterator[Response]:
        return self

    async def __anext__(self) -> Response:
        try:
            piece = await self._call.read()
        except aio.AioRpcError as error:
            raise failure_of(error, spent=self._spent) from error
        except asyncio.CancelledError as error:
            if _asked_to_stop():
                raise
            raise lost(self._spent) from error
        if piece is aio.EOF:
            raise StopAsyncIteration
        return piece  # type: ignore[return-value]  # EOF is the only other thing that read() gives

    async def first(self) -> Response:
        """The head of the stream; its failure is still whole, since nothing was sent yet."""
        async for piece in self:
            return piece
        raise lost(self._spent)


class Backend:
    """An open channel to the core; use it as a context manager. `target` is a comma list of gRPC targets, `max_body` bytes."""

    def __init__(self, target: str, *, max_body: int, patience: float = 2.0) -> None:
        self._channel = open_channel(target, _options(max_body))
        self._patience = patience
        """Seconds that a call waits for a core that is just being restarted."""
        self.text: text_pb2_grpc.TextServiceAsyncStub = text_pb2_grpc.TextServiceStub(self._channel)
        self.media: media_pb2_grpc.MediaServiceAsyncStub = media_pb2_grpc.MediaServiceStub(self._channel)
        self.jobs: job_pb2_grpc.JobServiceAsyncStub = job_pb2_grpc.JobServiceStub(self._channel)
        self.catalog: catalog_pb2_grpc.CatalogServiceAsyncStub = catalog_pb2_grpc.CatalogServiceStub(self._channel)
        self.usage: usage_pb2_grpc.UsageServiceAsyncStub = usage_pb2_grpc.UsageServiceStub(self._channel)
        self._health: Any = health_pb2_grpc.HealthStub(self._channel)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._channel.close()

    async def ask(
        self,
        method: "aio.UnaryUnaryMultiCallable[Request, Response]",
        request: Request,
        *,
        metadata: Metadata,
        timeout: float | None = CALL_TIMEOUT,
        spent: Spent = Spent.NOTHING,
    ) -> Response:
        """One answer; None for `timeout` leaves it to the caller. `spent` says what a failure may have cost. Raises Failure."""
        await self._reach()
        try:
            return await method(request, metadata=tuple(metadata), timeout=timeout)
        except aio.AioRpcError as error:
            raise failure_of(error, spent=spent) from error
        except asyncio.CancelledError as error:
            if _asked_to_stop():
                raise
            raise lost(spent) from error

    @asynccontextmanager
    async def open(
        self,
        method: "aio.UnaryStreamMultiCallable[Request, Response]",
        request: Request,
        *,
        metadata: Metadata,
        timeout: float | None = None,
        spent: Spent = Spent.NOTHING,
    ) -> AsyncGenerator[Pieces[Response]]:
        """A streamed answer; leaving the context ends the call. Opening and reading raise Failure."""
        await self._reach()
        call = method(request, metadata=tuple(metadata), timeout=timeout)
        try:
            yield Pieces(call, spent)
        finally:
            call.cancel()

    async def missing(self) -> str | None:
        """What keeps the core from serving, in words; None when it serves."""
        try:
            await self._reach()
            answer = await self._health.Check(health_pb2.HealthCheckRequest(service=""), timeout=_HEALTH_TIMEOUT)
        except Failure as failure:
            return failure.message
        except aio.AioRpcError as error:
            return failure_of(error, spent=Spent.NOTHING).message
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            return "the gateway's core is not serving: its log says whether the job store or the MuleRun credential is missing"
        return None

    async def _reach(self) -> None:
        """Waits for the channel before anything is sent, so that what fails here has certainly begun nothing."""
        if self._channel.get_state(try_to_connect=True) is grpc.ChannelConnectivity.READY:
            return
        try:
            async with asyncio.timeout(self._patience):
                await self._channel.channel_ready()
        except TimeoutError as error:
            raise unreachable() from error


def _asked_to_stop() -> bool:
    """grpc.aio raises CancelledError also when the *core* cancels a call; a task may die of it only if it was asked to."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
