"""Wakes those of this process who wait for a job. It remembers nothing: an entry lives only while somebody listens."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain

from services.domain.job import Job


class Ear:
    """What one waiter has heard of one job and not yet taken in. Changes that come faster than they are taken in are joined."""

    def __init__(self) -> None:
        self._latest: Job | None = None
        self._heard = asyncio.Event()

    def tell(self, job: Job | None) -> None:
        """The job has changed; None if it has to be looked up."""
        self._latest = job
        self._heard.set()

    def knows(self, revision: int) -> bool:
        """It was told of that revision or a later one."""
        return self._latest is not None and self._latest.revision >= revision

    async def next(self) -> Job | None:
        """Waits for the next word: the job as it stands now, or None where the store has to be asked."""
        await self._heard.wait()
        self._heard.clear()
        return self._latest


class Hub:
    """The ears of this process, by job id."""

    def __init__(self) -> None:
        self._ears: dict[str, set[Ear]] = {}

    def __len__(self) -> int:
        """How many jobs somebody listens for."""
        return len(self._ears)

    @contextmanager
    def listen(self, job_id: str) -> Iterator[Ear]:
        """An ear for one job. Open it before you read the job, so that no change slips in between."""
        ear = Ear()
        self._ears.setdefault(job_id, set()).add(ear)
        try:
            yield ear
        finally:
            self._ears[job_id].discard(ear)
            if not self._ears[job_id]:
                del self._ears[job_id]

    def publish(self, job: Job) -> None:
        """Tells how a job stands."""
        for ear in self._ears.get(job.id, ()):
            ear.tell(job)

    def stir(self, job_id: str = "", revision: int = 0) -> None:
        """Tells that a job, or any when no id is given, may have changed or gone without being published.

        Ears that know of `revision` already are left alone; without one, none is.
        """
        ears = self._ears.get(job_id, ()) if job_id else chain.from_iterable(self._ears.values())
        for ear in ears:
            if not revision or not ear.knows(revision):
                ear.tell(None)
