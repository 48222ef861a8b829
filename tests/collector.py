"""A collector of traces, as OpenTelemetry's protocol has it, on loopback."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc.aio
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue


@dataclass(frozen=True, kw_only=True)
class Span:
    """One span as it arrived."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    kind: int
    attributes: dict[str, Any]
    links: tuple[str, ...]
    """The spans that it is linked to."""
    failed: bool


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps the spans that it is sent."""

    def __init__(self) -> None:
        self.endpoint = ""
        self.spans: list[Span] = []
        self.metadata: list[dict[str, str | bytes]] = []
        self.raw = b""
        """All that was ever sent."""
        self._came = asyncio.Event()

    async def Export(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.raw += request.SerializeToString()
        self.metadata.append(dict(context.invocation_metadata() or ()))
        for group in request.resource_spans:
            service = _values(group.resource.attributes)["service.name"]
            for span in (span for scope in group.scope_spans for span in scope.spans):
                self.spans.append(
                    Span(
                        service=service,
                        name=span.name,
                        trace=span.trace_id.hex(),
                        id=span.span_id.hex(),
                        parent=span.parent_span_id.hex(),
                        kind=span.kind,
                        attributes=_values(span.attributes),
                        links=tuple(link.span_id.hex() for link in span.links),
                        failed=span.status.code == 2,
                    )
                )
        self._came.set()
        return trace_service_pb2.ExportTraceServiceResponse()

    async def until(self, holds: Callable[[list[Span]], bool]) -> list[Span]:
        """The spans as soon as they hold what is asked for. Raises TimeoutError."""
        async with asyncio.timeout(20):
            while not holds(self.spans):
                self._came.clear()
                await self._came.wait()
        return self.spans


@asynccontextmanager
async def collecting() -> AsyncGenerator[Collector]:
    """A collector on a free port."""
    collector = Collector()
    server = grpc.aio.server()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)  # type: ignore[no-untyped-call]
    collector.endpoint = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield collector
    finally:
        await server.stop(0)


def _values(attributes: "list[KeyValue]") -> dict[str, Any]:
    return {each.key: _value(each.value) for each in attributes}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    return getattr(value, kind) if kind else None
