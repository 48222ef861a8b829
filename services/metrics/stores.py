"""Stores and couriers with their work counted. Each stands for the one that it is made of, whatever that one's port promises."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import wraps
from time import monotonic
from types import SimpleNamespace
from typing import Any, Final, TypeVar, cast

from services.domain.errors import StoreUnavailable
from services.domain.job import Job
from services.domain.ports import Courier, JobStore, UsageStore
from services.domain.usage import Record
from services.metrics.registry import Metrics

Store = TypeVar("Store", JobStore, UsageStore)
Asynchronous = Callable[..., Awaitable[Any]]
Heard = Callable[[Sequence[Any], Any], None]

_UNTIMED: Final = frozenset({"listen", "close"})
"""Methods that take as long as the store lives, or end it."""


def jobs(store: JobStore, metrics: Metrics) -> JobStore:
    """The store, timed, and the moments of its jobs counted."""

    def written(asked: Sequence[Job], held: Job) -> None:
        if held.id == asked[0].id:
            metrics.jobs_written.labels(held.kind).inc()

    def saved(asked: Sequence[Job], done: bool) -> None:
        if done and asked[0].is_terminal:
            metrics.jobs_settled.labels(asked[0].kind, asked[0].state).inc()

    def expired(_: Sequence[object], count: int) -> None:
        metrics.jobs_expired.inc(count)

    return _timed(store, JobStore, "jobs", metrics, {"insert": written, "save": saved, "expire": expired})


def usage(store: UsageStore, metrics: Metrics) -> UsageStore:
    """The store, timed, and the records that it took counted."""

    def added(asked: Sequence[Sequence[Record]], _: None) -> None:
        metrics.usage_written.inc(len(asked[0]))

    return _timed(store, UsageStore, "usage", metrics, {"add": added})


class CountedCourier:
    """A Courier around another one."""

    def __init__(self, courier: Courier, metrics: Metrics) -> None:
        self._courier = courier
        self._metrics = metrics

    async def deliver(self, headers: Mapping[str, str], body: bytes) -> str:
        """As Courier promises."""
        why = await self._courier.deliver(headers, body)
        self._metrics.webhooks.labels("failed" if why else "sent").inc()
        return why


def _timed(store: Store, port: type, name: str, metrics: Metrics, heard: Mapping[str, Heard]) -> Store:
    """A stand-in with every method of the port; `heard` is told the arguments and the outcome of some."""
    methods = [each for each in dir(port) if not each.startswith("_")]
    stand_in = SimpleNamespace()
    for method in methods:
        inner = getattr(store, method)
        setattr(stand_in, method, inner if method in _UNTIMED else _measured(inner, method, name, metrics, heard.get(method)))
    return cast("Store", stand_in)


def _measured(inner: Asynchronous, method: str, store: str, metrics: Metrics, heard: Heard | None) -> Asynchronous:
    seconds = metrics.store_seconds.labels(store, method)

    @wraps(inner)
    async def measured(*args: Any, **kwargs: Any) -> Any:
        began = monotonic()
        try:
            outcome = await inner(*args, **kwargs)
        except StoreUnavailable:
            metrics.store_errors.labels(store, method).inc()
            raise
        finally:
            seconds.observe(monotonic() - began)
        if heard is not None:
            heard(args, outcome)
        return outcome

    return measured
