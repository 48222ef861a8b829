"""Opens the way of spans to the collector. Law: a collector that is away costs no call anything, and the log one line."""

import asyncio
import logging
import threading
from collections.abc import Mapping
from importlib.metadata import version
from typing import Final

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

_log = logging.getLogger(__name__)

GOODBYE_SECONDS: Final = 3.0
"""How long a collector may keep us from ending."""


class _Once(logging.Handler):
    """Says the first complaint of the library, which would repeat itself with every batch."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said = False

    def emit(self, record: logging.LogRecord) -> None:
        """Its words are left out: they may quote headers, which hold the collector's key."""
        del record
        if not self._said:
            self._said = True
            _log.warning(
                "spans cannot be delivered, and some are lost; this is said once: look at the collector that"
                " OTEL_EXPORTER_OTLP_ENDPOINT names, which is spoken to by gRPC"
            )


def opened(part: str, environ: Mapping[str, str]) -> TracerProvider:
    """The provider of one part's spans. Sampler, headers and limits are read from the standard variables by the library."""
    library = logging.getLogger("opentelemetry")
    library.propagate, library.handlers = False, [_Once()]
    resource = Resource.create(
        {
            "service.name": f"{environ.get('OTEL_SERVICE_NAME', '').strip() or 'cli2api'}-{part}",
            "service.version": version("mulerun-cli2api"),
        }
    )
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


async def close(provider: TracerProvider) -> None:
    """Delivers what is left, within a few seconds."""
    # A thread that the process does not wait for: the library's own patience is half a minute.
    leaving = threading.Thread(target=provider.shutdown, name="last spans", daemon=True)
    leaving.start()
    await asyncio.to_thread(leaving.join, GOODBYE_SECONDS)
