"""Copies the assets of succeeded jobs beside everything else, a few jobs at a time, and removes what belongs to deleted ones.

Law: a job is done when MuleRun says so. Whether its copies succeed, wait or fail changes nothing about it; what is still to be
copied is known from the job store and the asset store, so that a crash loses no copy while its link lives.
"""

import asyncio
import logging
from collections.abc import Collection, Coroutine
from types import TracebackType
from typing import Any, Self

from services.assets.attempt import Attempts, Outcome
from services.assets.shelf import Shelf, ShelfAway
from services.assets.waiting import Waiting, pause
from services.domain.job import Job, JobState
from services.domain.ports import Clock

log = logging.getLogger(__name__)


class Copier:
    """A Follower. It copies inside `async with`; leaving stops what is under way, which the next start goes on with."""

    def __init__(self, *, attempts: Attempts, shelf: Shelf, clock: Clock, room: int = 4) -> None:
        """At most `room` jobs are copied at once."""
        self._attempts = attempts
        self._shelf = shelf
        self._clock = clock
        self._room = room
        self._waiting = Waiting()
        self._nudged = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._copying: dict[str, asyncio.Task[None]] = {}
        self._given_up: set[str] = set()

    async def __aenter__(self) -> Self:
        self._start(self._run(), name="copier")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(set(self._tasks))

    def settled(self, job: Job) -> None:
        """As Follower promises."""
        if job.state is JobState.SUCCEEDED:
            self.offer(job.id)

    def forgotten(self, job_id: str) -> None:
        """As Follower promises."""
        self._start(self.remove(job_id), name=f"remove {job_id}")

    def offer(self, job_id: str) -> None:
        """Copies what is not copied yet of a succeeded job, unless it was given up on."""
        if job_id not in self._given_up and job_id not in self._copying:
            self._waiting.add(job_id, due_at=self._clock.now())
            self._nudged.set()

    def retain(self, job_ids: Collection[str]) -> None:
        """Forgets having given up on all but these jobs, so that what is remembered stays as small as what may be offered."""
        self._given_up.intersection_update(job_ids)

    async def remove(self, job_id: str) -> None:
        """Removes a job's copies, one that is being written too. While the store is away they stay for a later sweep."""
        self._waiting.drop(job_id)
        if copying := self._copying.get(job_id):
            copying.cancel()
            await asyncio.wait({copying})
        try:
            count = await self._shelf.remove(job_id)
        except ShelfAway as error:
            fields = {"job_id": job_id, "why": str(error)}
            log.error("the copies of a job that has gone could not be removed", extra=fields)  # noqa: TRY400
            return
        if count:
            log.info("the copies of a job that has gone were removed", extra={"job_id": job_id})

    async def _run(self) -> None:
        while True:
            self._nudged.clear()
            for job_id, tries in self._waiting.take(now=self._clock.now(), limit=self._room - len(self._copying)):
                self._copying[job_id] = self._start(self._copy(job_id, tries + 1), name=f"copy {job_id}")
            await self._rest(self._waiting.next_due() if len(self._copying) < self._room else None)

    async def _rest(self, until: float | None) -> None:
        """Until then, or until something is offered or a place becomes free."""
        works: list[asyncio.Future[object]] = [asyncio.ensure_future(self._nudged.wait())]
        if until is not None:
            works.append(asyncio.ensure_future(self._clock.sleep(until - self._clock.now())))
        try:
            await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)

    async def _copy(self, job_id: str, tries: int) -> None:
        outcome = Outcome.GIVEN_UP
        try:
            outcome = await self._attempts.copy(job_id)
        except Exception:
            # Not tried again before the next start: a fault of our own would only repeat itself.
            log.exception("a copy broke on a fault of our own", extra={"job_id": job_id})
        finally:
            self._copying.pop(job_id, None)
            self._nudged.set()
        if outcome is Outcome.AGAIN:
            self._waiting.add(job_id, due_at=self._clock.now() + pause(tries), tries=tries)
        elif outcome is Outcome.GIVEN_UP:
            self._given_up.add(job_id)

    def _start(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.critical("work on copies broke on a fault of our own", exc_info=error, extra={"work": task.get_name()})
