"""Counts calls of MuleRun: which plane and operation, how they ended, and how long they took."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from time import monotonic

from services.domain.watch import Asked
from services.metrics.registry import Metrics


def counting(metrics: Metrics) -> Callable[[Asked], AbstractContextManager[None]]:
    """A Watcher. Its labels are our own words and HTTP statuses, never a model's name, which callers make up."""

    @contextmanager
    def watch(asked: Asked) -> Iterator[None]:
        began = monotonic()
        running = metrics.upstream_open.labels(asked.plane)
        running.inc()
        try:
            yield
        finally:
            running.dec()
            status = "" if asked.status is None else str(asked.status)
            metrics.upstream_calls.labels(asked.plane, asked.operation, status, asked.failure).inc()
            metrics.upstream_seconds.labels(asked.plane, asked.operation).observe(monotonic() - began)

    return watch
