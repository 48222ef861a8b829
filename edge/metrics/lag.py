"""Measures how late the event loop is: the time that every call loses when one of them holds it."""

import asyncio
from typing import Final, NoReturn

from prometheus_client import Histogram

EVERY: Final = 0.5
"""Seconds between two measurements."""


async def measure(lag: Histogram) -> NoReturn:
    """Goes on until it is cancelled."""
    clock = asyncio.get_running_loop().time
    while True:
        due = clock() + EVERY
        await asyncio.sleep(EVERY)
        lag.observe(max(0.0, clock() - due))
