"""Tries again what certainly did not arrive, and nothing else: a request that may have arrived may have been paid for."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from services.domain.errors import UpstreamUnavailable
from services.domain.ports import Clock

PAUSES: Final = (0.25, 0.5, 1.0)
"""Seconds between the tries."""

T = TypeVar("T")


async def until_arrived(attempt: Callable[[], Awaitable[T]], clock: Clock) -> T:
    """What the first attempt that arrived came to. Raises UpstreamUnavailable of the last one where none did."""
    for pause in PAUSES:
        try:
            return await attempt()
        except UpstreamUnavailable as failure:
            if failure.reached:
                raise
        await clock.sleep(pause)
    return await attempt()
