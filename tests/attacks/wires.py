"""What a stranger can put on the line that no client would: bytes for HTTP/1.1, and frames for HTTP/2."""

import asyncio
import struct
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

PATIENCE: Final = 10.0
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS = 1, 4
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


async def said(port: int, *sent: bytes) -> bytes:
    """All that comes back until the other side has ended the connection. Raises TimeoutError."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(PATIENCE):
            for piece in sent:
                writer.write(piece)
            return await until_ended(reader)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def answered(port: int, sent: bytes) -> int:
    """The status of the first answer; 0 where the connection is ended without one. Raises TimeoutError."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(PATIENCE):
            writer.write(sent)
            line = await reader.readline()
            return int(line.split(b" ", 2)[1]) if line.startswith(b"HTTP/1.1 ") else 0
    except ConnectionError:
        return 0
    finally:
        writer.transport.abort()


async def until_ended(reader: asyncio.StreamReader) -> bytes:
    """The rest of what comes, whether the connection is closed or broken."""
    found = bytearray()
    with suppress(ConnectionError):
        while piece := await reader.read(1 << 16):
            found += piece
    return bytes(found)


def frame(kind: int, stream: int = 0, payload: bytes = b"", flags: int = 0) -> bytes:
    """One frame of HTTP/2."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def head(fields: Mapping[str, str]) -> bytes:
    """Fields as HPACK has them when nothing is packed; each name and value is shorter than 127 bytes."""
    return b"".join(
        b"\0" + b"".join(bytes([len(word)]) + word for word in (name.encode(), value.encode())) for name, value in fields.items()
    )


def request(stream: int, path: str, *, method: str = "POST", flags: int = END_HEADERS | END_STREAM) -> bytes:
    """The frame with which a call begins."""
    fields = {":method": method, ":scheme": "http", ":authority": "x", ":path": path}
    return frame(HEADERS, stream, head(fields), flags)


@dataclass(frozen=True)
class Http2:
    """One connection, its settings told."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, *frames: bytes) -> None:
        self.writer.write(b"".join(frames))

    async def until_ended(self) -> None:
        """Returns when the other side has had enough. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE):
            await until_ended(self.reader)

    async def resets(self, count: int) -> list[int]:
        """The reasons of so many calls that were turned away, as they come. Raises TimeoutError."""
        found: list[int] = []
        async with asyncio.timeout(PATIENCE):
            while len(found) < count:
                begin = await self.reader.readexactly(9)
                payload = await self.reader.readexactly(int.from_bytes(begin[:3], "big"))
                if begin[3] == RST_STREAM:
                    found.append(int.from_bytes(payload, "big"))
        return found


@asynccontextmanager
async def http2(port: int) -> AsyncGenerator[Http2]:
    """A connection of somebody who speaks HTTP/2 without being asked."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(_PREFACE + frame(SETTINGS))
        yield Http2(reader, writer)
    finally:
        writer.transport.abort()
