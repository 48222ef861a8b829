"""Reads server-sent events out of bytes that may be cut anywhere, as the HTML standard writes them down."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from services.domain.errors import UpstreamUnavailable

LARGEST_EVENT: Final = 32 * 2**20
"""Bytes. One event may carry a picture in base64; one without end is a broken upstream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSentEvent:
    """One dispatched event; `event` is empty where the stream named none."""

    event: str
    data: str


class SseParser:
    """Carries what is incomplete from one chunk to the next. Memory is bounded by the largest event."""

    def __init__(self, largest_event: int = LARGEST_EVENT) -> None:
        self._largest = largest_event
        self._line = bytearray()
        self._after_cr = False
        self._first = True
        self._event = ""
        self._lines: list[str] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        """The events that this chunk completes. Raises UpstreamUnavailable for an event that is too large."""
        # CR, LF and CRLF all end a line. A CR at a chunk's end ends its line at once; an LF that then comes first belongs to it.
        if self._after_cr and chunk:
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        if not chunk:
            return
        self._after_cr = chunk.endswith(b"\r")
        *ended, rest = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for piece in ended:
            self._line += piece
            self._check()
            line, self._line = bytes(self._line), bytearray()
            event = self._take(line)
            if event is not None:
                yield event
        self._line += rest
        self._check()

    def _take(self, line: bytes) -> ServerSentEvent | None:
        if self._first:
            self._first = False
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line:
            return self._dispatch()
        name, _, value = line.partition(b":")
        words = value.removeprefix(b" ").decode(errors="replace")
        if name == b"data":
            self._lines.append(words)
            self._size += len(value) + 1
        elif name == b"event":
            self._event = words
        return None

    def _dispatch(self) -> ServerSentEvent | None:
        lines, name = self._lines, self._event
        self._lines, self._event, self._size = [], "", 0
        return ServerSentEvent(event=name, data="\n".join(lines)) if lines else None

    def _check(self) -> None:
        if self._size + len(self._line) > self._largest:
            raise UpstreamUnavailable(f"MuleRun sent a stream event larger than {self._largest} bytes")
