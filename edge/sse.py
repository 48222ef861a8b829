"""Writes server-sent events that come in cut anywhere: passed on at once, kept alive in silence, ended with an error if they die.

A stream that stays silent before it has begun is begun without waiting for the upstream: from then on its status is 200, and
what goes wrong is told inside it.
"""

import asyncio
from types import TracebackType
from typing import Final, Self

from edge.exchange import Exchange

KEEP_ALIVE: Final = b": keep-alive\n\n"
"""A comment: what every reader of events passes over."""
EVENTS: Final = (("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache"))
_EVENT_ENDS: Final = (b"\n\n", b"\r\r", b"\n\r\n")
_LONGEST_END: Final = 3


class Boundary:
    """Knows whether the bytes so far end with a whole event."""

    def __init__(self) -> None:
        self._tail = b"\n\n"

    def feed(self, piece: bytes) -> None:
        """More bytes, cut anywhere."""
        self._tail = (self._tail + piece[-_LONGEST_END:])[-_LONGEST_END:]

    @property
    def between(self) -> bool:
        """No event is half sent."""
        return self._tail.endswith(_EVENT_ENDS)


class EventWriter:
    """Writes an event stream that was asked for; use it as a context manager around the whole work.

    `every` is seconds of silence. A heartbeat has a timer and becomes a task only when it is due: most streams never need one.
    """

    def __init__(self, exchange: Exchange, *, heartbeat: bytes, every: float) -> None:
        self._exchange = exchange
        self._heartbeat = heartbeat
        self._every = every
        self._loop = asyncio.get_running_loop()
        self._boundary = Boundary()
        # Held over every write: a heartbeat that waited for room must not land inside the event that was written meanwhile.
        self._turn = asyncio.Lock()
        self._last = 0.0
        self._due: asyncio.TimerHandle | None = None
        self._beating: asyncio.Task[None] | None = None
        self.begun = False
        """The caller has its status."""

    async def __aenter__(self) -> Self:
        self._last = self._loop.time()
        self._wait()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._stop()

    async def rest(self) -> None:
        """No more heartbeats: what comes next may be no event stream. After this `begun` does not change by itself."""
        async with self._turn:  # a heartbeat is never stopped in the middle of its writing
            await self._stop()

    async def begin(self, headers: list[tuple[str, str]] | None = None) -> None:
        """Begins the stream, unless a heartbeat has done so."""
        async with self._turn:
            await self._begin(headers or list(EVENTS))

    async def write(self, piece: bytes) -> None:
        """Passes bytes of the stream on."""
        async with self._turn:
            self._boundary.feed(piece)
            await self._exchange.write(piece)
            self._last = self._loop.time()

    async def die(self, event: bytes) -> None:
        """Writes the last event of a stream that has died, apart from one that was half sent."""
        await self.begin()
        await self.write((b"" if self._boundary.between else b"\n\n") + event)

    def _wait(self) -> None:
        self._due = self._loop.call_at(self._last + self._every, self._look)

    def _look(self) -> None:
        if self._loop.time() - self._last < self._every:
            self._wait()
        else:
            self._beating = asyncio.create_task(self._beat())

    async def _beat(self) -> None:
        async with self._turn:
            if self._loop.time() - self._last >= self._every:
                await self._begin(list(EVENTS))
                if self._boundary.between:
                    await self._exchange.write(self._heartbeat)
                self._last = self._loop.time()
        self._wait()

    async def _stop(self) -> None:
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.wait({self._beating})
        if self._due is not None:
            self._due.cancel()

    async def _begin(self, headers: list[tuple[str, str]]) -> None:
        if not self.begun:
            self.begun = True
            await self._exchange.start(200, headers)
