"""Traces of the core's calls, for OpenTelemetry. Law: without its standard variables nothing of it is even imported."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Final, Protocol

from services.domain.ports import Follower
from services.domain.watch import Asked
from services.interceptors.shapes import Ring

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


class Tracing(Protocol):
    """The core's spans."""

    @property
    def ring(self) -> Ring:
        """A span around each gRPC call."""

    @property
    def follower(self) -> Follower:
        """A span over each job's life, linked to its submission."""

    def watcher(self, asked: Asked, /) -> AbstractContextManager[None]:
        """A span around each call of MuleRun; a Watcher."""

    async def close(self) -> None:
        """Delivers what is left, as far as the collector takes it in a moment."""


def is_asked_for(environ: Mapping[str, str]) -> bool:
    """A collector is named, and nothing says that it is to get no traces."""
    named = any(environ.get(name, "").strip() for name in ENDPOINTS)
    off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or environ.get("OTEL_TRACES_EXPORTER", "").lower() == "none"
    return named and not off


def configured(environ: Mapping[str, str], host: str) -> Tracing | None:
    """Tracing where the environment asks for it. `host` is MuleRun's, by its name."""
    if not is_asked_for(environ):
        return None
    from services.tracing.spans import Spans  # noqa: PLC0415 - it takes long to import, and most gateways never need it

    return Spans(environ, host)
