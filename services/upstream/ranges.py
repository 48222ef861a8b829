"""Reads what a link's host says about a part of a file: where it begins, how large the file is, and whether it still is the same.

Law: bytes of two answers are joined only where the host has shown, by name and by size, that they belong to one file.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from services.domain.errors import UpstreamUnavailable
from services.domain.job import Begun

_CONTENT_RANGE: Final = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")


def extent(status: int, headers: Mapping[str, str], offset: int) -> tuple[int, int | None]:
    """Where an answer's bytes begin in the file, and how large the file is, where known. A server may ignore Range.

    Raises UpstreamUnavailable where they begin behind what was asked for.
    """
    if status == 200:
        length = headers.get("content-length", "")
        return 0, int(length) if length.isascii() and length.isdecimal() else None
    said = _CONTENT_RANGE.match(headers.get("content-range", ""))
    begins = int(said[1]) if said and said[1] else offset
    if begins > offset:
        raise UpstreamUnavailable("the asset's host answered with another range than was asked for")
    return begins, int(said[2]) if said and said[2] != "*" else None


def validator(headers: Mapping[str, str]) -> str:
    """What may stand in If-Range for these bytes; empty where nothing may (RFC 9110, 8.8).

    A weak ETag may stand for different bytes, and so may a time that is not over: the file may change twice within its second.
    """
    tag = headers.get("etag", "")
    if tag.startswith('"'):
        return tag
    changed = headers.get("last-modified", "")
    try:
        is_over = parsedate_to_datetime(headers.get("date", "")) - parsedate_to_datetime(changed) >= timedelta(seconds=1)
    except (ValueError, TypeError):
        return ""
    return changed if is_over else ""


def continues(status: int, headers: Mapping[str, str], begun: Begun) -> bool:
    """Whether the answer's bytes are those that follow what was fetched before; none follow where that was all (416)."""
    said = _CONTENT_RANGE.match(headers.get("content-range", ""))
    if said is None or status not in (206, 416):
        return False
    if headers.get("etag", begun.validator) != begun.validator and begun.validator.startswith('"'):
        return False
    if said[2] != "*" and begun.size_bytes not in (None, int(said[2])):
        return False
    if status == 416:
        return said[2] != "*" and int(said[2]) == begun.offset
    return said[1] is not None and int(said[1]) == begun.offset
