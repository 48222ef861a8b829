"""Files that callers hand in become what the upstream takes: a link as it is, bytes as a data URI. Pure."""

import base64
import re
from collections.abc import Iterable
from typing import Final

from cli2api.v1 import media_pb2

from services.domain.errors import RequestTooLarge, Violation
from services.domain.sniff import ENOUGH, sniffed

MAX_FILE_BYTES: Final = 20 << 20
_MIME: Final = re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII)


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
    mime_type = given.mime_type or sniffed(given.content[:ENOUGH])
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
