"""The core's metrics by name, in one registry. `docs/metrics.md` has the same list for people, and a test holds the two equal."""

from importlib.metadata import version
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.metrics.tally import Family, Tally
from services.telemetry import open_registry

_SHORT: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_LONG: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)


class Metrics:
    """Every metric of one core but those of its gRPC calls, which their interceptor brings."""

    def __init__(self) -> None:
        self.registry: CollectorRegistry = open_registry()
        Gauge("cli2api_build_info", "Always 1; the label says which version runs.", ("version",), registry=self.registry).labels(
            version("mulerun-cli2api")
        ).set(1)

        took = "From a call of MuleRun to the last byte of its answer."
        outcome = ("plane", "operation", "status", "failure")
        self.upstream = Tally(
            running=Family(name="cli2api_upstream_open", says="Calls of MuleRun that are open.", labels=("plane",)),
            ended=Family(name="cli2api_upstream_calls", says="Calls of MuleRun that ended.", labels=outcome),
            seconds=Family(name="cli2api_upstream_seconds", says=took, labels=("plane", "operation")),
            bounds=_LONG,
        )
        self.registry.register(self.upstream)

        self.jobs_written = self._counter("cli2api_jobs_written", "Orders written down as jobs.", ("kind",))
        self.jobs_settled = self._counter("cli2api_jobs_settled", "Jobs that this core wrote the end of.", ("kind", "state"))
        self.jobs_expired = self._counter("cli2api_jobs_expired", "Jobs that were forgotten at their time.")
        self.jobs_unfinished = self._gauge("cli2api_jobs_unfinished", "Jobs in the store that have not ended.", ("state",))
        self.poll_lag = self._gauge("cli2api_job_poll_lag_seconds", "How long the most overdue job has waited for its poll.")

        self.store_seconds = self._histogram(
            "cli2api_store_seconds", "How long a store took for one operation.", ("store", "operation"), _SHORT
        )
        self.store_errors = self._counter(
            "cli2api_store_errors", "Operations for which a store was away.", ("store", "operation")
        )

        self.usage_written = self._counter("cli2api_usage_records_written", "Records of calls that were written down.")
        self.webhooks = self._counter("cli2api_webhooks", "Webhooks that were sent to the receiver.", ("outcome",))
        self.loop_lag = self._histogram(
            "cli2api_event_loop_lag_seconds", "How much later than asked the event loop wakes a sleeper.", (), _SHORT
        )

    def _counter(self, name: str, says: str, labels: tuple[str, ...] = ()) -> Counter:
        return Counter(name, says, labels, registry=self.registry)

    def _gauge(self, name: str, says: str, labels: tuple[str, ...] = ()) -> Gauge:
        return Gauge(name, says, labels, registry=self.registry)

    def _histogram(self, name: str, says: str, labels: tuple[str, ...], buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, says, labels, buckets=buckets, registry=self.registry)
