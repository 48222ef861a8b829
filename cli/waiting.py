"""Waits for the first of several things, and runs one beside others. Law: what is started here ends here."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any


async def first_of(*events: Coroutine[Any, Any, object], unless: Iterable[asyncio.Task[None]] = ()) -> None:
    """Returns with the first of `events`, and ends the others. What ends one of `unless` is raised."""
    waiting = {asyncio.ensure_future(event) for event in events}
    try:
        done, _ = await asyncio.wait({*waiting, *unless}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, None], *, name: str) -> AsyncGenerator[None]:
    """The work runs while the block does."""
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
