"""What is read when somebody looks, since the parts know it anyway: copies, records, logins, and the jobs in the store."""

import asyncio
import logging
from collections.abc import Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from services.assets.attempt import Tally
from services.credentials.keeper import Keeper
from services.domain.errors import StoreUnavailable
from services.domain.job import TERMINAL, JobState
from services.domain.ports import Clock, JobStore, Plane
from services.metrics.registry import Metrics
from services.usage.recorder import Recorder

_log = logging.getLogger(__name__)

PATIENCE: Final = 2.0
"""Seconds that a look waits for the store; the numbers of the look before are told where that is too short."""


class Readings(Collector):
    """Reads counters that the parts keep."""

    def __init__(self, *, recorder: Recorder, credentials: Keeper, copies: Tally) -> None:
        self._recorder = recorder
        self._credentials = credentials
        self._copies = copies

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """One family a counter."""
        copies = self._copies
        yield CounterMetricFamily(
            "cli2api_usage_records_dropped", "Records of calls that found the buffer full.", value=self._recorder.dropped
        )
        yield CounterMetricFamily("cli2api_assets_copied", "Files of jobs that were copied.", value=copies.copied)
        yield CounterMetricFamily(
            "cli2api_assets_copied_bytes", "Bytes of the files that were copied.", value=copies.copied_bytes
        )
        failed = CounterMetricFamily(
            "cli2api_asset_copies_failed", "Tries to copy a file that came to nothing.", labels=["retried"]
        )
        failed.add_metric(["yes"], copies.put_off)
        failed.add_metric(["no"], copies.given_up)
        yield failed
        expiry = GaugeMetricFamily(
            "cli2api_credential_expiry_timestamp_seconds",
            "When the login of MuleRun ends, unless it is renewed; missing where no end is known.",
            labels=["plane"],
        )
        for plane in Plane:
            expires_at = self._credentials.expires_at(plane)
            if expires_at is not None:
                expiry.add_metric([plane], expires_at)
        yield expiry
        yield CounterMetricFamily(
            "cli2api_credential_renewals",
            "Logins that were renewed, or exchanged for a key.",
            value=self._credentials.renewals,
        )


async def look(metrics: Metrics, store: JobStore, clock: Clock) -> None:
    """Brings what only the store knows up to date. Where the store is away, what was known stays."""
    try:
        async with asyncio.timeout(PATIENCE):
            census, due_at = await store.census(), await store.next_due()
    except (StoreUnavailable, TimeoutError):
        _log.debug("the store is away, so metrics tell of its jobs as they were")
        return
    for state in set(JobState) - TERMINAL:
        metrics.jobs_unfinished.labels(state).set(census.get(state, 0))
    metrics.poll_lag.set(0.0 if due_at is None else max(0.0, clock.now() - due_at))
