"""Tells by the standard health service which parts can work now. What needs the job store is not ready while it is away."""

import asyncio
import logging
from collections.abc import Collection
from typing import Final

from grpc_health.v1 import health, health_pb2

from services.domain.errors import StoreUnavailable
from services.domain.ports import Clock, JobStore

_log = logging.getLogger(__name__)

WHOLE: Final = ""
"""The name under which the health service speaks of the gateway as a whole."""
_LOOK_EVERY: Final = 2.0
_PATIENCE: Final = 5.0


class Readiness:
    """Watches the store and keeps the health service true."""

    def __init__(
        self,
        *,
        store: JobStore,
        clock: Clock,
        servicer: health.aio.HealthServicer,
        stored: Collection[str],
        others: Collection[str],
    ) -> None:
        """`stored` are the services that need the store, `others` those that do not."""
        self._store = store
        self._clock = clock
        self._servicer = servicer
        self._stored = (WHOLE, *stored)
        self._others = others
        self._ready: bool | None = None

    async def run(self) -> None:
        """Looks until it is cancelled."""
        for name in self._others:
            await self._servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
        while True:
            await self.look()
            await self._clock.sleep(_LOOK_EVERY)

    async def look(self) -> None:
        """One look at the store; the first one and every change are logged."""
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._store.ping()
        except (StoreUnavailable, TimeoutError) as error:
            ready, why = False, error.message if isinstance(error, StoreUnavailable) else "it does not answer"
        else:
            ready, why = True, ""
        if ready == self._ready:
            return
        serving = health_pb2.HealthCheckResponse.SERVING if ready else health_pb2.HealthCheckResponse.NOT_SERVING
        for name in self._stored:
            await self._servicer.set(name, serving)
        if not ready:
            _log.error("the job store is away", extra={"why": why})
        elif self._ready is False:
            _log.info("the job store is back")
        self._ready = ready

    async def drain(self) -> None:
        """Nothing is ready from now on, for good."""
        await self._servicer.enter_graceful_shutdown()
