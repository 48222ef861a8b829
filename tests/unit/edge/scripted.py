"""A core that answers as a test says: the outside world of the edge, spoken to over real gRPC."""

import asyncio
import base64
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from cli2api.v1 import catalog_pb2, job_pb2, media_pb2, text_pb2, tunnel_pb2_grpc, usage_pb2
from google.protobuf import any_pb2, duration_pb2, message_factory, timestamp_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2

from edge.app import App
from edge.backend import Backend
from edge.server import listening, server
from edge.settings import Settings
from services.api.tunnel import Tunnel
from services.by_name import ByName
from services.interceptors.shapes import Rings

_FILES = (text_pb2, media_pb2, job_pb2, catalog_pb2, usage_pb2, health_pb2)

Answer = Callable[[Any, Any], Any]


@dataclass
class Core:
    """Answers by method name: a message, a list of them for a stream, or a function of (request, context) that makes either."""

    answers: dict[str, Any] = field(default_factory=dict)
    requests: list[Any] = field(default_factory=list)
    metadata: list[dict[str, str]] = field(default_factory=list)
    ended: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    """Names of methods whose call was cancelled by the edge."""
    target: str = ""
    _serving: Any = None

    def last(self) -> Any:
        return self.requests[-1]

    @asynccontextmanager
    async def running(self, address: str = "127.0.0.1:0") -> AsyncGenerator["Core"]:
        serving = grpc.aio.server(options=[("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)])
        services = ByName(serving, [Rings()])
        tunnel_pb2_grpc.add_TunnelServiceServicer_to_server(Tunnel(services.find), services)  # type: ignore[arg-type]
        for file in _FILES:
            for service in file.DESCRIPTOR.services_by_name.values():
                handlers = {method.name: self._handler(method) for method in service.methods}
                services.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.full_name, handlers),))
        self.target = f"127.0.0.1:{serving.add_insecure_port(address)}"
        self._serving = serving
        await serving.start()
        try:
            yield self
        finally:
            await self.stop()

    async def stop(self) -> None:
        await self._serving.stop(None)

    def _handler(self, method: Any) -> Any:
        request_class = message_factory.GetMessageClass(method.input_type)
        coding: dict[str, Any] = {"request_deserializer": request_class.FromString, "response_serializer": _serialized}
        if method.server_streaming:

            async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
                answer = self._heard(method.name, request, context)
                try:
                    if isinstance(answer, list):
                        for piece in answer:
                            yield piece
                    else:
                        async for piece in answer(request, context):
                            yield piece
                except asyncio.CancelledError:
                    self.ended.put_nowait(method.name)
                    raise

            return grpc.unary_stream_rpc_method_handler(stream, **coding)

        async def unary(request: Any, context: Any) -> Any:
            answer = self._heard(method.name, request, context)
            try:
                return await answer(request, context) if callable(answer) else answer
            except asyncio.CancelledError:
                self.ended.put_nowait(method.name)
                raise

        return grpc.unary_unary_rpc_method_handler(unary, **coding)

    def _heard(self, name: str, request: Any, context: Any) -> Any:
        self.metadata.append({key: str(value) for key, value in context.invocation_metadata()})
        if name == "RelayWhole" and name not in self.answers:
            self.requests.append(request.call)
            return _whole(self.answers["Relay"])
        self.requests.append(request)
        return self.answers[name]


@asynccontextmanager
async def edge_for(target: str, **environ: str) -> AsyncGenerator[str]:
    """The edge in front of a core, over a real socket; gives its URL."""
    settings = Settings.read({"CLI2API_CORE_TARGET": target, "CLI2API_EDGE_LISTEN": "127.0.0.1:0", "HOME": "/nowhere", **environ})
    with listening(settings.listen) as listener:
        port = listener.getsockname()[1]
        async with Backend(target, max_body=settings.max_body, patience=0.5) as backend:
            serving = server(App(backend, settings), grace=10)
            task = asyncio.create_task(serving.serve(sockets=[listener]))
            try:
                yield f"http://127.0.0.1:{port}"
            finally:
                serving.should_exit = True
                await task


def fails(
    code: grpc.StatusCode,
    reason: str,
    message: str = "it failed",
    *,
    metadata: Mapping[str, str] | None = None,
    field: str = "",
    retry_after: int | None = None,
    job_id: str = "",
) -> Callable[[Any, Any], Awaitable[Any]]:
    """An answer that fails as the core fails."""

    async def answer(request: Any, context: Any) -> Any:
        del request
        if job_id:
            await context.send_initial_metadata((("x-cli2api-job-id", job_id),))
        details = [_packed(error_details_pb2.ErrorInfo(reason=reason, domain="cli2api", metadata=metadata or {}))]
        if field:
            violation = error_details_pb2.BadRequest.FieldViolation(field=field, description=message)
            details.append(_packed(error_details_pb2.BadRequest(field_violations=[violation])))
        if retry_after is not None:
            details.append(_packed(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=retry_after))))
        status = status_pb2.Status(code=code.value[0], message=message, details=details)
        await context.abort(code, message, (("grpc-status-details-bin", status.SerializeToString()),))

    return answer


def fails_streaming(code: grpc.StatusCode, reason: str, message: str = "it failed", *, after: tuple[Any, ...] = ()) -> Answer:
    """A streamed answer that fails after some pieces."""

    async def answer(request: Any, context: Any) -> AsyncIterator[Any]:
        for piece in after:
            yield piece
        await fails(code, reason, message)(request, context)

    return answer


def _whole(streamed: Any) -> Answer:
    """The answer to a relayed call in one message, as a script for pieces has it."""

    async def answer(request: Any, context: Any) -> text_pb2.RelayWholeResponse:
        found = text_pb2.RelayWholeResponse()
        pieces = _each(streamed) if isinstance(streamed, list) else streamed(request.call, context)
        async for piece in pieces:
            if piece.HasField("head"):
                found.head.CopyFrom(piece.head)
            found.body += piece.chunk
        return found

    return answer


async def _each(pieces: list[Any]) -> AsyncIterator[Any]:
    for piece in pieces:
        yield piece


def _serialized(message: Any) -> bytes:
    return bytes(message.SerializeToString())


def _packed(message: Any) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed


def head(status: int = 200, **headers: str) -> text_pb2.RelayResponse:
    named = [text_pb2.Header(name=name.replace("_", "-"), value=value) for name, value in headers.items()]
    return text_pb2.RelayResponse(head=text_pb2.RelayHead(status=status, headers=named))


def chunk(content: bytes) -> text_pb2.RelayResponse:
    return text_pb2.RelayResponse(chunk=content)


EVENTS = head(content_type="text/event-stream; charset=utf-8")


def asset_head(size: int | None, *, offset: int = 0, mime_type: str = "video/mp4") -> job_pb2.DownloadAssetResponse:
    return job_pb2.DownloadAssetResponse(head=job_pb2.AssetHead(mime_type=mime_type, size_bytes=size, offset=offset))


def asset_chunk(content: bytes) -> job_pb2.DownloadAssetResponse:
    return job_pb2.DownloadAssetResponse(chunk=content)


def a_job(**fields: Any) -> job_pb2.Job:
    """A video job that is being made, unless the fields say otherwise."""
    usual: dict[str, Any] = {
        "id": "job_1",
        "kind": job_pb2.JOB_KIND_VIDEO,
        "model": "sora-2",
        "state": job_pb2.JOB_STATE_RUNNING,
        "progress": 40,
        "prompt": "a mule at dawn",
        "size": "1280x720",
        "seconds": "4",
        "create_time": timestamp_pb2.Timestamp(seconds=1_790_000_000),
    }
    return job_pb2.Job(**(usual | fields))


def a_made_job(*urls: str, **fields: Any) -> job_pb2.Job:
    return a_job(
        state=job_pb2.JOB_STATE_SUCCEEDED,
        progress=100,
        assets=[job_pb2.Asset(url=url) for url in urls or ("https://assets.example/1",)],
        complete_time=timestamp_pb2.Timestamp(seconds=1_790_000_060),
        **fields,
    )


def from_base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
