"""Puts the copier and the sweeper of one core together."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from services.assets.attempt import Attempts, Tally
from services.assets.copier import Copier
from services.assets.shelf import Shelf
from services.assets.sweeper import Sweeper
from services.domain.ports import AssetSource, Clock, Follower, JobStore


@asynccontextmanager
async def keeping(
    shelf: Shelf, *, jobs: JobStore, source: AssetSource, clock: Clock, largest: int, retention: float, tally: Tally
) -> AsyncGenerator[Follower]:
    """Copies go on inside the block, for those jobs too of which the follower hears.

    Assets of at most `largest` bytes are kept, for as long as their jobs: `retention` seconds after their end, 0 for good.
    What becomes of each is counted in `tally`.
    """
    attempts = Attempts(jobs=jobs, shelf=shelf, source=source, clock=clock, largest=largest, tally=tally)
    async with (
        Copier(attempts=attempts, shelf=shelf, clock=clock) as copier,
        Sweeper(jobs=jobs, shelf=shelf, copier=copier, clock=clock, retention=retention),
    ):
        yield copier
