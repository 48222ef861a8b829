"""The edge's spans: one around each HTTP request, between Envoy's and the core's.

Law: no body, query or key is in an attribute.
"""

from collections.abc import Callable, Mapping

from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers
from starlette.types import Scope

from edge.caller import CALLER_LEFT, Line
from edge.exchange import REQUEST_ID, TRACE
from edge.tracing import provider


class Spans:
    """Tracing over OTLP."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._provider = provider.opened("edge", environ)
        self._tracer = self._provider.get_tracer("cli2api")
        self._context = TraceContextTextMapPropagator()

    def watcher(self, scope: Scope, line: Line, /) -> Callable[[], None]:
        """A span around one request, below the one that its `traceparent` names; the core's calls go below it."""
        method: str = scope["method"]
        span = self._tracer.start_span(
            method,
            context=self._context.extract(dict(Headers(scope=scope))),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method, "url.scheme": "http", "cli2api.request_id": scope[REQUEST_ID]},
        )
        below: dict[str, str] = {}
        self._context.inject(below, trace.set_span_in_context(span))
        scope[TRACE] = below

        def end() -> None:
            if "route" in scope:
                span.update_name(f"{method} {scope['route'].path}")
                span.set_attribute("http.route", scope["route"].path)
            status = line.status or CALLER_LEFT
            span.set_attribute("http.response.status_code", status)
            if status >= 500:
                span.set_status(Status(StatusCode.ERROR))
                span.set_attribute("error.type", str(status))
            span.end()

        return end

    async def close(self) -> None:
        """Delivers what is left."""
        await provider.close(self._provider)
