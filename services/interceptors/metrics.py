"""Counts calls and how long they take, by method and code; methods that do not exist share one name."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import cache
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

    # Finding a series by its labels costs more than counting in it; there are as many as methods and codes.
    running_of, took_of, ended_of = cache(running.labels), cache(took.labels), cache(ended.labels)

    @asynccontextmanager
    async def ring(rpc: Rpc) -> AsyncGenerator[None, None]:
        method = rpc.method if rpc.known else "unknown"
        running_of(method).inc()
        try:
            yield
        finally:
            running_of(method).dec()
            took_of(method).observe(monotonic() - rpc.started)
            ended_of(method, rpc.code.name).inc()

    return ring
