"""Writes server-sent events that come in cut anywhere: passed on at once, kept alive in silence, ended with an error if they die.

A heartbeat is a comment, which every SDK ignores, and may stand only between two events.
"""

import asyncio
from types import TracebackType
from typing import Final, Self

import msgspec

from edge.exchange import Exchange

HEARTBEAT: Final = b": keep-alive\n\n"
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
    """Writes the body of an event stream; use it as a context manager around the reading of the source. `every` is seconds."""

    def __init__(self, exchange: Exchange, every: float) -> None:
        self._exchange = exchange
        self._every = every
        self._boundary = Boundary()
        # Held over every write: a heartbeat that waited for room must not land inside the event that was written meanwhile.
        self._turn = asyncio.Lock()
        self._last = 0.0
        self._beating: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._last = asyncio.get_running_loop().time()
        self._beating = asyncio.create_task(self._beat())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.wait({self._beating})

    async def write(self, piece: bytes) -> None:
        """Passes bytes of the stream on."""
        async with self._turn:
            self._boundary.feed(piece)
            await self._exchange.write(piece)
            self._last = asyncio.get_running_loop().time()

    async def fail(self, document: object) -> None:
        """The stream has died: a last event says why, and there is no [DONE]."""
        begin = b"" if self._boundary.between else b"\n\n"
        await self.write(begin + b"data: " + msgspec.json.encode(document) + b"\n\n")

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._last + self._every - loop.time())
            async with self._turn:
                if loop.time() - self._last < self._every:
                    continue
                if self._boundary.between:
                    await self._exchange.write(HEARTBEAT)
                self._last = loop.time()
