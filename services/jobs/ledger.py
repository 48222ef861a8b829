"""Writes down what became of jobs and tells those who wait: the store first, then the hub.

Law: what the upstream was paid for is not let go of because the store is away for a while.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from services.domain.errors import JobNotFound, StoreUnavailable
from services.domain.job import Job
from services.domain.ports import Clock, Follower, JobStore
from services.jobs.background import Background
from services.jobs.backoff import Pace, pause
from services.jobs.hub import Hub

RETRIES: Final = Pace(initial=0.2, factor=2.0, maximum=10.0, jitter=0.0)

log = logging.getLogger(__name__)


class Ledger:
    """The one hand that writes to the store for the other parts of the engine. Every write outlives its caller."""

    def __init__(
        self,
        *,
        store: JobStore,
        hub: Hub,
        clock: Clock,
        on_due: Callable[[float], None],
        followers: Sequence[Follower] = (),
        announces: bool = False,
    ) -> None:
        """`announces`: that a job has ended is marked as news for the outside."""
        self._store = store
        self._announces = announces
        self._followers = followers
        self._hub = hub
        self._clock = clock
        self._on_due = on_due
        self._writes = Background()
        self._unsaved: dict[str, Job] = {}

    async def read(self, job_id: str) -> Job:
        """The job as it stands. Raises JobNotFound or StoreUnavailable."""
        job = self._unsaved.get(job_id) or await self._store.get(job_id)
        if job is None:
            raise JobNotFound.of(job_id)
        return job

    async def record(self, job: Job) -> bool:
        """Saves the next revision and tells it. False where the job has gone or someone else was faster."""
        return await self._writes.shielded(self._save(job), name=f"save {job.id}")

    async def insist(self, job: Job) -> None:
        """Saves the next revision, now or, while the store is away, as soon as it is back. Told at once in either case."""
        try:
            await self.record(job)
        except StoreUnavailable:
            log.exception("a job could not be saved and is held in memory until the store is back", extra=fields(job))
            self._unsaved[job.id] = job
            self._hub.publish(job)
            self._writes.start(self._save_at_last(job), name=f"save {job.id} at last")

    async def strike(self, job_id: str) -> Job:
        """Forgets a job and returns what it was. Raises JobNotFound or StoreUnavailable."""
        return await self._writes.shielded(self._strike(job_id), name=f"delete {job_id}")

    async def close(self, *, within: float) -> None:
        """Ends the writes that are under way; what cannot be saved even then is logged with all that finds the task again."""
        await self._writes.finish(self._clock, within=within)
        for job in self._unsaved.values():
            try:
                await self._save(job)
            except StoreUnavailable:
                log.critical("a job could not be saved before the stop", extra=fields(job) | {"path": job.path}, exc_info=True)

    async def _save(self, job: Job) -> bool:
        if self._announces and job.is_terminal:
            # Written down with the end itself, so that no crash comes between the two.
            job = replace(job, notify_at=job.updated_at)
        saved = await self._store.save(job)
        if saved:
            self._hub.publish(job)
            if job.poll_at is not None:
                self._on_due(job.poll_at)
            if job.is_terminal:
                for follower in self._followers:
                    follower.settled(job)
        else:
            log.warning("a job has changed or gone meanwhile, so this change of it is dropped", extra=fields(job))
        return saved

    async def _save_at_last(self, job: Job) -> None:
        tries = 0
        while job.id in self._unsaved:
            await self._clock.sleep(pause(RETRIES, tries, 0.0))
            tries += 1
            try:
                await self._save(job)
            except StoreUnavailable:
                log.error("the store is still away", extra=fields(job) | {"tries": tries})  # noqa: TRY400
                continue
            self._unsaved.pop(job.id, None)

    async def _strike(self, job_id: str) -> Job:
        stored = await self._store.delete(job_id)
        job = self._unsaved.pop(job_id, stored)
        if job is None:
            raise JobNotFound.of(job_id)
        self._hub.stir(job_id)
        for follower in self._followers:
            follower.forgotten(job_id)
        return job


def fields(job: Job) -> dict[str, object]:
    """What every log line about a job says of it."""
    return {
        "job_id": job.id,
        "model": job.model,
        "state": job.state.value,
        "task_id": job.task_id,
        "reason": job.failure.reason if job.failure else "",
    }
