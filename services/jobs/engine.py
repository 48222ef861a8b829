"""The jobs' front desk: submit, wait, watch, get, page and delete. The upstream is asked behind it, whether or not anybody waits.

Law: nothing paid for is lost. A caller that leaves, a deadline or a restart ends a call, never a job.
"""

import random
from collections.abc import AsyncGenerator, Callable, Sequence
from types import TracebackType
from typing import Final, Self

from services.domain.errors import Draining, IdempotencyConflict
from services.domain.job import TERMINAL, Job, JobQuery, JobState, Order, Task
from services.domain.ports import Clock, Follower, JobStore, TaskUpstream
from services.jobs.background import Background
from services.jobs.backoff import Pace
from services.jobs.hub import Hub
from services.jobs.ledger import Ledger
from services.jobs.poller import Poller
from services.jobs.reaper import Reaper
from services.jobs.retention import Retention
from services.jobs.scheduler import Scheduler
from services.jobs.submitter import RENEWAL, Submitter
from services.jobs.upkeep import every

HEARINGS: Final = 5
"""How often a task's end is written down anew where polls change its job at the same moment; the next poll finds it out then."""


class Engine:
    """One core's share of the jobs. Polls run inside `async with`; everything else works as soon as it is made."""

    def __init__(
        self,
        *,
        store: JobStore,
        upstream: TaskUpstream,
        clock: Clock,
        pace: Pace,
        owner: str,
        retention: Retention | None = None,
        room: int = 256,
        grace: float = 10.0,
        chance: random.Random | None = None,
        followers: Sequence[Follower] = (),
        announces: bool = False,
        on_poll: Callable[[float], None] | None = None,
    ) -> None:
        """`owner` names this core among those on the same store and must differ after each start.

        At most `room` polls run at once. On leaving, what is being submitted or written gets `grace` seconds to end.
        `followers` hear what becomes of jobs through this core; `announces` marks their ends as news for the outside.
        `on_poll` is told of every poll as it begins: how many seconds after its time that is.
        """
        retention = retention or Retention()
        chance = chance or random.Random()  # noqa: S311 - it spreads polls and guards nothing
        self._store = store
        self._clock = clock
        self._grace = grace
        self._draining = False
        self._hub = Hub()
        self._ledger = Ledger(store=store, hub=self._hub, clock=clock, on_due=self._due, followers=followers, announces=announces)
        self._submitter = Submitter(
            store=store,
            ledger=self._ledger,
            upstream=upstream,
            clock=clock,
            owner=owner,
            pace=pace,
            retention=retention,
            chance=chance,
        )
        self._poller = Poller(ledger=self._ledger, upstream=upstream, clock=clock, pace=pace, retention=retention, chance=chance)
        self._scheduler = Scheduler(store=store, clock=clock, owner=owner, poll=self._poller.poll, room=room, on_poll=on_poll)
        self._reaper = Reaper(store=store, hub=self._hub, clock=clock, retention=retention)
        self._background = Background()

    async def __aenter__(self) -> Self:
        """Settles what an earlier run left in the dark and begins to poll. Raises StoreUnavailable."""
        await self._submitter.sweep()
        self._background.start(self._scheduler.run(), name="scheduler")
        self._background.start(self._reaper.run(), name="reaper")
        self._background.start(every(RENEWAL, self._clock, self._submitter.tend), name="sweeper")
        self._background.start(self._store.listen(self._hub.stir), name="listener")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.drain()
        await self._submitter.close(within=self._grace)
        await self._background.cancel()
        await self._ledger.close(within=self._grace)

    def drain(self) -> None:
        """Refuses new orders from now on; everything else goes on."""
        self._draining = True

    async def submit(self, order: Order, on_written: Callable[[str], None] = lambda _: None) -> Job:
        """The job that stands for `order`, submitted, or where the request_id was used before, that job as it stands.

        A caller that is cancelled meanwhile does not stop the submission; `on_written` has told it the job's id by then, if the
        job was written down. Raises Draining, StoreUnavailable,
        IdempotencyConflict, or the Failure of the submission with metadata `job_id`.
        """
        if self._draining:
            raise Draining("the gateway is stopping and takes no new work; try again, another one or its successor will answer")
        job, mark = await self._submitter.submit(order, on_written)
        if job.fingerprint != mark:
            raise IdempotencyConflict(
                f"the Idempotency-Key (request_id) {order.request_id!r} was used before for another request;"
                " give each request a key of its own",
                metadata={"job_id": job.id},
            )
        if job.state is not JobState.SUBMITTING:
            return job
        return await self._until(job.id, lambda held: held.state is not JobState.SUBMITTING)

    async def get(self, job_id: str) -> Job:
        """The job as it stands. Raises JobNotFound or StoreUnavailable."""
        return await self._ledger.read(job_id)

    async def page(self, query: JobQuery) -> Sequence[Job]:
        """At most `query.limit` jobs in order. Raises StoreUnavailable."""
        return await self._store.page(query)

    async def wait(self, job_id: str) -> Job:
        """The job once it is terminal. Raises JobNotFound, also when it is forgotten meanwhile, or StoreUnavailable."""
        return await self._until(job_id, lambda job: job.is_terminal)

    async def watch(self, job_id: str, after_revision: int = 0) -> AsyncGenerator[Job, None]:
        """The job as it stands, then at each change, to the terminal one; nothing up to `after_revision`.

        Changes that come faster than they are taken are joined. Raises JobNotFound, also when it is forgotten meanwhile, or
        StoreUnavailable.
        """
        with self._hub.listen(job_id) as ear:
            job = await self.get(job_id)
            while True:
                if job.revision > after_revision:
                    after_revision = job.revision
                    yield job
                if job.is_terminal:
                    return
                job = await ear.next() or await self.get(job_id)

    async def hear(self, task: Task) -> Job | None:
        """Settles the job of a task that has ended, by the upstream's own word, without a poll.

        None where that changes nothing: the task goes on, is nobody's here, or its job is settled. Raises StoreUnavailable.
        """
        if task.state not in TERMINAL:
            return None
        for _ in range(HEARINGS):
            job = await self._store.by_task(task.id)
            if job is None:
                return None
            if settled := await self._poller.record(job, task):
                return settled
        return None

    async def delete(self, job_id: str) -> Job:
        """Forgets the job and returns what it was; a task in flight goes on upstream. Raises JobNotFound or StoreUnavailable."""
        return await self._ledger.strike(job_id)

    async def _until(self, job_id: str, reached: Callable[[Job], bool]) -> Job:
        with self._hub.listen(job_id) as ear:
            job = await self.get(job_id)
            while not reached(job):
                job = await ear.next() or await self.get(job_id)
            return job

    def _due(self, at: float) -> None:
        self._scheduler.wake(at)
