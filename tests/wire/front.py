"""The real Envoy on free ports, with a scripted edge and a scripted core behind it."""

import asyncio
import signal
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import yaml
from aiohttp import web
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from cli import ports
from cli.admin import Admin
from cli.child import Child
from cli.journal import Journal
from cli.parts import envoy_part
from cli.readiness import is_listening, until
from edge.envoy import render
from edge.envoy.address import Unix


@dataclass(frozen=True, kw_only=True)
class Front:
    """A running Envoy. `log` has its lines so far."""

    url: str
    grpc_target: str
    folder: Path
    log: list[bytes]
    admin: Admin
    pid: int

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


@asynccontextmanager
async def envoy(
    folder: Path,
    *,
    keys: Sequence[str] = (),
    max_body: int = 1 << 20,
    cores: Sequence[Path] = (),
    change: Callable[[Any], None] = lambda _: None,
) -> AsyncGenerator[Front]:
    """Envoy over the sockets `edge.sock` and `core.sock` of the folder, or those of `cores`, whoever listens there.

    `change` may make limits in its configuration smaller, so that a test reaches them.
    """
    log: list[bytes] = []
    admin = Admin(folder / "admin.sock")
    with ExitStack() as held:
        rest = held.enter_context(ports.held("127.0.0.1", 0, setting="CLI2API_PORT"))
        grpc_address = held.enter_context(ports.held("127.0.0.1", 0, setting="CLI2API_GRPC_PORT"))
        layout = render.Layout(
            rest=rest,
            grpc=grpc_address,
            admin=Unix(admin.socket),
            edges=[Unix(folder / "edge.sock")],
            cores=[Unix(path) for path in cores or [folder / "core.sock"]],
            folder=folder,
        )
        config = render.write(layout, keys=keys, max_body=max_body)
        written = yaml.safe_load(config.read_text())
        change(written)
        config.write_text(yaml.safe_dump(written))
    child = Child(envoy_part(config, log_level="info", drain_seconds=10), journal=Journal(log.append))
    keeping = asyncio.create_task(child.keep())
    try:
        for address in (rest, grpc_address):
            await until(lambda address=address: is_listening(address))  # type: ignore[misc]
        assert child.pid is not None
        yield Front(url=f"http://{rest}", grpc_target=str(grpc_address), folder=folder, log=log, admin=admin, pid=child.pid)
    finally:
        child.retire(signal.SIGKILL)
        await keeping


@dataclass(kw_only=True)
class ScriptedEdge:
    """Answers every path with what it was asked, but for a few that do as their name says."""

    seen: list[web.Request] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("user-agent") == "Envoy/HC":  # its health checks are nobody's request
            return web.Response()
        self.seen.append(request)
        match request.path:
            case "/hang":
                return await self._hang()
            case "/die":
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            case "/stream":
                return await self._stream(request)
        body = await request.read()
        return web.json_response({"path": request.raw_path, "headers": dict(request.headers), "length": len(body)})

    async def _hang(self) -> web.StreamResponse:
        self.arrived.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.left.set()
        return web.Response()

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"data: one\n\n")
        self.arrived.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.left.set()
            raise
        await response.write(b"data: two\n\n")
        await response.write_eof()
        return response


@asynccontextmanager
async def edge(folder: Path) -> AsyncGenerator[ScriptedEdge]:
    """A scripted edge on `edge.sock`."""
    scripted = ScriptedEdge()
    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{path:.*}", scripted.answer)
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0)
    await runner.setup()
    try:
        await web.UnixSite(runner, str(folder / "edge.sock")).start()
        yield scripted
    finally:
        await runner.cleanup()


class _Echo(grpc.GenericRpcHandler):
    """Any method: answers with the metadata that arrived, one `name=value` a line."""

    def service(self, call: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes] | None":
        if call.method.startswith("/grpc.health"):
            return None

        async def echo(_request: bytes, context: Any) -> bytes:
            return "\n".join(f"{name}={value}" for name, value in context.invocation_metadata()).encode()

        return grpc.unary_unary_rpc_method_handler(echo)


async def call(target: str, metadata: Sequence[tuple[str, str]] = ()) -> list[str]:
    """Calls some method of the core through `target`; the lines of its answer."""
    async with grpc.aio.insecure_channel(target) as channel:
        method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/any.Service/Method")
        return (await method(b"", metadata=metadata)).decode().splitlines()


@asynccontextmanager
async def core(folder: Path) -> AsyncGenerator[grpc.aio.Server]:
    """A scripted core on `core.sock`; it says that it serves."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_Echo(),))
    probes = health.aio.HealthServicer()
    await probes.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(probes, server)
    server.add_insecure_port(f"unix:{folder / 'core.sock'}")
    await server.start()
    try:
        yield server
    finally:
        await server.stop(None)
