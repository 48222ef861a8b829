"""Takes in the records of calls and writes them down in batches, behind the calls' backs.

Laws: a call never waits for its record, nor fails because of it. Where more come in than can be written, what is beyond the
buffer is dropped, counted and said. A record is written once, also where a write was cut off and nobody knows how far it came.
"""

import asyncio
import logging
import math
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from itertools import islice
from types import TracebackType
from typing import Final, Self

from services.domain.errors import StoreUnavailable
from services.domain.ports import Clock, UsageStore
from services.domain.usage import Record

_log = logging.getLogger(__name__)

BATCH: Final = 500
GATHER_SECONDS: Final = 0.05
"""How long a record waits for others, so that a busy gateway writes many at once."""
RETRY_SECONDS: Final = 2.0
SAY_SECONDS: Final = 60.0
"""Seconds between two lines about dropped records, at least."""
GOODBYE_SECONDS: Final = 5.0


class Recorder:
    """The way of every record to the store. Records are written inside `async with`; leaving it writes what is left."""

    def __init__(self, *, store: UsageStore, clock: Clock, buffer: int, retention: float = 0.0, interval: float = 3600.0) -> None:
        """`buffer` is the number of records that may wait to be written.

        Records are forgotten `retention` seconds after their call began, looked for every `interval` seconds; 0 for either
        keeps all.
        """
        self._store = store
        self._clock = clock
        self._buffer = buffer
        self._retention = retention
        self._interval = interval
        self._waiting: deque[Record] = deque()
        self._came = asyncio.Event()
        self._writing = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._said = 0
        self.dropped = 0
        """Records that found the buffer full, since the start."""

    def record(self, record: Record) -> None:
        """Takes in one record. Never waits and never fails."""
        if len(self._waiting) >= self._buffer:
            self.dropped += 1
            return
        self._waiting.append(record)
        self._came.set()

    async def flush(self) -> None:
        """Returns when what was taken in until now is in the store. Raises StoreUnavailable."""
        async with self._writing:
            for _ in range(math.ceil(len(self._waiting) / BATCH)):
                batch = list(islice(self._waiting, BATCH))
                # Whoever waits here may be cancelled while the batch is written: it is then written again, by the same ids.
                await self._store.add(batch)
                for _ in batch:
                    self._waiting.popleft()

    async def __aenter__(self) -> Self:
        works = {"records": self._write(), "dropped records": self._every(SAY_SECONDS, self._say)}
        if self._retention > 0 and self._interval > 0:
            works["old records"] = self._every(self._interval, self._expire)
        self._tasks = [self._started(work, name) for name, work in works.items()]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        try:
            async with asyncio.timeout(GOODBYE_SECONDS):
                await self.flush()
        except (StoreUnavailable, TimeoutError):
            self.dropped += len(self._waiting)
            self._waiting.clear()
        await self._say()

    async def _write(self) -> None:
        while True:
            await self._came.wait()
            await self._clock.sleep(GATHER_SECONDS)
            self._came.clear()
            try:
                await self.flush()
            except StoreUnavailable as error:
                _log.error("records of usage wait, because their store is away", extra={"why": error.message})
                await self._clock.sleep(RETRY_SECONDS)
                self._came.set()

    async def _say(self) -> None:
        if self.dropped > self._said:
            _log.warning(
                "records of usage were dropped: more came in than could be written; raise CLI2API_USAGE_BUFFER",
                extra={"count": self.dropped - self._said, "since_start": self.dropped},
            )
            self._said = self.dropped

    async def _expire(self) -> None:
        try:
            count = await self._store.expire(before=self._clock.now() - self._retention)
        except StoreUnavailable as error:
            _log.error("old records of usage are forgotten later", extra={"why": error.message})
            return
        if count:
            _log.info("old records of usage were forgotten", extra={"count": count})

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            await work()
            await self._clock.sleep(seconds)

    def _started(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(_ended)
        return task


def _ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        _log.critical("work on usage broke on a fault of our own", exc_info=error, extra={"work": task.get_name()})
