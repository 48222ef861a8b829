"""Counts calls of MuleRun: which plane and operation, how they ended, and how long they took."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from time import monotonic
from types import TracebackType

from services.domain.watch import Asked
from services.metrics.registry import Metrics
from services.metrics.tally import Counted


class _Counted:
    """Around one call."""

    __slots__ = ("_asked", "_began", "_calls")

    def __init__(self, asked: Asked, calls: Counted) -> None:
        self._asked = asked
        self._calls = calls
        self._began = monotonic()

    def __enter__(self) -> None:
        self._calls.begin()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        asked = self._asked
        status = "" if asked.status is None else str(asked.status)
        self._calls.end(monotonic() - self._began, (status, asked.failure))


def counting(metrics: Metrics) -> Callable[[Asked], AbstractContextManager[None]]:
    """A Watcher. Its labels are our own words and HTTP statuses, never a model's name, which callers make up."""
    return lambda asked: _Counted(asked, metrics.upstream.of(asked.plane, asked.operation))
