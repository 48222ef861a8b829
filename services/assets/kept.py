"""Opens a job's asset from the best place there is: our own copy, else the upstream's link."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from services.assets.shelf import Shelf, ShelfAway
from services.domain.job import Job
from services.domain.ports import AssetSource, AssetStream

PATIENCE: Final = 5.0
"""Seconds that the asset store is given to say whether it has a copy; the link is there meanwhile."""

log = logging.getLogger(__name__)


class KeptAssets:
    """The JobAssets of a gateway; without a shelf every asset comes from its link."""

    def __init__(self, source: AssetSource, shelf: Shelf | None) -> None:
        self._source = source
        self._shelf = shelf

    @asynccontextmanager
    async def open(self, job: Job, index: int, *, offset: int = 0, limit: int = 0) -> AsyncGenerator[AssetStream]:
        """As JobAssets promises."""
        async with AsyncExitStack() as stack:
            asset = await self._copy(stack, job, index, offset, limit)
            if asset is None:
                asset = await stack.enter_async_context(self._source.open(job.assets[index].url, offset=offset, limit=limit))
            yield asset

    async def _copy(self, stack: AsyncExitStack, job: Job, index: int, offset: int, limit: int) -> AssetStream | None:
        if self._shelf is None:
            return None
        try:
            async with asyncio.timeout(PATIENCE):
                copy = await self._shelf.find(job.id, index)
                if copy is None:
                    return None
                return await stack.enter_async_context(self._shelf.open(job.id, index, copy, offset=offset, limit=limit))
        except (ShelfAway, TimeoutError) as error:
            why = str(error) or f"the asset store did not answer within {PATIENCE:g} s"
            log.error("a copy cannot be served, so its link is", extra={"job_id": job.id, "index": index, "why": why})  # noqa: TRY400
            return None
