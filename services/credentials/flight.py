"""One renewal at a time, shared by all who wait for it and finished even when they leave."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Flight(Generic[T]):
    """Runs at most one `work` at once. Whoever comes meanwhile shares its outcome, failure included.

    A caller that is cancelled does not stop the work: a refresh token dies when it is used, so the answer must be kept.
    """

    def __init__(self) -> None:
        self._task: asyncio.Task[T] | None = None

    async def join(self, work: Callable[[], Awaitable[T]]) -> T:
        """What the running work, or else this one, comes to."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(work))
        return await asyncio.shield(self._task)

    async def land(self) -> None:
        """Returns when nothing runs any more, whatever it came to."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _run(self, work: Callable[[], Awaitable[T]]) -> T:
        return await work()
