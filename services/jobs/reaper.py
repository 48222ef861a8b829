"""Forgets jobs whose time has come."""

import logging

from services.domain.ports import Clock, JobStore
from services.jobs.hub import Hub
from services.jobs.retention import Retention
from services.jobs.upkeep import every

log = logging.getLogger(__name__)


class Reaper:
    """Looks for expired jobs at the retention's interval; never, where the retention or the interval is 0."""

    def __init__(self, *, store: JobStore, hub: Hub, clock: Clock, retention: Retention) -> None:
        self._store = store
        self._hub = hub
        self._clock = clock
        self._retention = retention

    async def run(self) -> None:
        """Goes on until it is cancelled; returns at once where jobs are kept for good."""
        if self._retention.forgets:
            await every(self._retention.interval, self._clock, self.reap)

    async def reap(self) -> int:
        """Forgets what has expired by now; returns how many jobs. Raises StoreUnavailable."""
        count = await self._store.expire(now=self._clock.now(), in_flight_grace=self._retention.grace)
        if count:
            # Who waits for a job that was never going to end has to hear that it is gone.
            self._hub.stir()
            log.info("expired jobs were forgotten", extra={"count": count})
        return count
