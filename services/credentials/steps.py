"""Decides what a token cache needs before its token can be sent: the table, pure."""

from enum import Enum, auto
from typing import Final

from services.credentials.cache import TokenCache

AHEAD: Final = 60.0
"""Seconds before its expiry at which a login is renewed already."""


class Step(Enum):
    """The next thing to do."""

    USE = auto()
    """Send the account key; no network is needed."""
    EXCHANGE = auto()
    """Exchange the login for an account key."""
    REFRESH = auto()
    """Renew the login, then exchange it."""
    GIVE_UP = auto()
    """Nothing here can be used; a new login is needed."""


def next_step(cache: TokenCache, now: float, *, refused: str = "") -> Step:
    """The step at `now`, when the upstream is known to refuse the token `refused`."""
    has_key = bool(cache.muk) and cache.muk != refused
    if not cache.access_token:
        return Step.USE if has_key else Step.GIVE_UP
    if cache.refresh_token and cache.is_expired(now + AHEAD):
        return Step.REFRESH
    if has_key:
        return Step.USE
    return Step.GIVE_UP if cache.is_expired(now) else Step.EXCHANGE
