"""Counts calls of MuleRun: which plane and operation, how they ended, and how long they took."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache
from time import monotonic
from types import TracebackType

from prometheus_client import Counter, Gauge, Histogram

from services.domain.ports import Plane
from services.domain.watch import Asked
from services.metrics.registry import Metrics


class _Series:
    """The series of each label, looked up once: that takes longer than to count. Labels are few, since none is a caller's."""

    def __init__(self, metrics: Metrics) -> None:
        self.open: Callable[[Plane], Gauge] = cache(metrics.upstream_open.labels)
        self.calls: Callable[[Plane, str, str, str], Counter] = cache(metrics.upstream_calls.labels)
        self.seconds: Callable[[Plane, str], Histogram] = cache(metrics.upstream_seconds.labels)


class _Counted:
    """Around one call."""

    __slots__ = ("_asked", "_began", "_series")

    def __init__(self, asked: Asked, series: _Series) -> None:
        self._asked = asked
        self._series = series
        self._began = monotonic()

    def __enter__(self) -> None:
        self._series.open(self._asked.plane).inc()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        asked, series = self._asked, self._series
        series.open(asked.plane).dec()
        status = "" if asked.status is None else str(asked.status)
        series.calls(asked.plane, asked.operation, status, asked.failure).inc()
        series.seconds(asked.plane, asked.operation).observe(monotonic() - self._began)


def counting(metrics: Metrics) -> Callable[[Asked], AbstractContextManager[None]]:
    """A Watcher. Its labels are our own words and HTTP statuses, never a model's name, which callers make up."""
    series = _Series(metrics)
    return lambda asked: _Counted(asked, series)
