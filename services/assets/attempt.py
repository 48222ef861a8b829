"""One try at copying what a job has made, and what may follow from it."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import Final

from services.assets.shelf import Shelf, ShelfAway, TooLarge
from services.domain.errors import AssetGone, StoreUnavailable, UpstreamUnavailable
from services.domain.job import Begun, Job, JobState
from services.domain.ports import AssetSource, AssetStream, Clock, JobStore

LINKS_LIVE: Final = 24 * 3600.0
"""Seconds after a job's end for which its copies are tried for; an hour is documented for some links, nothing for others."""
LONGEST_COPY: Final = 1800.0
"""Seconds that one asset may take; a link that drips more slowly would hold its place for ever."""

log = logging.getLogger(__name__)


class Outcome(Enum):
    """What is to be done about a job after a try."""

    DONE = auto()
    """Nothing: every asset has a copy, or the job has gone."""
    AGAIN = auto()
    """Another try: what failed may pass, and the links may still live."""
    GIVEN_UP = auto()
    """Nothing: what failed will not change."""


@dataclass(slots=True)
class Tally:
    """What became of files since the start."""

    copied: int = 0
    copied_bytes: int = 0
    put_off: int = 0
    """Tries that failed for a reason that may pass."""
    given_up: int = 0


class Attempts:
    """Copies jobs, one try at a time. Nothing is raised but what is a fault of our own."""

    def __init__(
        self, *, jobs: JobStore, shelf: Shelf, source: AssetSource, clock: Clock, largest: int, tally: Tally | None = None
    ) -> None:
        """Assets of more than `largest` bytes are not kept. What becomes of each is counted in `tally`."""
        self._jobs = jobs
        self._shelf = shelf
        self._source = source
        self._clock = clock
        self._largest = largest
        self._tally = tally or Tally()

    async def copy(self, job_id: str) -> Outcome:
        """Copies each asset of the job that has no copy yet; one that fails does not hold up the others."""
        try:
            job = await self._jobs.get(job_id)
            if job is None or job.state is not JobState.SUCCEEDED:
                return Outcome.DONE
            outcomes = {await self._copy(job, index) for index in range(len(job.assets))}
            if await self._jobs.get(job_id) is None:
                # It was deleted meanwhile, perhaps by another core, which saw no copies to remove.
                await self._shelf.remove(job_id)
                return Outcome.DONE
        except (StoreUnavailable, ShelfAway) as error:
            log.error("a job's copies have to wait", extra={"job_id": job_id, "why": str(error)})  # noqa: TRY400
            return Outcome.AGAIN
        if Outcome.AGAIN in outcomes:
            ended = job.completed_at if job.completed_at is not None else job.updated_at
            return Outcome.AGAIN if self._clock.now() - ended < LINKS_LIVE else Outcome.GIVEN_UP
        return Outcome.GIVEN_UP if Outcome.GIVEN_UP in outcomes else Outcome.DONE

    async def _copy(self, job: Job, index: int) -> Outcome:
        fields: dict[str, object] = {"job_id": job.id, "index": index}
        try:
            async with asyncio.timeout(LONGEST_COPY):
                if await self._shelf.find(job.id, index) is not None:
                    return Outcome.DONE
                fetch = partial(self._fetch, job.assets[index].url, fields)
                copy = await self._shelf.keep(job.id, index, fetch, largest=self._largest, now=self._clock.now())
        except (AssetGone, TooLarge) as error:
            log.error("an asset is not kept", extra=fields | {"why": str(error)})  # noqa: TRY400
            self._tally.given_up += 1
            return Outcome.GIVEN_UP
        except (ShelfAway, UpstreamUnavailable, TimeoutError) as error:
            why = str(error) or f"it took more than {LONGEST_COPY:g} s"
            log.error("an asset could not be copied", extra=fields | {"why": why})  # noqa: TRY400
            self._tally.put_off += 1
            return Outcome.AGAIN
        self._tally.copied += 1
        self._tally.copied_bytes += copy.size_bytes
        kept = {"mime_type": copy.mime_type, "size_bytes": copy.size_bytes, "sha256": copy.sha256}
        log.info("an asset was kept", extra=fields | kept)
        return Outcome.DONE

    @asynccontextmanager
    async def _fetch(self, url: str, fields: Mapping[str, object], begun: Begun | None) -> AsyncGenerator[AssetStream]:
        """As Fetch promises."""
        if begun is None:
            async with self._source.open(url) as asset:
                yield asset
            return
        async with self._source.resume(url, begun) as asset:
            told = {**fields, "offset": asset.offset, "there": begun.offset}
            log.info("a copy goes on" if asset.offset else "a copy begins anew: its link has another file", extra=told)
            yield asset
