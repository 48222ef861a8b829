"""The core's spans: one around each gRPC call, one around each call of MuleRun below it, and one over each job's life.

Laws: no prompt, key or file is ever in an attribute. MuleRun is told of no trace: `traceparent` ends in this house.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from services.domain import call
from services.domain.job import Job
from services.domain.ports import Plane
from services.domain.watch import Asked
from services.interceptors.shapes import Inside, Rpc
from services.tracing import provider
from services.tracing.words import OPERATIONS, OUR_FAULTS, usage

_REMEMBERED: Final = 10_000
"""Submissions whose spans are kept in mind until their jobs end; of others the link is missing."""

_served: ContextVar[Span | None] = ContextVar("cli2api_span", default=None)
"""The span of the gRPC call that this task serves. Every call is a task of its own, so it is never reset."""


class Spans:
    """Tracing over OTLP. `host` is MuleRun's."""

    def __init__(self, environ: Mapping[str, str], host: str) -> None:
        self._provider = provider.opened("core", environ)
        self._tracer = self._provider.get_tracer("cli2api")
        self._context = TraceContextTextMapPropagator()
        self._host = host
        self._submissions: OrderedDict[str, SpanContext] = OrderedDict()

    async def ring(self, rpc: Rpc, inside: Inside, /) -> Any:
        """A span around one gRPC call, below the one that its metadata names."""
        if rpc.is_probe:
            return await inside(rpc)
        service, _, method = rpc.method.removeprefix("/").rpartition("/")
        span = self._tracer.start_span(
            f"{service}/{method}" if rpc.known else "unknown method",
            context=self._context.extract(rpc.metadata),
            kind=SpanKind.SERVER,
            attributes={"rpc.system": "grpc", "cli2api.request_id": call.current().request_id},
        )
        if rpc.known:
            span.set_attributes({"rpc.service": service, "rpc.method": method})
        _served.set(span)
        call.enter(replace(call.current(), trace_id=f"{span.get_span_context().trace_id:032x}"))
        try:
            return await inside(rpc)
        finally:
            note = call.current().note
            span.set_attributes({"rpc.grpc.status_code": rpc.code.value[0], "cli2api.caller": call.current().caller})
            if note.model:
                span.set_attribute("gen_ai.request.model", note.model[:200])
            if note.job_id:
                span.set_attribute("cli2api.job.id", note.job_id)
            if rpc.code.name in OUR_FAULTS:
                span.set_status(Status(StatusCode.ERROR))
                span.set_attribute("error.type", rpc.code.name)
            span.end()

    @contextmanager
    def watcher(self, asked: Asked, /) -> Iterator[None]:
        """A span around one call of MuleRun; a poll's is linked to the submission's."""
        above = _served.get()
        operation = OPERATIONS.get(asked.operation)
        model = asked.model or (call.current().note.model if operation else "")
        submitted = self._submissions.get(asked.task_id)
        span = self._tracer.start_span(
            f"{operation or asked.operation} {model}".rstrip(),
            context=trace.set_span_in_context(above) if above else Context(),
            kind=SpanKind.CLIENT,
            links=[Link(submitted)] if submitted else None,
            attributes={
                "http.request.method": asked.method,
                "server.address": self._host,
                "url.path": asked.path,
                "cli2api.upstream.operation": asked.operation,
                "cli2api.upstream.plane": asked.plane.value,
            },
        )
        if operation:
            span.set_attributes({"gen_ai.operation.name": operation, "gen_ai.provider.name": "mulerun"})
            if model:
                span.set_attribute("gen_ai.request.model", model[:200])
        try:
            yield
        finally:
            self._end(span, asked)

    @property
    def follower(self) -> "Spans":
        """Itself."""
        return self

    async def close(self) -> None:
        """Delivers what is left."""
        await provider.close(self._provider)

    def settled(self, job: Job) -> None:
        """As Follower promises: the whole life of the job becomes a span."""
        submitted = self._submissions.pop(job.task_id, None)
        span = self._tracer.start_span(
            f"job {job.kind}",
            context=Context(),
            links=[Link(submitted)] if submitted else None,
            start_time=_nanoseconds(job.created_at),
            attributes={
                "cli2api.job.id": job.id,
                "cli2api.job.kind": job.kind.value,
                "cli2api.job.state": job.state.value,
                "cli2api.job.polls": job.polls,
                "gen_ai.provider.name": "mulerun",
                "gen_ai.request.model": job.model,
            },
        )
        if job.failure:
            span.set_status(Status(StatusCode.ERROR))
            span.set_attribute("error.type", job.failure.reason)
        span.end(_nanoseconds(job.updated_at))

    def forgotten(self, job_id: str) -> None:
        """As Follower promises."""

    def _end(self, span: Span, asked: Asked) -> None:
        if asked.status is not None:
            span.set_attribute("http.response.status_code", asked.status)
        if asked.plane is Plane.TEXT:
            span.set_attributes(usage(asked.tokens or call.current().note.tokens))
        elif asked.operation == "submit" and asked.task_id:
            self._submissions[asked.task_id] = span.get_span_context()
            if len(self._submissions) > _REMEMBERED:
                self._submissions.popitem(last=False)
        if asked.failure or (asked.status or 0) >= 400:
            span.set_attribute("error.type", asked.failure or str(asked.status))
            if asked.failure != "CANCELLED":
                span.set_status(Status(StatusCode.ERROR))
        span.end()


def _nanoseconds(at: float) -> int:
    return int(at * 1e9)
