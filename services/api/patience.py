"""How long a call may wait: a little less than its caller does, so that it is we who say that time is up, and what goes on."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias

import grpc.aio

from services.domain.errors import DeadlineExceeded

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

_HEAD_START: Final = 0.25
"""Seconds that the answer gets to reach its caller before the caller's own clock strikes; a quarter of a short wait."""


def patience(context: Context) -> float | None:
    """Seconds that a servicer may wait; None for as long as it likes."""
    remaining: float | None = context.time_remaining()
    return None if remaining is None else max(0.0, remaining - min(_HEAD_START, remaining / 4))


@asynccontextmanager
async def within_deadline(context: Context, job_id: str = "") -> AsyncGenerator[None, None]:
    """Raises DeadlineExceeded, naming the job, where the block takes longer than the caller waits; the job goes on."""
    try:
        async with asyncio.timeout(patience(context)):
            yield
    except TimeoutError as error:
        if job_id:
            message = f"the deadline passed before job {job_id} was done; it goes on, ask for its result by that id"
            raise DeadlineExceeded(message, metadata={"job_id": job_id}) from error
        message = "the deadline passed before the job was accepted; if it was, it goes on and the list of jobs has it"
        raise DeadlineExceeded(message) from error
