"""Runs something beside a block. Law: it ends with the block, and where it breaks before, the log says so at once."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

_log = logging.getLogger(__name__)


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, object], *, name: str) -> AsyncGenerator[None]:
    """The work runs while the block does, which goes on where the work ends or breaks."""
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(_tell)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


def _tell(task: "asyncio.Task[object]") -> None:
    if not task.cancelled() and (error := task.exception()):
        _log.critical("work in the background broke on a fault of our own", exc_info=error, extra={"work": task.get_name()})
