"""How long a call may be served: a little less than its caller waits, so that it is we who say that time is up, and why. Pure."""

from typing import Final

_HEAD_START: Final = 0.25
"""Seconds that the answer gets to reach its caller before the caller's own clock strikes; a quarter of a short wait."""


def patience(remaining: float | None) -> float | None:
    """Seconds to serve, of those that the caller still waits; None for as long as it takes."""
    return None if remaining is None else max(0.0, remaining - min(_HEAD_START, remaining / 4))
