"""Tells what a file is by its first bytes, because names, links and headers are often wrong about it."""

from typing import Final

ENOUGH: Final = 16
"""Bytes that are needed to tell."""

_HEADS: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"ID3", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"\x1aE\xdf\xa3", "video/webm"),
)
_RIFF: Final = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
_BRANDS: Final = {b"qt  ": "video/quicktime", b"heic": "image/heic", b"avif": "image/avif", b"M4A ": "audio/mp4"}
"""Files of the MP4 family that are no clips, by their major brand."""


def sniffed(head: bytes) -> str:
    """The MIME type, or empty where the bytes do not tell."""
    for start, mime_type in _HEADS:
        if head.startswith(start):
            return mime_type
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], "")
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    # An MPEG audio frame: eleven set bits, then a layer that is III, a bitrate and a sampling rate that exist.
    is_frame = len(head) > 2 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2 and head[2] >> 4 not in (0, 15) and head[2] & 12 != 12
    return "audio/mpeg" if is_frame else ""
