"""Polls one task and records what follows for its job. A failed poll is an answer like any other; `settle` judges it."""

import logging
import random

from services.domain.errors import Failure, Internal, StoreUnavailable
from services.domain.job import Job, JobState, Task
from services.domain.ports import Clock, TaskUpstream
from services.jobs.backoff import Pace
from services.jobs.ledger import Ledger, fields
from services.jobs.retention import Retention
from services.jobs.settle import settle

log = logging.getLogger(__name__)


class Poller:
    """Asks the upstream how a task stands."""

    def __init__(
        self, *, ledger: Ledger, upstream: TaskUpstream, clock: Clock, pace: Pace, retention: Retention, chance: random.Random
    ) -> None:
        self._ledger = ledger
        self._upstream = upstream
        self._clock = clock
        self._pace = pace
        self._retention = retention
        self._chance = chance

    async def poll(self, job: Job) -> None:
        """Polls the job's task once. Nothing is raised: what cannot be recorded is found out again by the next poll."""
        answer = await self._ask(job)
        try:
            await self.record(job, answer)
        except StoreUnavailable:
            log.exception("a poll could not be recorded; it is repeated when its lease ends", extra=fields(job))

    async def record(self, job: Job, answer: Task | Failure) -> Job | None:
        """The job as the answer leaves it, written down; None where someone else was faster. Raises StoreUnavailable."""
        following = settle(
            job, answer, now=self._clock.now(), pace=self._pace, retention=self._retention, chance=self._chance.random()
        )
        if not await self._ledger.record(following):
            return None
        if following.is_terminal:
            level = logging.INFO if following.state is JobState.SUCCEEDED else logging.WARNING
            log.log(level, "settled", extra=fields(following) | {"seconds": round(following.updated_at - job.created_at, 3)})
        return following

    async def _ask(self, job: Job) -> Task | Failure:
        try:
            return await self._upstream.poll(job.path, job.task_id)
        except Failure as failure:
            log.info("a poll failed", extra=fields(job) | {"failure": failure.reason, "polls": job.polls})
            return failure
        except Exception:
            log.exception("a poll broke on a fault of our own", extra=fields(job))
            return Internal("the gateway could not make out MuleRun's answer")
