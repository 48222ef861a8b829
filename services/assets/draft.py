"""A copy while it is being written. Law: until its last byte is there, nothing lies under the copy's own name."""

from contextlib import AbstractAsyncContextManager
from hashlib import sha256
from types import TracebackType
from typing import Final, Protocol, Self

import obstore
from obstore.store import ObjectStore

from services.domain.job import Begun
from services.domain.ports import AssetStream

PART: Final = 5 * 2**20
"""Bytes that are sent at once; object stores take no smaller ones, and two of them are held for each copy."""


class Hash(Protocol):
    """A hash that grows with the bytes."""

    def update(self, piece: bytes, /) -> None:
        """Takes in more bytes."""

    def hexdigest(self) -> str:
        """Of all bytes so far."""


class Draft(AbstractAsyncContextManager["Draft"], Protocol):
    """One try at writing a copy; inside `async with`. Every method may raise OSError or a library's error."""

    begun: Begun | None
    """What an earlier try has left, where it can be gone on with."""

    async def begin(self, asset: AssetStream) -> Hash:
        """Keeps what is there up to the asset's `offset`, which is that of `begun` or 0; returns the hash of that."""

    async def write(self, piece: bytes) -> None:
        """Adds the next bytes."""

    async def finish(self) -> None:
        """Gives the bytes the copy's own name."""

    async def discard(self) -> None:
        """Lets nothing remain of this try and earlier ones."""


class Upload:
    """A Draft in an object store: in parts, which only become an object at the end. One that breaks off starts again."""

    begun: Begun | None = None

    def __init__(self, store: ObjectStore, name: str) -> None:
        self._store = store
        self._name = name

    async def __aenter__(self) -> Self:
        # A writer that is not closed leaves no object.
        self._writer = obstore.open_writer_async(self._store, self._name, buffer_size=PART, max_concurrency=2)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        del self._writer

    async def begin(self, asset: AssetStream) -> Hash:
        """As Draft promises."""
        return sha256()

    async def write(self, piece: bytes) -> None:
        """As Draft promises."""
        await self._writer.write(piece)

    async def finish(self) -> None:
        """As Draft promises."""
        await self._writer.close()

    async def discard(self) -> None:
        """As Draft promises."""
