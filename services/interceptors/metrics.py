"""Counts calls and how long they take, by method and code; methods that do not exist share one name."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.interceptors.shapes import Ring, Rpc

_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


def metrics(registry: CollectorRegistry) -> Ring:
    """The ring that counts into `registry`."""
    ended = Counter("cli2api_rpcs", "Calls that ended.", ("method", "code"), registry=registry)
    running = Gauge("cli2api_rpcs_running", "Calls being served.", ("method",), registry=registry)
    took = Histogram("cli2api_rpc_seconds", "How long a call took.", ("method",), buckets=_BUCKETS, registry=registry)

    @asynccontextmanager
    async def ring(rpc: Rpc) -> AsyncGenerator[None, None]:
        method = rpc.method if rpc.known else "unknown"
        running.labels(method).inc()
        try:
            yield
        finally:
            running.labels(method).dec()
            took.labels(method).observe(monotonic() - rpc.started)
            ended.labels(method, rpc.code.name).inc()

    return ring
