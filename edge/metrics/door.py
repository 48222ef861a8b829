"""Where Prometheus reads: `GET /metrics` on a door of its own, never on the one that requests come in by.

Law: a door that cannot be opened is said in the log and keeps nobody from being served.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from socket import socket
from typing import Final

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_log = logging.getLogger("edge")

OFF: Final = "off"


class _Beside(uvicorn.Server):
    """A server that leaves the signals to the one that it runs beside."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(
    address: str, registry: CollectorRegistry, listening: Callable[[str], AbstractContextManager[socket]]
) -> AsyncGenerator[None]:
    """Answers at "unix:/path" or "host:port" inside the block; `listening` opens a socket there, or raises OSError."""
    if address == OFF:
        yield
        return

    def answer(_: Request) -> Response:
        return Response(generate_latest(registry), headers={"content-type": CONTENT_TYPE_LATEST})

    app = Starlette(routes=[Route("/metrics", answer)])
    server = _Beside(uvicorn.Config(app, ws="none", lifespan="off", log_config=None, access_log=False, server_header=False))
    async with AsyncExitStack() as stack:
        try:
            listener = stack.enter_context(listening(address))
        except OSError as error:
            _log.error(
                "metrics are not served: nothing can listen at %s; set CLI2API_METRICS_LISTEN",
                address,
                extra={"why": error.strerror},
            )
        else:
            running = asyncio.create_task(server.serve(sockets=[listener]), name="metrics")
            stack.push_async_callback(_ended, server, running)
        yield


async def _ended(server: uvicorn.Server, running: "asyncio.Task[None]") -> None:
    server.should_exit = True
    await asyncio.wait({running})
