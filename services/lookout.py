"""How the core is seen from outside: what parts do passes by here and is counted, and traced where that is configured.

Law: whoever is looked at does not know of it. Parts are handed a stand-in with the same port.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from services.assets.attempt import Tally
from services.beside import beside
from services.credentials.keeper import Keeper
from services.domain.ports import Clock, Courier, Follower, JobStore, Upstream, UsageStore
from services.domain.watch import Watcher
from services.interceptors.metrics import metrics as counted
from services.interceptors.shapes import Ring
from services.metrics import door, lag, readings, stores
from services.metrics.registry import Metrics
from services.metrics.upstream import counting
from services.tracing import Tracing, configured
from services.upstream.watched import Watched
from services.usage.recorder import Recorder


class Lookout:
    """One core's metrics and traces."""

    def __init__(self, environ: Mapping[str, str], upstream_host: str) -> None:
        """`environ` may have the standard variables of OpenTelemetry."""
        self.metrics = Metrics()
        self.copies = Tally()
        """For whoever copies files."""
        self._tracing: Tracing | None = configured(environ, upstream_host)

    @property
    def rings(self) -> Sequence[Ring]:
        """What is put around calls, outermost first."""
        traced = [self._tracing.ring] if self._tracing else []
        return [*traced, counted(self.metrics.registry)]

    @property
    def followers(self) -> Sequence[Follower]:
        """Who hears what becomes of jobs."""
        return [self._tracing.follower] if self._tracing else []

    def upstream(self, upstream: Upstream) -> Upstream:
        """The same, looked at."""
        watchers: list[Watcher] = [counting(self.metrics)]
        if self._tracing:
            watchers.append(self._tracing.watcher)
        return Watched(upstream, watchers)

    def jobs(self, store: JobStore) -> JobStore:
        """The same, looked at."""
        return stores.jobs(store, self.metrics)

    def usage(self, store: UsageStore) -> UsageStore:
        """The same, looked at."""
        return stores.usage(store, self.metrics)

    def courier(self, courier: Courier) -> Courier:
        """The same, looked at."""
        return stores.CountedCourier(courier, self.metrics)

    @asynccontextmanager
    async def tracing(self) -> AsyncGenerator[None]:
        """Spans are delivered inside the block, and those that are left at its end."""
        try:
            yield
        finally:
            if self._tracing:
                await self._tracing.close()

    @asynccontextmanager
    async def telling(
        self, address: str, *, store: JobStore, recorder: Recorder, credentials: Keeper, clock: Clock
    ) -> AsyncGenerator[str]:
        """Metrics are served at `address` inside the block; yields where, "" for nowhere."""
        self.metrics.registry.register(readings.Readings(recorder=recorder, credentials=credentials, copies=self.copies))
        async with AsyncExitStack() as stack:
            if address != door.OFF:
                await stack.enter_async_context(beside(lag.measure(self.metrics.loop_lag), name="event loop lag"))
            look = partial(readings.look, self.metrics, store, clock)
            yield await stack.enter_async_context(door.serving(address, self.metrics.registry, look))
