"""The clock that the front door hands in: unix seconds that never run backwards."""

import asyncio
import time


class SystemClock:
    """The wall clock, steadied.

    Due times and leases are compared with it. A wall clock that is set back would stall every poll until it has caught up, so
    this one goes on at its own pace then; one that is set forward, or a machine that wakes from sleep, is followed at once.
    """

    def __init__(self) -> None:
        self._tick = time.monotonic()
        self._now = time.time()

    def now(self) -> float:
        """Unix seconds, never less than the answer before."""
        tick = time.monotonic()
        self._now = max(self._now + (tick - self._tick), time.time())
        self._tick = tick
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Returns when `seconds` have passed; at once where they are not positive."""
        await asyncio.sleep(max(0.0, seconds))
