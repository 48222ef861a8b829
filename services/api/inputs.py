"""Files that callers hand in become what the upstream takes: a link as it is, bytes as a data URI. Pure."""

import base64
import re
from collections.abc import Iterable
from typing import Final

from cli2api.v1 import media_pb2

from services.domain.errors import RequestTooLarge, Violation

MAX_FILE_BYTES: Final = 20 << 20
_MIME: Final = re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII)
_SIGNATURES: Final[tuple[tuple[int, bytes, str], ...]] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"BM", "image/bmp"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (8, b"WAVE", "audio/wav"),
    (0, b"fLaC", "audio/flac"),
    (0, b"ID3", "audio/mpeg"),
    (4, b"ftypqt", "video/quicktime"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftypM4A", "audio/mp4"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"\xff\xf3", "audio/mpeg"),
)


def sniff(content: bytes) -> str:
    """The media type that the first bytes tell; empty where they tell none."""
    return next((mime for at, mark, mime in _SIGNATURES if content.startswith(mark, at)), "")


def upstream_form(given: media_pb2.MediaInput, field: str, violations: list[Violation]) -> str:
    """One input as the upstream takes it; what is wrong with it is added to `violations`. Raises RequestTooLarge."""
    if given.WhichOneof("source") == "url":
        if not given.url.startswith(("https://", "http://", "data:")):
            violations.append(Violation(field, "must be an http, https or data URL; send a file's bytes as `content`"))
        elif given.url.startswith("data:") and len(given.url) > MAX_FILE_BYTES * 4 // 3 + 256:
            raise _too_large(field)
        return given.url
    if not given.content:
        violations.append(Violation(field, "is empty: set `url` or `content`"))
        return ""
    if len(given.content) > MAX_FILE_BYTES:
        raise _too_large(field)
    mime_type = given.mime_type or sniff(given.content)
    if not _MIME.fullmatch(mime_type):
        violations.append(Violation(field, 'has bytes of an unknown kind: set `mime_type`, as in "image/png"'))
        return ""
    return f"data:{mime_type};base64,{base64.b64encode(given.content).decode('ascii')}"


def upstream_forms(given: Iterable[media_pb2.MediaInput], field: str, violations: list[Violation]) -> list[str]:
    """Several inputs, each named by its place."""
    return [upstream_form(each, f"{field}[{index}]", violations) for index, each in enumerate(given)]


def _too_large(field: str) -> RequestTooLarge:
    message = f"{field}: a file may have at most {MAX_FILE_BYTES >> 20} MB; send a larger one as an http link"
    return RequestTooLarge(message, violations=[Violation(field, "is too large")])
