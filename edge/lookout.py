"""How the edge is seen from outside: each request is counted, and traced where that is configured."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from socket import socket

from edge.app import Watcher
from edge.metrics import door, lag
from edge.metrics.registry import Metrics
from edge.metrics.requests import counting
from edge.tracing import Tracing, configured


class Lookout:
    """One edge's metrics and traces."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """`environ` may have the standard variables of OpenTelemetry."""
        self.metrics = Metrics()
        self._tracing: Tracing | None = configured(environ)

    @property
    def watchers(self) -> Sequence[Watcher]:
        """Who looks on while a request is served, outermost first."""
        counted = counting(self.metrics)
        return [counted, self._tracing.watcher] if self._tracing else [counted]

    @asynccontextmanager
    async def open(self, address: str, listening: Callable[[str], AbstractContextManager[socket]]) -> AsyncGenerator[None]:
        """Metrics are served at `address` and spans are delivered inside the block."""
        async with AsyncExitStack() as stack:
            if self._tracing:
                stack.push_async_callback(self._tracing.close)
            if address != door.OFF:
                measuring = asyncio.create_task(lag.measure(self.metrics.loop_lag), name="event loop lag")
                stack.push_async_callback(_ended, measuring)
            await stack.enter_async_context(door.serving(address, self.metrics.registry, listening))
            yield


async def _ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait({task})
