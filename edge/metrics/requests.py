"""Counts HTTP requests: which route and status, how long to the first byte and to the last."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from time import perf_counter
from typing import Final

from starlette.types import Scope

from edge.caller import Line
from edge.metrics.registry import Metrics

CALLER_LEFT: Final = 499
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def counting(metrics: Metrics) -> Callable[[Scope, Line], AbstractContextManager[None]]:
    """A watcher of the app. A path that nobody serves and a method that nobody knows share one word each."""

    @contextmanager
    def watch(scope: Scope, line: Line) -> Iterator[None]:
        began = perf_counter()
        metrics.open.inc()
        try:
            yield
        finally:
            metrics.open.dec()
            route: str = scope["route"].path if "route" in scope else "none"
            method = scope["method"] if scope["method"] in _METHODS else "other"
            metrics.requests.labels(route, method, str(line.status or CALLER_LEFT)).inc()
            metrics.seconds.labels(route).observe(perf_counter() - began)
            if line.answered is not None:
                metrics.first_byte.labels(route).observe(line.answered - began)

    return watch
