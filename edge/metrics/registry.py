"""The edge's metrics by name, in one registry. `docs/metrics.md` has the same list for people, and a test holds the two equal."""

from importlib.metadata import version
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

_SHORT: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_LONG: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)


class Metrics:
    """Every metric of one edge."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # when a series began; it would double what is scraped
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        build = Gauge("cli2api_build_info", "Always 1; the label says which version runs.", ("version",), registry=self.registry)
        build.labels(version("mulerun-cli2api")).set(1)
        self.requests = Counter(
            "cli2api_http_requests",
            "HTTP requests that ended, by the route and not the path; 499 is a caller that hung up before its answer.",
            ("route", "method", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "cli2api_http_seconds",
            "From a request's head to the last byte of its answer.",
            ("route",),
            buckets=_LONG,
            registry=self.registry,
        )
        self.first_byte = Histogram(
            "cli2api_http_first_byte_seconds",
            "From a request's head to the head of its answer.",
            ("route",),
            buckets=_LONG,
            registry=self.registry,
        )
        self.open = Gauge("cli2api_http_open", "HTTP requests that are being served, streams among them.", registry=self.registry)
        self.loop_lag = Histogram(
            "cli2api_event_loop_lag_seconds",
            "How much later than asked the event loop wakes a sleeper.",
            buckets=_SHORT,
            registry=self.registry,
        )
