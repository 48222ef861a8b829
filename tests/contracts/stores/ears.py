"""What a store tells of other cores."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from services.domain.ports import JobStore

Heard = tuple[str, int]


class Ears:
    """What a store tells of other cores."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[Heard] = asyncio.Queue()

    def tell(self, job_id: str, revision: int) -> None:
        self.heard.put_nowait((job_id, revision))

    async def next(self) -> Heard:
        async with asyncio.timeout(10):
            return await self.heard.get()


@asynccontextmanager
async def listening(store: JobStore) -> AsyncGenerator[Ears]:
    """Ears that hear; the first word, that anything may have changed, is taken."""
    ears = Ears()
    task = asyncio.create_task(store.listen(ears.tell))
    try:
        assert await ears.next() == ("", 0)
        yield ears
    finally:
        task.cancel()
        await asyncio.wait({task})
