"""How long a call may wait: a little less than its caller does, so that it is we who say that time is up, and what goes on."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import grpc.aio

from services.domain.errors import DeadlineExceeded
from services.domain.patience import patience as of_remaining

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


def patience(context: Context) -> float | None:
    """Seconds that a servicer may wait; None for as long as it likes."""
    return of_remaining(context.time_remaining())


@asynccontextmanager
async def within_deadline(context: Context, job_id: Callable[[], str] = lambda: "") -> AsyncGenerator[None, None]:
    """Raises DeadlineExceeded, naming the job as soon as it has an id, where the block takes longer than the caller waits.

    The job goes on.
    """
    try:
        async with asyncio.timeout(patience(context)):
            yield
    except TimeoutError as error:
        if known := job_id():
            message = f"the deadline passed before job {known} was done; it goes on, ask for its result by that id"
            raise DeadlineExceeded(message, metadata={"job_id": known}) from error
        raise DeadlineExceeded("the deadline passed before the job was written down, so nothing was submitted by then") from error
