"""Counts HTTP requests: which route and status, how long to the first byte and to the last."""

from collections.abc import Callable
from functools import cache
from time import perf_counter
from typing import Final

from starlette.types import Scope

from edge.caller import CALLER_LEFT, Line
from edge.metrics.registry import Metrics

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def counting(metrics: Metrics) -> Callable[[Scope, Line], Callable[[], None]]:
    """A watcher of the app. A path that nobody serves and a method that nobody knows share one word each."""
    # Finding a series by its labels costs more than counting in it; there are as many as routes, methods and statuses.
    requests_of, seconds_of = cache(metrics.requests.labels), cache(metrics.seconds.labels)
    first_byte_of = cache(metrics.first_byte.labels)

    def begin(scope: Scope, line: Line) -> Callable[[], None]:
        began = perf_counter()
        metrics.open.inc()

        def end() -> None:
            metrics.open.dec()
            route: str = scope["route"].path if "route" in scope else "none"
            method = scope["method"] if scope["method"] in _METHODS else "other"
            requests_of(route, method, str(line.status or CALLER_LEFT)).inc()
            seconds_of(route).observe(perf_counter() - began)
            if line.answered is not None:
                first_byte_of(route).observe(line.answered - began)

        return end

    return begin
