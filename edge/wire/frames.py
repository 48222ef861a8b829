"""The frames of HTTP/2 (RFC 9113), as far as a client of gRPC meets them."""

import struct
from typing import Final

DATA: Final = 0
HEADERS: Final = 1
RST_STREAM: Final = 3
SETTINGS: Final = 4
PING: Final = 6
GOAWAY: Final = 7
WINDOW_UPDATE: Final = 8
CONTINUATION: Final = 9

END_STREAM: Final = 1
ACK: Final = 1
END_HEADERS: Final = 4
PADDED: Final = 8
PRIORITY: Final = 0x20

CANCEL: Final = 8

HEAD: Final = 9
"""Bytes before each frame's own."""
WINDOW: Final = 65_535
"""Bytes that may be on their way before anything else was agreed."""
LARGEST_WINDOW: Final = (1 << 31) - 1
LARGEST_STREAM: Final = (1 << 31) - 1
LARGEST_FRAME: Final = 16_384
"""Bytes that a frame may have before anything else was agreed, and that ours accept."""
OUR_WINDOW: Final = 1 << 20
"""Bytes of one stream that may wait here for whoever reads them."""

_HEAD: Final = struct.Struct(">HBBBI")
_HEADER_TABLE_SIZE: Final = 1
_ENABLE_PUSH: Final = 2
_INITIAL_WINDOW_SIZE: Final = 4
_MAX_FRAME_SIZE: Final = 5


def frame(kind: int, flags: int, stream: int, content: bytes | memoryview) -> bytes:
    """One frame."""
    return b"".join((_HEAD.pack(len(content) >> 8, len(content) & 0xFF, kind, flags, stream), content))


def headers(stream: int, block: bytes, largest: int) -> bytes:
    """A block of headers, in as many frames as it needs."""
    if len(block) <= largest:
        return frame(HEADERS, END_HEADERS, stream, block)
    pieces = [block[at : at + largest] for at in range(0, len(block), largest)]
    kinds = [HEADERS, *[CONTINUATION] * (len(pieces) - 1)]
    ends = [*[0] * (len(pieces) - 1), END_HEADERS]
    return b"".join(frame(kind, end, stream, piece) for kind, end, piece in zip(kinds, ends, pieces, strict=True))


def room(stream: int, size: int) -> bytes:
    """The other side may send so many bytes more."""
    return frame(WINDOW_UPDATE, 0, stream, size.to_bytes(4, "big"))


def greeting() -> bytes:
    """What a client says first: no table of headers, no pushing, how much may be on its way in a stream and altogether."""
    asked = ((_HEADER_TABLE_SIZE, 0), (_ENABLE_PUSH, 0), (_INITIAL_WINDOW_SIZE, OUR_WINDOW))
    settings = b"".join(name.to_bytes(2, "big") + value.to_bytes(4, "big") for name, value in asked)
    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0, settings) + room(0, LARGEST_WINDOW - WINDOW)


def settings(content: bytes) -> tuple[int | None, int | None]:
    """What the other side asks for: the window of a stream and the largest frame; None for what it leaves as it is."""
    found = {
        int.from_bytes(content[at : at + 2], "big"): int.from_bytes(content[at + 2 : at + 6], "big")
        for at in range(0, len(content) - 5, 6)
    }
    return found.get(_INITIAL_WINDOW_SIZE), found.get(_MAX_FRAME_SIZE)


def unpadded(flags: int, content: bytes) -> bytes:
    """The content of DATA or HEADERS without what fills it up or ranks it."""
    if flags & PADDED:
        content = content[1 : len(content) - content[0]]
    return content[5:] if flags & PRIORITY else content
