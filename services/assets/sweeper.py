"""Compares the jobs with what is kept of them: offers what has no copy yet, and removes what has no job any more.

It mends what no moment of its own mends: copies that a crash or a full queue left undone, copies of jobs that expired, and
removals that were cut off. A deleted job's copies go with it; so between two starts only those copies are looked at whose job
may have expired.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from services.assets.attempt import LINKS_LIVE
from services.assets.copier import Copier
from services.assets.shelf import Shelf, ShelfAway
from services.domain.errors import StoreUnavailable
from services.domain.job import Job, JobQuery, JobState
from services.domain.ports import Clock, JobStore

INTERVAL: Final = 600.0
"""Seconds between two sweeps; after a failed one too."""
HEAD_START: Final = 600.0
"""Seconds after a job's end for which only the core that settled it copies it, so that cores do not do each other's work."""
LONGEST_WORK: Final = 24 * 3600.0
"""Seconds from a job's beginning to its end that are reckoned with when looking back for missing copies."""
PAGE: Final = 200

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Kept:
    """What is kept of one job."""

    copies: int = 0
    written_at: float = 0.0
    """When its last object was written; unix seconds."""


class Sweeper:
    """Sweeps at its start and every INTERVAL inside `async with`."""

    def __init__(self, *, jobs: JobStore, shelf: Shelf, copier: Copier, clock: Clock, retention: float) -> None:
        """`retention` is for how many seconds a job is kept after its end; 0 for good."""
        self._jobs = jobs
        self._shelf = shelf
        self._copier = copier
        self._clock = clock
        self._retention = retention
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="asset sweeper")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        is_first = True
        while True:
            try:
                await self.sweep(whole=is_first)
                is_first = False
            except (StoreUnavailable, ShelfAway) as error:
                log.error("what is kept could not be compared with the jobs", extra={"why": str(error)})  # noqa: TRY400
            except Exception:
                # Whatever it is: a sweeper that ends leaves copies undone and the store growing, in silence.
                log.exception("a sweep broke on a fault of our own")
            await self._clock.sleep(INTERVAL)

    async def sweep(self, *, whole: bool) -> None:
        """One comparison. A whole one, for a start, takes it that no copy is under way and looks at every job that is kept.

        Raises StoreUnavailable or ShelfAway, having done a part.
        """
        kept = await self._kept()
        await self._offer_missing(kept, head_start=0.0 if whole else HEAD_START)
        for job_id in await self._gone(kept, whole=whole):
            await self._copier.remove(job_id)

    async def _gone(self, kept: Mapping[str, Kept], *, whole: bool) -> Collection[str]:
        """The jobs of which something is kept and that the job store does not know."""
        old = may_have_expired(kept, now=self._clock.now(), retention=self._retention)
        looked_at = kept if whole else old
        gone = [job_id for job_id in looked_at if await self._jobs.get(job_id) is None]
        if whole and len(gone) == len(kept) > len(old):
            # More likely a job store that was mistyped or forgets at its end than a gateway all of whose jobs were deleted.
            log.warning("the job store knows none of the jobs that copies are kept of; they stay until they would have expired")
            return [job_id for job_id in gone if job_id in old]
        return gone

    async def _kept(self) -> Mapping[str, Kept]:
        kept: dict[str, Kept] = {}
        async with aclosing(self._shelf.held()) as objects:
            async for each in objects:
                entry = kept.setdefault(each.key.job_id, Kept())
                entry.copies += each.key.is_record
                entry.written_at = max(entry.written_at, each.written_at)
        return kept

    async def _offer_missing(self, kept: Mapping[str, Kept], *, head_start: float) -> None:
        missing: dict[str, float] = {}
        now = self._clock.now()
        async with aclosing(self._succeeded(since=now - LINKS_LIVE - LONGEST_WORK)) as jobs:
            async for job in jobs:
                age = now - (job.completed_at if job.completed_at is not None else job.updated_at)
                copies = kept[job.id].copies if job.id in kept else 0
                if age < LINKS_LIVE and copies < len(job.assets):
                    missing[job.id] = age
        self._copier.retain(missing)
        for job_id, age in missing.items():
            if age >= head_start:
                self._copier.offer(job_id)

    async def _succeeded(self, *, since: float) -> AsyncGenerator[Job]:
        """Succeeded jobs, newest first, back to those that began at `since`."""
        after: tuple[float, str] | None = None
        while True:
            page = await self._jobs.page(JobQuery(limit=PAGE, states=frozenset({JobState.SUCCEEDED}), after=after))
            for job in page:
                if job.created_at < since:
                    return
                yield job
            if len(page) < PAGE:
                return
            after = page[-1].created_at, page[-1].id


def may_have_expired(kept: Mapping[str, Kept], *, now: float, retention: float) -> Collection[str]:
    """The jobs whose copies are so old that the job may have expired since.

    A copy is written at most LINKS_LIVE after its job's end, and a job is kept for `retention` seconds after that. Pure.
    """
    if not retention:
        return frozenset()
    return frozenset(job_id for job_id, each in kept.items() if each.written_at - LINKS_LIVE + retention <= now)
