"""A core of real gRPC with methods of bytes, which can be asked on a line, and a channel of the edge's to it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from cli2api.v1 import tunnel_pb2_grpc
from grpc import aio

from edge.tunnel import Channel
from services.api.tunnel import Tunnel
from services.by_name import ByName
from services.interceptors.shapes import Rings

CARRY = "/cli2api.v1.TunnelService/Carry"
TEXT = "/cli2api.v1.TextService"
PIECE = b"x" * (16 << 10)
PIECES = 256


def same(content: bytes) -> bytes:
    return content


class Served:
    """Methods of bytes that do what their name says."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, str]]] = []
        self.sent = 0
        self.given_up = asyncio.Event()
        self.waiting = asyncio.Event()
        self.go_on = asyncio.Event()

    async def echo(self, asked: bytes, _: Any) -> bytes:
        return asked

    async def grow(self, asked: bytes, _: Any) -> bytes:
        return asked * (3 << 20)

    async def pour(self, _: bytes, __: Any) -> AsyncIterator[bytes]:
        try:
            for _each in range(PIECES):
                self.sent += 1
                yield PIECE
        except GeneratorExit:  # closed in the middle
            self.given_up.set()
            raise

    async def refuse(self, _: bytes, context: Any) -> None:
        await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "zu groß, 100 %", (("grpc-status-details-bin", b"\0\xff" * 100),))

    async def fail(self, _: bytes, __: Any) -> None:
        raise RuntimeError("a secret")

    async def time(self, _: bytes, context: Any) -> bytes:
        return str(context.time_remaining()).encode()

    async def wait(self, _: bytes, __: Any) -> bytes:
        self.waiting.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.given_up.set()
            raise
        return b"done"

    def service(self, details: Any) -> Any:
        name = details.method.rpartition("/")[2]
        if name == "pour":
            return grpc.unary_stream_rpc_method_handler(self.pour, response_serializer=same)
        if name == "converse":
            return grpc.stream_unary_rpc_method_handler(self.echo, response_serializer=same)
        method = getattr(self, name, None)
        return grpc.unary_unary_rpc_method_handler(method, response_serializer=same) if method else None


class Counting(aio.ServerInterceptor):
    """Counts what comes in by itself, and not on a line."""

    def __init__(self) -> None:
        self.methods: list[str] = []

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        self.methods.append(handler_call_details.method)
        return await continuation(handler_call_details)


class Core:
    def __init__(self, served: Served, server: aio.Server, tunnel: Tunnel, target: str, counting: Counting) -> None:
        self.served, self.server, self.tunnel, self.target, self.by_itself = served, server, tunnel, target, counting.methods

    async def drain(self, grace: float) -> None:
        """As the core does it."""
        stopping = asyncio.ensure_future(self.server.stop(grace))
        await asyncio.sleep(0)
        self.tunnel.drain()
        await stopping


@asynccontextmanager
async def serving(address: str = "127.0.0.1:0") -> AsyncGenerator[Core]:
    served, counting, rings = Served(), Counting(), Rings()
    options = [("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)]
    server = aio.server(interceptors=[counting, rings], options=options)
    services = ByName(server, [rings])
    tunnel = Tunnel(services.find)
    tunnel_pb2_grpc.add_TunnelServiceServicer_to_server(tunnel, services)  # type: ignore[arg-type]
    handler = type("Handler", (grpc.GenericRpcHandler,), {"service": lambda _, details: served.service(details)})()
    services.add_generic_rpc_handlers((handler,))
    target = f"127.0.0.1:{server.add_insecure_port(address)}"
    await server.start()
    try:
        yield Core(served, server, tunnel, target, counting)
    finally:
        await server.stop(None)


@asynccontextmanager
async def opened(target: str) -> AsyncGenerator[Channel]:
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_reconnect_backoff_ms", 200)]
    async with asyncio.timeout(20), Channel(aio.insecure_channel(target, options=options)) as channel:
        await channel.channel_ready()
        yield channel


@asynccontextmanager
async def core_and_channel() -> AsyncGenerator[tuple[Core, Channel]]:
    async with serving() as core, opened(core.target) as channel:
        yield core, channel


async def failed(call: Any) -> aio.AioRpcError:
    with pytest.raises(aio.AioRpcError) as caught:
        await call
    return caught.value
