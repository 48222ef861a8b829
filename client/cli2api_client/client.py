"""The gateway for programs without an event loop: typed stubs over one channel, and what is pleasant to have beside them."""

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import grpc
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
    """An open channel and its stubs. Every call of them raises a CallFailed where it fails; `close` it, or use it with `with`."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.channel = channel
        self.text = text_pb2_grpc.TextServiceStub(channel)
        self.media = media_pb2_grpc.MediaServiceStub(channel)
        self.jobs = job_pb2_grpc.JobServiceStub(channel)
        self.catalog = catalog_pb2_grpc.CatalogServiceStub(channel)
        self.usage = usage_pb2_grpc.UsageServiceStub(channel)
        self.gateway = gateway_pb2_grpc.GatewayServiceStub(channel)

    def wait(self, job: job_pb2.Job | str, *, timeout: float | None = None) -> job_pb2.Job:
        """The job when it has succeeded, also over a restart of the gateway.

        Raises the CallFailed of its failure, OutOfTime after `timeout` seconds.
        """
        end = None if timeout is None else time.monotonic() + timeout
        found = self.jobs.GetJob(job_pb2.GetJobRequest(id=id_of(job))).job
        lost_at: float | None = None
        while not is_terminal(found):
            request = wait_request(found.id, None if end is None else end - time.monotonic())
            try:
                found = self.jobs.WaitJob(request, timeout=LONGEST_WAIT + SLACK).job
            except Unavailable:
                lost_at = lost_at or time.monotonic()
                if time.monotonic() - lost_at > PATIENCE:
                    raise
                time.sleep(REST)
            else:
                lost_at = None
        return succeeded(found)

    def download(self, job: job_pb2.Job | str, index: int = 0, *, offset: int = 0) -> Iterator[bytes]:
        """The bytes of one of the job's files from `offset` on; a line that breaks is taken up where it broke."""
        heard, lost_at = False, cast("float | None", None)
        while True:
            request = job_pb2.DownloadAssetRequest(id=id_of(job), index=index, offset=offset)
            replies = cast("Any", self.jobs.DownloadAsset(request))
            try:
                for reply in replies:
                    if reply.chunk:
                        offset += len(reply.chunk)
                        heard, lost_at = True, None
                        yield reply.chunk
            except Unavailable:
                lost_at = lost_at or time.monotonic()
                if not heard or time.monotonic() - lost_at > PATIENCE:
                    raise
            else:
                return
            finally:
                replies.cancel()
            time.sleep(REST)

    def save(self, job: job_pb2.Job | str, path: str | os.PathLike[str], index: int = 0) -> Path:
        """Writes one of the job's files to `path`, which is there only when it is whole. Raises CallFailed or OSError."""
        whole = Path(path)
        part = whole.with_name(f"{whole.name}.part")
        with part.open("wb") as file:
            file.writelines(self.download(job, index))
        return part.replace(whole)

    def close(self) -> None:
        """Ends the channel and every call on it."""
        self.channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


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
    channel = grpc.secure_channel(target, tls.credentials(), chosen) if tls else grpc.insecure_channel(target, chosen)
    return Client(grpc.intercept_channel(channel, _Manners(key, timeout)))


class _Details(grpc.ClientCallDetails):
    """A call's details with others for metadata and deadline."""

    def __init__(self, given: Any, metadata: calls.Metadata, timeout: float | None) -> None:
        self.method, self.metadata, self.timeout = given.method, metadata, timeout
        self.credentials, self.wait_for_ready, self.compression = given.credentials, given.wait_for_ready, given.compression


class _Manners(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    """What is done to every call on its way out, and to its failure on the way back."""

    def __init__(self, key: str, timeout: float) -> None:
        self._key, self._timeout = key, timeout

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        timeout = self._timeout if client_call_details.timeout is None else client_call_details.timeout
        return self._sent(continuation, client_call_details, request, timeout)

    def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return self._sent(continuation, client_call_details, request, client_call_details.timeout)

    def _sent(self, continuation: Any, given: Any, request: Any, timeout: float | None) -> "_Call":
        metadata = calls.with_names(given.metadata, self._key)
        keyed = calls.with_key(request)
        return _Call(continuation(_Details(given, metadata, timeout), keyed), metadata, calls.key_of(keyed))


class _Call:
    """A call of gRPC's own whose failure comes out by its name."""

    def __init__(self, call: Any, sent: calls.Metadata, idempotency_key: str) -> None:
        self._call, self._sent, self._key = call, sent, idempotency_key

    def result(self, timeout: float | None = None) -> Any:
        try:
            return self._call.result(timeout)
        except grpc.RpcError as error:
            raise self._named(error) from error

    def exception(self, timeout: float | None = None) -> BaseException | None:
        error: BaseException | None = self._call.exception(timeout)
        return self._named(error) if isinstance(error, grpc.RpcError) else error

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        try:
            return next(self._call)
        except grpc.RpcError as error:
            raise self._named(error) from error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)

    def _named(self, error: grpc.RpcError) -> CallFailed:
        return named(told(error, sent=self._sent, idempotency_key=self._key))
