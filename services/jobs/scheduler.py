"""Decides when which job is polled: claims what is due, polls it beside the others, and rests until the next is due.

Law: no job waits for another one's poll. Each poll is a task of its own, and a slow one takes a place, never the turn.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from typing import Final

from services.domain.job import Job
from services.domain.ports import Clock, JobStore
from services.jobs.background import Background, first

LEASE: Final = 60.0
"""Seconds for which a claimed job is this core's; longer than a poll takes. A dead core's polls lie idle for as long."""
TICK: Final = 0.05
"""Seconds in which jobs that become due are gathered, so that ten thousand cost a few claims and not ten thousand."""
NAP: Final = 5.0
"""Seconds after which the store is asked again in any case: another core may have died or left work behind."""

log = logging.getLogger(__name__)


class Scheduler:
    """The rounds of one core. `run` it once; `wake` it when a job becomes due that it cannot know of."""

    def __init__(
        self,
        *,
        store: JobStore,
        clock: Clock,
        owner: str,
        poll: Callable[[Job], Awaitable[None]],
        room: int = 256,
        on_poll: Callable[[float], None] | None = None,
    ) -> None:
        """`poll` must not raise. At most `room` polls run at once. `on_poll` is told by how many seconds each begins late."""
        self._on_poll = on_poll
        self._store = store
        self._clock = clock
        self._owner = owner
        self._poll = poll
        self._room = room
        self._polls = Background()
        self._polling: set[str] = set()
        self._left = asyncio.Event()
        self._nearer = asyncio.Event()
        self._horizon = math.inf
        """When the next round begins, as far as is known."""

    def wake(self, at: float) -> None:
        """A job is due at `at`."""
        if at < self._horizon:
            self._horizon = at
            self._nearer.set()

    async def run(self) -> None:
        """Goes on until it is cancelled, and takes the polls under way with it; their jobs come up again."""
        try:
            while True:
                try:
                    await self._round()
                except Exception:
                    # Mostly the store is away. Whatever it is: a scheduler that ends takes every paid task with it.
                    log.exception("a round of polls could not begin; the next try is in %s s", NAP)
                    await self._clock.sleep(NAP)
        finally:
            await self._polls.cancel()

    async def _round(self) -> None:
        self._horizon = math.inf
        self._nearer.clear()
        self._left.clear()
        now = self._clock.now()
        free = self._room - len(self._polling)
        claimed = await self._store.claim(owner=self._owner, now=now, lease_until=now + LEASE, limit=free)
        for job in claimed:
            # A poll that has outlived its lease is still under way; it is not asked a second time meanwhile.
            if job.id not in self._polling:
                self._polling.add(job.id)
                self._polls.start(self._take(job), name=f"poll {job.id}")
        await self._clock.sleep(TICK)
        if len(self._polling) >= self._room:
            await self._left.wait()
        elif len(claimed) < free:
            self.wake((await self._store.next_due()) or math.inf)
            await self._rest()

    async def _take(self, job: Job) -> None:
        if self._on_poll is not None and job.poll_at is not None:
            self._on_poll(max(0.0, self._clock.now() - job.poll_at))
        try:
            await self._poll(job)
        finally:
            self._polling.discard(job.id)
            self._left.set()

    async def _rest(self) -> None:
        latest = self._clock.now() + NAP
        while (seconds := min(self._horizon, latest) - self._clock.now()) > 0:
            self._nearer.clear()
            await first(self._clock.sleep(seconds), self._nearer.wait())
