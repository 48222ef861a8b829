"""A gRPC server on loopback whose one service does what the test says."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
import pytest
from cli2api.v1 import job_pb2
from google.rpc import error_details_pb2, status_pb2
from prometheus_client import CollectorRegistry

from services.interceptors.access import access
from services.interceptors.auth import Keys, auth
from services.interceptors.faults import faults
from services.interceptors.metrics import metrics
from services.interceptors.shapes import Rings

Reply = job_pb2.DeleteJobResponse


@dataclass
class Script:
    """What the service does; each shape has its own method."""

    fault: BaseException | None = None
    replies: int = 3
    started: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    hang: bool = False

    async def act(self) -> None:
        if self.fault:
            raise self.fault
        if self.hang:
            self.started.set()
            try:
                await asyncio.Event().wait()
            finally:
                self.closed.set()

    async def answer(self, request: Any, context: Any) -> Reply:
        await self.act()
        return Reply(id=request.id)

    async def stream(self, request: Any, context: Any) -> AsyncGenerator[Reply, None]:
        try:
            for _ in range(self.replies):
                yield Reply(id=request.id)
            await self.act()
        finally:
            self.closed.set()

    async def write(self, request: Any, context: Any) -> None:
        await context.write(Reply(id=request.id))
        await self.act()

    async def gather(self, requests: AsyncIterator[Any], context: Any) -> Reply:
        await self.act()
        names = [request.id async for request in requests]
        return Reply(id="".join(names))

    async def chat(self, requests: AsyncIterator[Any], context: Any) -> AsyncGenerator[Reply, None]:
        await self.act()
        async for request in requests:
            yield Reply(id=request.id)


@dataclass(frozen=True)
class Told:
    """A failed call as its caller sees it."""

    code: grpc.StatusCode
    message: str
    info: error_details_pb2.ErrorInfo
    details: status_pb2.Status
    trailing: dict[str, str | bytes]

    def detail(self, kind: type[Any]) -> Any:
        for packed in self.details.details:
            found = kind()
            if packed.Unpack(found):
                return found
        return None


def told(error: grpc.aio.AioRpcError) -> Told:
    """Decodes the status details, of which there must be exactly one ErrorInfo."""
    trailing = dict(error.trailing_metadata() or ())
    details = status_pb2.Status.FromString(trailing["grpc-status-details-bin"])
    infos = []
    for packed in details.details:
        info = error_details_pb2.ErrorInfo()
        if packed.Unpack(info):
            infos.append(info)
    assert len(infos) == 1
    assert details.code == error.code().value[0]
    return Told(code=error.code(), message=error.details() or "", info=infos[0], details=details, trailing=trailing)


@dataclass
class Server:
    """The server, ready to be called."""

    channel: grpc.aio.Channel
    script: Script
    registry: CollectorRegistry

    async def raw(self, method: str, body: bytes) -> bytes:
        """Sends any bytes."""
        call: Any = self.channel.unary_unary(method)
        answer: bytes = await call(body)
        return answer

    def call(self, method: str = "Answer", requests: Iterator[Any] | None = None, **kwargs: Any) -> Any:
        parse, write = Reply.FromString, job_pb2.DeleteJobRequest.SerializeToString
        name = f"/test.Script/{method}"
        request = job_pb2.DeleteJobRequest(id="a")
        match method:
            case "Stream" | "Write":
                return self.channel.unary_stream(name, write, parse)(request, **kwargs)
            case "Gather":
                return self.channel.stream_unary(name, write, parse)(requests, **kwargs)
            case "Chat":
                return self.channel.stream_stream(name, write, parse)(requests, **kwargs)
            case _:
                return self.channel.unary_unary(name, write, parse)(request, **kwargs)

    async def fails(self, method: str = "Answer", **kwargs: Any) -> Told:
        """The failure of a call; one with a stream of requests sends none, since sending would race with being refused."""
        call = self.call(method, **kwargs)
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await (_all(call) if method in {"Stream", "Write", "Chat"} else call)
        return told(failed.value)


async def _all(replies: AsyncIterator[Any]) -> list[Any]:
    return [reply async for reply in replies]


@asynccontextmanager
async def serve(script: Script | None = None, *keys: str) -> AsyncGenerator[Server, None]:
    """A server with every ring, which knows `keys` and follows the script."""
    script = script or Script()
    registry = CollectorRegistry()
    server = grpc.aio.server(interceptors=[Rings(access, metrics(registry), faults, auth(Keys(keys)))])
    make: dict[str, Any] = {
        "Answer": (grpc.unary_unary_rpc_method_handler, script.answer),
        "Stream": (grpc.unary_stream_rpc_method_handler, script.stream),
        "Write": (grpc.unary_stream_rpc_method_handler, script.write),
        "Gather": (grpc.stream_unary_rpc_method_handler, script.gather),
        "Chat": (grpc.stream_stream_rpc_method_handler, script.chat),
    }
    parse, write = job_pb2.DeleteJobRequest.FromString, Reply.SerializeToString
    handlers = {name: kind(behaviour, parse, write) for name, (kind, behaviour) in make.items()}
    probe = {"Check": grpc.unary_unary_rpc_method_handler(script.answer, parse, write)}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test.Script", handlers)])
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("grpc.health.v1.Health", probe)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Server(channel=channel, script=script, registry=registry)
    finally:
        await server.stop(0)
