"""Ends a call that its caller's deadline leaves no time for, while there is time to say so.

Law: a call that waits for a job is left alone, since its servicer says more: which job goes on.
"""

import asyncio
from typing import Any, Final

from services.domain.errors import DeadlineExceeded
from services.domain.patience import patience
from services.interceptors.shapes import Inside, Rpc

_NAMES_THE_JOB: Final = ("/cli2api.v1.MediaService/", "/cli2api.v1.JobService/WaitJob")


async def deadline(rpc: Rpc, inside: Inside) -> Any:
    """Stops what the call does a little before its deadline, and raises DeadlineExceeded."""
    left = None if rpc.method.startswith(_NAMES_THE_JOB) else patience(rpc.context.time_remaining())
    if left is None:
        return await inside(rpc)
    limit = asyncio.timeout(left)
    try:
        async with limit:
            return await inside(rpc)
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise DeadlineExceeded("the deadline passed before the call was served to its end; give it a later one") from error
