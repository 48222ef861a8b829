"""What is opened by waiting for it and closed by a word, as a context.

A generator would say the same in fewer lines, but asyncio keeps a list of all generators that run, and a relayed call is so short
that writing three of them into it and out of it was worth avoiding.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Generic, Protocol, TypeVar


class Closeable(Protocol):
    """Whatever has to be let go of."""

    def close(self) -> object:
        """Lets go; harmless the second time."""


T = TypeVar("T", bound=Closeable)


class Opening(AbstractAsyncContextManager[T], Generic[T]):
    """Awaits `opening()` on the way in, gives what it came to, and closes that on the way out, however it is left."""

    __slots__ = ("_opened", "_opening")

    def __init__(self, opening: Callable[[], Awaitable[T]]) -> None:
        self._opening = opening
        self._opened: T | None = None

    async def __aenter__(self) -> T:
        self._opened = opened = await self._opening()
        return opened

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._opened is not None:
            self._opened.close()
