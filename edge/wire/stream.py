"""One call on a connection: what came in of it, what is still to be sent, and how it ended."""

import asyncio
from collections.abc import Callable

import grpc

from edge.wire import frames
from edge.wire.hpack import Fields

_PREFIX = 5
"""Bytes before each message: whether it is packed, and its length."""


class Stream:
    """The other side's half fills up as frames come; whoever waits is woken. `give` grants the other side more room."""

    __slots__ = ("_give", "_owed", "_waiting", "bytes", "failure", "first", "last", "loop", "number", "over", "room", "unsent")

    def __init__(self, number: int, room: int, loop: asyncio.AbstractEventLoop, give: Callable[[int, int], None]) -> None:
        self.number = number
        self.loop = loop
        self.room = room
        """Bytes that may still be sent; below 0 where the other side took some back."""
        self.unsent = memoryview(b"")
        self.bytes = bytearray()
        """What came in and was not taken yet."""
        self.first: Fields = ()
        """Headers."""
        self.last: Fields = ()
        """Trailers; of an answer without a body its headers."""
        self.over = False
        """Nothing more comes, and nothing more is to be sent."""
        self.failure: tuple[grpc.StatusCode, str] | None = None
        """Why it ended, where the other side did not say so by its trailers."""
        self._give = give
        self._owed = 0
        self._waiting: asyncio.Future[None] | None = None

    def fill(self, piece: bytes, size: int) -> None:
        """More bytes came in, which took up `size`. As much is given anew once somebody waits, so who reads slowly is spared."""
        self.bytes += piece
        self._owed += size
        if self._waiting is not None:
            self._pay()
            self.wake()

    def end(self, failure: tuple[grpc.StatusCode, str] | None = None) -> None:
        """It is over."""
        if not self.over:
            self.over = True
            self.failure = failure
            self.wake()

    def wake(self) -> None:
        """Something has changed."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def change(self) -> None:
        """Waits until something has changed."""
        self._waiting = self.loop.create_future()
        self._pay()
        try:
            await self._waiting
        finally:
            self._waiting = None

    def message(self) -> bytes | None:
        """The next message, if all of it is here. Raises ValueError for one that is packed."""
        if len(self.bytes) < _PREFIX:
            return None
        if self.bytes[0]:
            raise ValueError("a message is packed, which nobody asked for")
        end = _PREFIX + int.from_bytes(self.bytes[1:_PREFIX], "big")
        if len(self.bytes) < end:
            return None
        found = bytes(self.bytes[_PREFIX:end])
        del self.bytes[:end]
        return found

    def _pay(self) -> None:
        if self._owed * 2 >= frames.OUR_WINDOW and not self.over:
            self._give(self.number, self._owed)
            self._owed = 0
