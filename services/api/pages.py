"""Page tokens: opaque to callers, a position and the question that it belongs to for us. Pure."""

import base64
import binascii
import json
import math
from hashlib import sha256
from typing import Final

from services.domain.errors import InvalidRequest, Violation

_MOST: Final = 1024
"""Characters of a token that are read; ours have far fewer."""


def page_size(asked: int, *, default: int, most: int) -> int:
    """How many rows a page has. Raises InvalidRequest outside of 1 to `most`; 0 means absent."""
    if not 0 <= asked <= most:
        raise InvalidRequest.of(Violation("page_size", f"must be from 1 to {most}; got {asked}"))
    return asked or default


def token(position: tuple[float, str], question: str) -> str:
    """A token for the page after `position`, good for the same `question` (its filters in words) only."""
    words = json.dumps([1, _mark(question), *position], separators=(",", ":"))
    return base64.urlsafe_b64encode(words.encode()).decode().rstrip("=")


def position(page_token: str, question: str) -> tuple[float, str] | None:
    """The position that a token holds; None for no token. Raises InvalidRequest for a foreign one or another question."""
    if not page_token:
        return None
    try:
        padded = page_token[:_MOST] + "=" * (-len(page_token) % 4)
        words = base64.b64decode(padded, altchars=b"-_", validate=True)
        version, mark, order, name = json.loads(words)
        good = version == 1 and isinstance(mark, str) and isinstance(name, str)
        good = good and isinstance(order, int | float) and not isinstance(order, bool) and math.isfinite(order)
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error):
        good = False
    if not good:
        raise InvalidRequest.of(Violation("page_token", "is no token of this gateway: send next_page_token of the page before"))
    if mark != _mark(question):
        raise InvalidRequest.of(Violation("page_token", "belongs to a list with other filters: send the same ones as before"))
    return float(order), name


def _mark(question: str) -> str:
    return sha256(question.encode()).hexdigest()[:8]
