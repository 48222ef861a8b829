"""Submits orders: written down first, then paid for, then written down again.

Law: an order is submitted once. Where it is not known whether the upstream took it, the job fails and says so.
"""

import asyncio
import json
import logging
import random
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Final

from services.domain.errors import Failure, SubmissionUncertain, UpstreamUnavailable
from services.domain.job import TERMINAL, Job, JobState, Order, Task
from services.domain.ports import Clock, JobStore, TaskUpstream
from services.jobs.background import Background
from services.jobs.backoff import Pace, pause
from services.jobs.ids import moment, new_id
from services.jobs.ledger import Ledger, fields
from services.jobs.retention import Retention

LEASE: Final = 120.0
"""Seconds for which a submission is this core's without a renewal, and so how long a dead core's submissions lie unseen.

A lease that outlasts any upstream call would need no renewal, but leave the callers of a dead core in the dark for that long. One
that is renewed may end under a core that lives and only cannot reach the store: another core would fail its submission, and the
task that it hears of after that could not be written down any more. So it is six renewals long. A restart of the store, a core
that stalls, or clocks that differ by a minute end no lease; for longer outages see `Submitter.tend`.
"""
RENEWAL: Final = 20.0
"""Seconds between two renewals, and between two looks for what other cores have left behind."""

log = logging.getLogger(__name__)


class Submitter:
    """Places orders upstream. A placement runs to its end even if the caller leaves, because it may be paid already."""

    def __init__(
        self,
        *,
        store: JobStore,
        ledger: Ledger,
        upstream: TaskUpstream,
        clock: Clock,
        owner: str,
        pace: Pace,
        retention: Retention,
        chance: random.Random,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._upstream = upstream
        self._clock = clock
        self._owner = owner
        self._pace = pace
        self._retention = retention
        self._chance = chance
        self._placements = Background()
        self._placing: set[str] = set()
        self._in_touch = True
        """The store could be reached at the last turn of `tend`."""

    async def submit(self, order: Order, on_written: Callable[[str], None]) -> tuple[Job, str]:
        """The job that stands for the order, and the order's fingerprint.

        It is another job, in any state, where the order's request_id is taken. Raises the Failure of a submission that came to
        nothing, with metadata `job_id`; StoreUnavailable means that nothing was submitted. `on_written` hears the job's id as
        soon as it is written down, before anything is submitted.
        """
        mark = await asyncio.to_thread(fingerprint, order) if order.request_id else ""
        job = written(order, mark=mark, now=self._clock.now(), retention=self._retention)
        return await self._placements.shielded(self._place(job, order, on_written), name=f"submit {job.id}"), mark

    async def tend(self) -> None:
        """Renews the leases of what is being submitted, then sweeps. Raises StoreUnavailable.

        While the store is away no core can renew, so leases end under cores that live. Whoever comes back first does not judge
        the others by that: after an outage one turn passes without a sweep, in which every core renews its own.
        """
        was_in_touch, self._in_touch = self._in_touch, False
        await self._store.renew(self._placing, owner=self._owner, lease_until=self._clock.now() + LEASE)
        self._in_touch = True
        if was_in_touch:
            await self.sweep()

    async def sweep(self) -> None:
        """Fails the submissions that nobody works on any more, since a task may or may not exist for each."""
        for job in await self._store.abandoned(owner=self._owner, now=self._clock.now()):
            if job.id in self._placing:
                continue
            lost = uncertain("the gateway stopped while this was being submitted")
            failed = self._retention.renew(job.failed(lost, now=self._clock.now()))
            log.error("an abandoned submission was found", extra=fields(failed))
            await self._ledger.record(failed)

    async def close(self, *, within: float) -> None:
        """Waits for the placements under way; those that take longer than `within` seconds are found by the next sweep."""
        await self._placements.finish(self._clock, within=within)

    async def _place(self, job: Job, order: Order, on_written: Callable[[str], None]) -> Job:
        self._placing.add(job.id)
        try:
            held = await self._store.insert(job, owner=self._owner, lease_until=job.created_at + LEASE)
            on_written(held.id)
            return held if held.id != job.id else await self._pay(held, order)
        finally:
            self._placing.discard(job.id)

    async def _pay(self, job: Job, order: Order) -> Job:
        try:
            task = await self._upstream.submit(order.path, order.body)
        except Failure as failure:
            verdict = judged(failure)
            await self._fail(job, verdict)
            if verdict is failure:
                raise
            raise verdict from failure
        except Exception as error:
            log.exception("a submission broke on a fault of our own", extra=fields(job))
            verdict = uncertain("the gateway could not make out MuleRun's answer")
            await self._fail(job, verdict)
            raise verdict from error
        submitted = accepted(job, task, now=self._clock.now(), rest=pause(self._pace, 0, self._chance.random()))
        await self._ledger.insist(submitted)
        log.info("submitted", extra=fields(submitted))
        return submitted

    async def _fail(self, job: Job, verdict: Failure) -> None:
        verdict.metadata["job_id"] = job.id
        failed = refused(job, verdict, now=self._clock.now())
        await self._ledger.insist(failed)
        log.warning("a submission came to nothing", extra=fields(failed))


def written(order: Order, *, mark: str, now: float, retention: Retention) -> Job:
    """The job as it is written down before anything is submitted."""
    return Job(
        id=new_id(order.kind, now),
        kind=order.kind,
        model=order.model,
        path=order.path,
        state=JobState.SUBMITTING,
        created_at=moment(now),
        updated_at=now,
        prompt=order.prompt,
        size=order.size,
        seconds=order.seconds,
        settings=order.settings,
        caller=order.caller,
        request_id=order.request_id,
        fingerprint=mark,
        remix_of_id=order.remix_of_id,
        expires_at=retention.expires_at(now),
    )


def accepted(job: Job, task: Task, *, now: float, rest: float) -> Job:
    """The job after the upstream has issued a task. One that has ended already is due at once, since a poll brings the assets."""
    ended = task.state in TERMINAL
    state = JobState.RUNNING if task.state is JobState.RUNNING else JobState.QUEUED
    return job.submitted(task_id=task.id, state=state, now=now, poll_at=now if ended else now + rest)


def judged(failure: Failure) -> Failure:
    """The failure of a submission as its caller hears it: itself where nothing was paid, else that this is not known."""
    if isinstance(failure, UpstreamUnavailable) and failure.reached:
        return uncertain(failure.message)
    return failure


def uncertain(what: str) -> SubmissionUncertain:
    """Says that a task may exist, and why no other was tried."""
    return SubmissionUncertain(
        f"{what}; so it is not known whether a task exists, and none was submitted again, because that might be paid twice"
    )


def refused(job: Job, verdict: Failure, *, now: float) -> Job:
    """The job after a submission that came to nothing.

    A refusal costs nothing, so it gives the caller's request_id back and the same request may be tried again. An uncertain one
    keeps it.
    """
    failed = job.failed(verdict, now=now)
    return failed if isinstance(verdict, SubmissionUncertain) else replace(failed, request_id="")


def fingerprint(order: Order) -> str:
    """A hash of all that the caller asked for, the same for the same request whatever the order of its keys."""
    asked = {
        "kind": order.kind,
        "model": order.model,
        "path": order.path,
        "body": order.body,
        "prompt": order.prompt,
        "size": order.size,
        "seconds": order.seconds,
        "remix_of_id": order.remix_of_id,
        "settings": order.settings,
    }
    return sha256(json.dumps(asked, sort_keys=True, default=dict).encode()).hexdigest()
