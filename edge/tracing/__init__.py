"""Traces of the edge's requests, for OpenTelemetry. Law: without its standard variables nothing of it is even imported."""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from starlette.types import Scope

from edge.caller import Line

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


class Tracing(Protocol):
    """The edge's spans."""

    def watcher(self, scope: Scope, line: Line, /) -> Callable[[], None]:
        """A span around each request; a Watcher of the app."""

    async def close(self) -> None:
        """Delivers what is left, as far as the collector takes it in a moment."""


def is_asked_for(environ: Mapping[str, str]) -> bool:
    """A collector is named, and nothing says that it is to get no traces."""
    named = any(environ.get(name, "").strip() for name in ENDPOINTS)
    off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or environ.get("OTEL_TRACES_EXPORTER", "").lower() == "none"
    return named and not off


def configured(environ: Mapping[str, str]) -> Tracing | None:
    """Tracing where the environment asks for it."""
    if not is_asked_for(environ):
        return None
    from edge.tracing.spans import Spans  # noqa: PLC0415 - it takes long to import, and most gateways never need it

    return Spans(environ)
