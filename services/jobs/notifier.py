"""Tells the outside what became of jobs.

Law: at least once. That an end is to be told is written down together with the end itself, and struck out only after its receiver
has taken it; a crash in between tells it twice, under the same id.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Final, Self

from services.domain.errors import JobNotEnded, JobNotFound, StoreUnavailable
from services.domain.job import Job
from services.domain.model import Json
from services.domain.ports import Clock, Courier, JobStore
from services.jobs.background import Background, first
from services.jobs.ledger import fields
from services.jobs.notice import notice, rest

LEASE: Final = 120.0
"""Seconds for which a message that is being sent is this core's; longer than a receiver may take to answer."""
NAP: Final = 5.0
"""Seconds after which the store is asked again: what has to be tried again, or was left by another core, makes no sound."""
ROOM: Final = 16
"""Messages that are sent at once."""

log = logging.getLogger(__name__)


class Notifier:
    """A Follower. It sends inside `async with`; what is not sent by then is sent after the next start."""

    def __init__(
        self,
        *,
        store: JobStore,
        courier: Courier,
        secrets: Sequence[bytes],
        document: Callable[[Job], Mapping[str, Json]],
        clock: Clock,
    ) -> None:
        """`document` shows a job as its readers know it. Every message is signed with each of the secrets."""
        self._store = store
        self._courier = courier
        self._secrets = secrets
        self._document = document
        self._clock = clock
        self._nudged = asyncio.Event()
        self._background = Background()

    async def __aenter__(self) -> Self:
        self._background.start(self._run(), name="notifier")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._background.cancel()

    def settled(self, job: Job) -> None:
        """As Follower promises."""
        del job
        self._nudged.set()

    def forgotten(self, job_id: str) -> None:
        """As Follower promises. What is forgotten is not told any more."""

    async def redeliver(self, job_id: str) -> Job:
        """Tells of a job's end once more, with all tries before it, and returns the job.

        A try that is under way may be the one that tells it. Raises JobNotFound, StoreUnavailable, or JobNotEnded where there is
        nothing to tell yet.
        """
        job = await self._store.get(job_id)
        if job is None:
            raise JobNotFound.of(job_id)
        if not job.is_terminal:
            raise JobNotEnded(
                f"job {job.id} is {job.state.value}; its end is told by itself when it comes, and once more after that",
                metadata={"job_id": job.id},
            )
        await self._store.put_off(job.id, self._clock.now(), tries=0)
        log.info("a message is sent once more", extra=fields(job))
        self._nudged.set()
        return job

    async def _run(self) -> None:
        while True:
            self._nudged.clear()
            try:
                await self._round()
            except StoreUnavailable:
                log.exception("messages are put off, because the store is away")
            await first(self._clock.sleep(NAP), self._nudged.wait())

    async def _round(self) -> None:
        claimed: Sequence[Job] = ()
        while not claimed or len(claimed) == ROOM:
            now = self._clock.now()
            claimed = await self._store.claim_notices(now=now, until=now + LEASE, limit=ROOM)
            if not claimed:
                return
            async with asyncio.TaskGroup() as group:
                for job in claimed:
                    group.create_task(self._tell(job), name=f"tell of {job.id}")

    async def _tell(self, job: Job) -> None:
        message = notice(job, self._document(job), secrets=self._secrets, now=self._clock.now())
        why = await self._courier.deliver(message.headers, message.body)
        wait = rest(job.notify_tries) if why else None
        told = fields(job) | {"tries": job.notify_tries, "why": why}
        try:
            await self._store.put_off(job.id, None if wait is None else self._clock.now() + wait)
        except StoreUnavailable:
            log.exception("what became of a message could not be written down; it is sent again", extra=told)
            return
        if not why:
            log.info("the outside was told", extra=told)
        elif wait is not None:
            log.warning("the outside could not be told; trying again", extra=told | {"seconds": wait})
        else:
            log.error("the outside could not be told, and is not tried again", extra=told)
