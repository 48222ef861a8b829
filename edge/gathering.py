"""The line to a caller, on which what is written in one turn of the loop goes out at once: an answer's head with its body.

uvloop sends each piece when it is written, and a small answer's second piece costs as much as its first.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_ENOUGH: Final = 64 << 10
"""Bytes that are not kept until the turn has ended."""


class Protocol(HttpToolsProtocol):
    """uvicorn's own, over such a line."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A caller is there."""
        super().connection_made(Gathering(transport, self.loop))


class Gathering(asyncio.Transport):
    """A transport that writes through another one. No byte waits longer than the turn in which it was written."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes] = []
        self._size = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """As any transport: returns at once, and how full the line is says the protocol's `pause_writing`."""
        if not self._pieces:
            self._loop.call_soon(self.flush)
        self._pieces.append(bytes(data))
        self._size += len(data)
        if self._size >= _ENOUGH:
            self.flush()

    def flush(self) -> None:
        """Sends what is here."""
        if self._pieces:
            whole = b"".join(self._pieces)
            self._pieces.clear()
            self._size = 0
            if not self._transport.is_closing():  # the caller may have hung up meanwhile
                self._transport.write(whole)

    def close(self) -> None:
        """Sends what is here, and then closes."""
        self.flush()
        self._transport.close()

    def abort(self) -> None:
        """Closes at once; what is here is lost."""
        self._pieces.clear()
        self._transport.abort()

    def is_closing(self) -> bool:
        """As the other one says."""
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        """As the other one does."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """As the other one does."""
        self._transport.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """As the other one says."""
        return self._transport.get_extra_info(name, default)
