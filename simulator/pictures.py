"""Draws PNG pictures of any size with nothing but zlib: coloured bands that differ from seed to seed."""

import struct
import zlib

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_BANDS = 8


def png(width: int, height: int, seed: int) -> bytes:
    """A valid palette PNG of this size in pixels; the same seed gives the same bytes."""
    band = max(1, (width + height) // (2 * _BANDS))
    cycle = b"".join(bytes([index]) * band for index in range(_BANDS))
    longest = cycle * (width // len(cycle) + 2)
    rows = bytearray()
    for y in range(height):
        start = y % len(cycle)
        rows.append(0)
        rows += longest[start : start + width]
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    return b"".join(
        (
            _SIGNATURE,
            _chunk(b"IHDR", header),
            _chunk(b"PLTE", _palette(seed)),
            _chunk(b"IDAT", zlib.compress(bytes(rows), level=1)),
            _chunk(b"IEND", b""),
        )
    )


def _palette(seed: int) -> bytes:
    """Shades between two colours that the seed picks."""
    start, end = ((seed >> shift) & 0xFF for shift in (0, 8)), ((seed >> shift) & 0xFF for shift in (16, 24))
    left, right = (*start, 96), (*end, 200)
    return bytes(
        left[channel] + (right[channel] - left[channel]) * index // (_BANDS - 1)
        for index in range(_BANDS)
        for channel in range(3)
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
