"""A WAV header for raw sound: 44 bytes in front of 16-bit little-endian PCM. Pure."""

import struct
from typing import Final

MIME_TYPE: Final = "audio/wav"
_UNKNOWN: Final = 0xFFFFFFFF
"""The length that players read as: until the end."""


def header(*, sample_rate: int, channels: int = 1, size_bytes: int | None) -> bytes:
    """The header of `size_bytes` of sound; None where the length is not known yet."""
    known = size_bytes is not None and size_bytes <= _UNKNOWN - 36
    length = size_bytes if known and size_bytes is not None else _UNKNOWN
    whole = length + 36 if known else _UNKNOWN
    frame = channels * 2
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", whole, b"WAVE"),
        *(b"fmt ", 16, 1, channels, sample_rate, sample_rate * frame, frame, 16),
        *(b"data", length),
    )
