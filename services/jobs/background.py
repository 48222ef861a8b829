"""Holds what runs in the background, so that nothing is dropped half-way and nothing outlives its owner."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from services.domain.errors import Failure
from services.domain.ports import Clock

T = TypeVar("T")

log = logging.getLogger(__name__)


class Background:
    """Tasks that belong to one owner, who closes it by `finish` or `cancel`; until then every task is held."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
        """Runs `work` whether or not anybody waits for it."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def shielded(self, work: Coroutine[Any, Any, T], *, name: str) -> T:
        """The outcome of `work`, which runs to its end even if the caller is cancelled meanwhile."""
        return await asyncio.shield(self.start(work, name=name))

    async def finish(self, clock: Clock, *, within: float) -> None:
        """Gives the tasks `within` seconds to end by themselves, then cancels what is left and waits for that."""
        if self._tasks:
            await first(asyncio.wait(set(self._tasks)), clock.sleep(within))
        await self.cancel()

    async def cancel(self) -> None:
        """Cancels the tasks and returns when all have ended, those that they started meanwhile too."""
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(set(self._tasks))

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        # A Failure was named and logged where it was born; anything else is a fault that nobody may be there to hear of.
        if not task.cancelled() and (error := task.exception()) and not isinstance(error, Failure):
            log.critical("work in the background broke on a fault of our own", exc_info=error, extra={"work": task.get_name()})


async def first(*works: Coroutine[Any, Any, object]) -> None:
    """Returns when the first of `works` has ended, and the others are cancelled."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
