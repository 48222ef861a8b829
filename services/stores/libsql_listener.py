"""Hears what other cores have changed by reading it at short intervals, since libSQL calls nobody."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from services.domain.errors import StoreUnavailable
from services.stores.database import Database

LOOK_SECONDS: Final = 0.5
"""Whoever waits on one core for what another does learns of it this much later, at most."""
AT_ONCE: Final = 1000

log = logging.getLogger(__name__)


async def listen(database: Database, heard: Callable[[str, int], None]) -> None:
    """Calls `heard` with id and revision of every change, until cancelled.

    Changes are kept for a while, so a core that could not read for a moment misses none. Where they no longer join on to what it
    has read, as after a restore from a backup, it hears `("", 0)`: anything may have changed.
    """
    seen: int | None = None
    away = False
    while True:
        try:
            seen = await _read_on(database, heard, seen)
            away = False
        except StoreUnavailable as error:
            if not away:
                log.warning("other cores cannot be heard; trying again", extra={"why": error.message})
            away = True
        await asyncio.sleep(LOOK_SECONDS)


async def _read_on(database: Database, heard: Callable[[str, int], None], seen: int | None) -> int:
    """Tells what came after change number `seen`; returns the number of the last one. None is the beginning."""
    while seen is not None:
        # With the last one that was seen, which tells whether the rest joins on to it.
        rows = await database.read("changes", {"seen": seen, "limit": AT_ONCE})
        joins_on = rows[0]["number"] <= max(seen, 1) if rows else seen == 0
        if not joins_on:
            break
        for row in rows:
            if row["number"] > seen:
                heard(row["id"], row["revision"])
        if len(rows) < AT_ONCE:
            return max((row["number"] for row in rows), default=seen)
        seen = int(rows[-1]["number"])
    (row,) = await database.read("last_change")
    heard("", 0)
    return int(row["number"])
