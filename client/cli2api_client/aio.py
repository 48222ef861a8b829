"""The gateway for programs on asyncio: the same stubs and the same conveniences as in `cli2api_client`, awaited."""

import asyncio
import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import grpc
import grpc.aio
from cli2api.v1 import (
    catalog_pb2_grpc,
    gateway_pb2_grpc,
    job_pb2,
    job_pb2_grpc,
    media_pb2_grpc,
    text_pb2_grpc,
    usage_pb2_grpc,
)

from cli2api_client import calls
from cli2api_client.channel import MAX_MESSAGE, Option, Tls, options
from cli2api_client.errors import CallFailed, Unavailable, named
from cli2api_client.jobs import LONGEST_WAIT, PATIENCE, REST, SLACK, id_of, is_terminal, succeeded, wait_request
from cli2api_client.status import told


class Client:
    """An open channel and its stubs. Every call of them raises a CallFailed where it fails; `close` it, or use `async with`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel
        self.text = text_pb2_grpc.TextServiceStub(channel)
        self.media = media_pb2_grpc.MediaServiceStub(channel)
        self.jobs = job_pb2_grpc.JobServiceStub(channel)
        self.catalog = catalog_pb2_grpc.CatalogServiceStub(channel)
        self.usage = usage_pb2_grpc.UsageServiceStub(channel)
        self.gateway = gateway_pb2_grpc.GatewayServiceStub(channel)

    async def wait(self, job: job_pb2.Job | str, *, timeout: float | None = None) -> job_pb2.Job:
        """The job when it has succeeded, also over a restart of the gateway.

        Raises the CallFailed of its failure, OutOfTime after `timeout` seconds.
        """
        clock = asyncio.get_running_loop().time
        end = None if timeout is None else clock() + timeout
        found = (await self.jobs.GetJob(job_pb2.GetJobRequest(id=id_of(job)))).job
        lost_at: float | None = None
        while not is_terminal(found):
            request = wait_request(found.id, None if end is None else end - clock())
            try:
                found = (await self.jobs.WaitJob(request, timeout=LONGEST_WAIT + SLACK)).job
            except Unavailable:
                lost_at = lost_at or clock()
                if clock() - lost_at > PATIENCE:
                    raise
                await asyncio.sleep(REST)
            else:
                lost_at = None
        return succeeded(found)

    async def download(self, job: job_pb2.Job | str, index: int = 0, *, offset: int = 0) -> AsyncGenerator[bytes, None]:
        """The bytes of one of the job's files from `offset` on; a line that breaks is taken up where it broke."""
        clock = asyncio.get_running_loop().time
        heard, lost_at = False, cast("float | None", None)
        while True:
            replies = self.jobs.DownloadAsset(job_pb2.DownloadAssetRequest(id=id_of(job), index=index, offset=offset))
            try:
                async for reply in replies:
                    if reply.chunk:
                        offset += len(reply.chunk)
                        heard, lost_at = True, None
                        yield reply.chunk
            except Unavailable:
                lost_at = lost_at or clock()
                if not heard or clock() - lost_at > PATIENCE:
                    raise
            else:
                return
            finally:
                replies.cancel()
            await asyncio.sleep(REST)

    async def save(self, job: job_pb2.Job | str, path: str | os.PathLike[str], index: int = 0) -> Path:
        """Writes one of the job's files to `path`, which is there only when it is whole. Raises CallFailed or OSError."""
        whole = Path(path)
        part = whole.with_name(f"{whole.name}.part")
        with part.open("wb") as file:
            async with aclosing(self.download(job, index)) as chunks:
                async for chunk in chunks:
                    await asyncio.to_thread(file.write, chunk)
        return part.replace(whole)

    async def close(self) -> None:
        """Ends the channel and every call on it."""
        await self.channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()


def connect(
    target: str,
    *,
    key: str = "",
    tls: Tls | None = None,
    timeout: float = 600.0,
    user_agent: str = "",
    max_message: int = MAX_MESSAGE,
    extra: Sequence[Option] = (),
) -> Client:
    """A client of the gateway at `target`, such as "127.0.0.1:50051"; it connects with the first call.

    `key` is the caller's API key. `timeout` is the deadline in seconds of unary calls that name none; streams have none of their
    own. `max_message` is in bytes, and `extra` are further options of the channel. Raises ValueError for half a client
    certificate.
    """
    chosen = (*options(tls=tls, user_agent=user_agent, max_message=max_message), *extra)
    manners = (_Unary(key, timeout), _Stream(key))
    if tls:
        return Client(grpc.aio.secure_channel(target, tls.credentials(), chosen, interceptors=manners))
    return Client(grpc.aio.insecure_channel(target, chosen, interceptors=manners))


class _Unary(grpc.aio.UnaryUnaryClientInterceptor):
    """What is done to a call with one answer."""

    def __init__(self, key: str, timeout: float) -> None:
        self._key, self._timeout = key, timeout

    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        metadata, keyed = calls.with_names(client_call_details.metadata, self._key), calls.with_key(request)
        timeout = self._timeout if client_call_details.timeout is None else client_call_details.timeout
        call = await continuation(_details(client_call_details, metadata, timeout), keyed)
        try:
            await call
        except grpc.aio.AioRpcError as error:
            raise named(told(error, sent=metadata, idempotency_key=calls.key_of(keyed))) from error
        return call


class _Stream(grpc.aio.UnaryStreamClientInterceptor):
    """What is done to a call whose answer is a stream."""

    def __init__(self, key: str) -> None:
        self._key = key

    async def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        metadata, keyed = calls.with_names(client_call_details.metadata, self._key), calls.with_key(request)
        call = await continuation(_details(client_call_details, metadata, client_call_details.timeout), keyed)
        return _Replies(call, metadata, calls.key_of(keyed))


class _Replies:
    """The pieces of an answer, whose failure comes out by its name."""

    def __init__(self, call: Any, sent: calls.Metadata, idempotency_key: str) -> None:
        self._pieces, self._sent, self._key = aiter(call), sent, idempotency_key

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        try:
            return await anext(self._pieces)
        except grpc.aio.AioRpcError as error:
            raise self._named(error) from error

    def _named(self, error: grpc.RpcError) -> CallFailed:
        return named(told(error, sent=self._sent, idempotency_key=self._key))


def _details(given: Any, metadata: calls.Metadata, timeout: float | None) -> grpc.aio.ClientCallDetails:
    return grpc.aio.ClientCallDetails(
        given.method, timeout, grpc.aio.Metadata(*metadata), given.credentials, given.wait_for_ready
    )
