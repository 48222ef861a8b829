"""Repeats a piece of upkeep for as long as the engine lives."""

import logging
from collections.abc import Awaitable, Callable

from services.domain.errors import StoreUnavailable
from services.domain.ports import Clock

log = logging.getLogger(__name__)


async def every(seconds: float, clock: Clock, work: Callable[[], Awaitable[object]]) -> None:
    """Does `work` each time that `seconds` have passed, until cancelled. A store that is away costs one turn, not the rest."""
    while True:
        await clock.sleep(seconds)
        try:
            await work()
        except StoreUnavailable:
            log.exception("upkeep is put off, because the store is away")
