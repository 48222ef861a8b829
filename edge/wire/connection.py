"""One connection to a core: streams begin on it, frames go out and come in.

Law: whatever happens to the connection, every stream on it ends with a failure.
"""

import asyncio
import struct
from collections.abc import Callable
from typing import Final, cast

import grpc

from edge.wire import frames
from edge.wire.hpack import BadHeaders, Fields, Reader
from edge.wire.stream import Stream

_PING_EVERY: Final = 30.0
_PING_PATIENCE: Final = 10.0
"""Seconds. While calls wait, a core that vanished without a word is noticed."""
_TOO_MUCH: Final = 1 << 20
"""Bytes of headers of one answer, and of the whole connection before room is given anew."""
NOT_BEGUN: Final = (grpc.StatusCode.UNAVAILABLE, "the core has not begun the call")
"""It never came to a servicer, so to ask again costs nothing twice."""
_RESETS: Final = {
    7: NOT_BEGUN,
    8: (grpc.StatusCode.CANCELLED, "the core gave the call up"),
    11: (grpc.StatusCode.RESOURCE_EXHAUSTED, "the core asks for fewer calls"),
    12: (grpc.StatusCode.PERMISSION_DENIED, "the core asks for a safer connection"),
}
_BROKEN: Final = (grpc.StatusCode.UNAVAILABLE, "the connection to the core broke")
_HEAD: Final = struct.Struct(">HBBBI")


class Connection(asyncio.Protocol):
    """`changed` is called when it has become ready, takes no more streams, or is gone."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._streams: dict[int, Stream] = {}
        self._next = 1
        self._read = Reader()
        self._got = b""
        self._block: tuple[int, int, bytes] | None = None
        """A block of headers whose rest is to come: stream, flags and what is here."""
        self._taken = 0
        self._out: list[bytes] = []
        self._full = False
        self._room = self._stream_room = frames.WINDOW
        self._largest = frames.LARGEST_FRAME
        self._alarm: asyncio.TimerHandle | None = None
        self._leaving = False
        """What is on it is served to its end, and then it is closed."""
        self.ready = False
        """It takes streams."""
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The line is open; it is of use once the other side has greeted too."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's does not inherit from it
        self._transport.write(frames.greeting())

    def connection_lost(self, exc: Exception | None) -> None:
        """Everything on it ends."""
        self.ready, self.closed = False, True
        if self._alarm is not None:
            self._alarm.cancel()
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            stream.end(_BROKEN)
        self._changed()

    def pause_writing(self) -> None:
        """The line is full."""
        self._full = True

    def resume_writing(self) -> None:
        """The line has room again."""
        self._full = False
        self._wake()

    def close(self) -> None:
        """Breaks off what is on it."""
        self.ready = False
        if self._transport is not None:
            self._transport.abort()

    def begin(self, block: bytes, message: bytes) -> Stream:
        """A call with its one message; what finds no room now is `unsent`."""
        stream = Stream(self._next, self._stream_room, self._loop, self._give)
        self._next += 2
        self._streams[stream.number] = stream
        if self._next > frames.LARGEST_STREAM:
            self._leave()
        if self._alarm is None:
            self._alarm = self._loop.call_later(_PING_EVERY, self._ping)
        self._send(frames.headers(stream.number, block, self._largest))
        stream.unsent = memoryview(b"\0%b%b" % (len(message).to_bytes(4, "big"), message))
        self.push(stream)
        return stream

    def push(self, stream: Stream) -> None:
        """Sends as much of a message as there is room for."""
        left = stream.unsent
        while left and not self._full and not stream.over:
            size = min(len(left), self._room, stream.room, self._largest)
            if size <= 0:
                break
            self._room -= size
            stream.room -= size
            end = frames.END_STREAM if size == len(left) else 0
            self._send(frames.frame(frames.DATA, end, stream.number, left[:size]))
            left = left[size:]
            if not end and len(self._out) > 8:
                self._flush()
        stream.unsent = left

    def reset(self, stream: Stream) -> None:
        """Gives a call up, which the other side is told."""
        if self._forget(stream.number) is not None:
            self._send(frames.frame(frames.RST_STREAM, 0, stream.number, frames.CANCEL.to_bytes(4, "big")))

    def data_received(self, data: bytes) -> None:
        """Takes whole frames off and keeps the rest."""
        if self._got:
            data = self._got + data
        at, size = 0, len(data)
        try:
            while size - at >= frames.HEAD:
                high, low, kind, flags, number = _HEAD.unpack_from(data, at)
                length = high << 8 | low
                if length > frames.LARGEST_FRAME:
                    self.close()
                    return
                end = at + frames.HEAD + length
                if end > size:
                    break
                self._take(kind, flags, number & frames.LARGEST_STREAM, data[at + frames.HEAD : end])
                at = end
        except (BadHeaders, IndexError, ValueError):
            self.close()
            return
        self._got = data[at:]

    def _take(self, kind: int, flags: int, number: int, content: bytes) -> None:
        if kind == frames.DATA:
            self._take_data(flags, number, content)
        elif kind == frames.HEADERS:
            self._take_block(number, flags, frames.unpadded(flags, content))
        elif kind == frames.CONTINUATION and self._block is not None:
            begun, first, block = self._block
            self._take_block(begun, first | flags, block + content)
        elif kind == frames.WINDOW_UPDATE:
            self._take_room(number, int.from_bytes(content, "big"))
        elif kind == frames.RST_STREAM:
            if stream := self._forget(number):
                code = int.from_bytes(content, "big")
                stream.end(_RESETS.get(code, (grpc.StatusCode.INTERNAL, f"the core broke the call off with code {code}")))
        elif kind == frames.SETTINGS and not flags & frames.ACK:
            self._take_settings(content)
        elif kind == frames.PING:
            if flags & frames.ACK:
                self._lived()
            else:
                self._send(frames.frame(frames.PING, frames.ACK, 0, content))
        elif kind == frames.GOAWAY:
            self._take_leave(int.from_bytes(content[:4], "big") & frames.LARGEST_STREAM)

    def _take_data(self, flags: int, number: int, content: bytes) -> None:
        self._taken += len(content)
        if self._taken >= _TOO_MUCH:
            self._give(0, self._taken)
            self._taken = 0
        stream = self._streams.get(number)
        if stream is not None:
            stream.fill(frames.unpadded(flags, content), len(content))
            if flags & frames.END_STREAM:
                self._over(stream, None)

    def _take_block(self, number: int, flags: int, block: bytes) -> None:
        if not flags & frames.END_HEADERS:
            if len(block) > _TOO_MUCH:
                raise ValueError("headers without an end")
            self._block = (number, flags, block)
            return
        self._block = None
        fields = self._read.read(block)
        stream = self._streams.get(number)
        if stream is None:
            return
        if flags & frames.END_STREAM:
            self._over(stream, fields)
        elif not stream.first:
            stream.first = fields
            stream.wake()

    def _over(self, stream: Stream, last: Fields | None) -> None:
        self._forget(stream.number)
        if last is not None:
            stream.last = last
        if stream.unsent:  # it was answered before it was asked to the end
            self._send(frames.frame(frames.RST_STREAM, 0, stream.number, frames.CANCEL.to_bytes(4, "big")))
        stream.end()

    def _take_room(self, number: int, size: int) -> None:
        if number == 0:
            self._room += size
            self._wake()
        elif stream := self._streams.get(number):
            stream.room += size
            stream.wake()

    def _take_settings(self, content: bytes) -> None:
        window, largest = frames.settings(content)
        if window is not None:
            for stream in self._streams.values():
                stream.room += window - self._stream_room
            self._stream_room = window
        if largest is not None:
            self._largest = min(largest, 1 << 20)
        self._send(frames.frame(frames.SETTINGS, frames.ACK, 0, b""))
        self._wake()
        if not self.ready and not self.closed:
            self.ready = True
            self._changed()

    def _take_leave(self, last: int) -> None:
        """The core takes no new calls here. Those up to `last` are served to their end; the others it has not begun."""
        for number in [each for each in self._streams if each > last]:
            self._streams.pop(number).end(NOT_BEGUN)
        self._leave()

    def _leave(self) -> None:
        self.ready, self._leaving = False, True
        self._close_if_done()
        self._changed()

    def _forget(self, number: int) -> Stream | None:
        found = self._streams.pop(number, None)
        self._close_if_done()
        return found

    def _close_if_done(self) -> None:
        if self._leaving and not self._streams and self._transport is not None:
            self._transport.close()

    def _give(self, number: int, size: int) -> None:
        self._send(frames.room(number, size))

    def _wake(self) -> None:
        for stream in self._streams.values():
            if stream.unsent:
                stream.wake()

    def _send(self, piece: bytes) -> None:
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(piece)

    def _flush(self) -> None:
        """What was said in one turn of the loop goes out at once."""
        whole = b"".join(self._out)
        self._out.clear()
        if whole and self._transport is not None and not self._transport.is_closing():
            self._transport.write(whole)

    def _ping(self) -> None:
        self._alarm = None
        if self._streams and not self.closed:
            self._send(frames.frame(frames.PING, 0, 0, b"cli2api "))
            self._alarm = self._loop.call_later(_PING_PATIENCE, self.close)

    def _lived(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self._loop.call_later(_PING_EVERY, self._ping) if self._streams else None
