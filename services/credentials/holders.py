"""Holds a token that was handed over as it is: sent unchanged, or exchanged once for an account key."""

import logging
from typing import Final, Protocol

from services.credentials.flight import Flight
from services.credentials.oauth import OAuth
from services.domain.errors import UpstreamCredentialRefused, UpstreamUnavailable
from services.domain.ports import Clock

PATIENCE: Final = 30.0
"""Seconds between renewals that came to nothing: a dead login must not cost every call a visit to the login host."""

_logger = logging.getLogger(__name__)


class Holder(Protocol):
    """Keeps one credential usable."""

    @property
    def expires_at(self) -> float | None:
        """When it ends unless it is renewed, in unix seconds; None where that is not known."""

    async def token(self) -> str:
        """The token to send now. Raises UpstreamCredentialRefused where there is none to be had."""

    async def refused(self, token: str) -> bool:
        """True if another token than this one is there now."""

    async def close(self) -> None:
        """Returns when no renewal is under way."""


class Fixed:
    """A key that cannot be renewed."""

    expires_at: float | None = None

    def __init__(self, token: str) -> None:
        self._token = token

    async def token(self) -> str:
        """The key."""
        return self._token

    async def refused(self, token: str) -> bool:
        """There is no other."""
        return token != self._token

    async def close(self) -> None:
        """Nothing is ever under way."""


class Exchanged:
    """A login from the environment or an old file, exchanged for an account key that is kept in memory only."""

    expires_at: float | None = None

    def __init__(self, login: str, oauth: OAuth, clock: Clock) -> None:
        self._login = login
        self._oauth = oauth
        self._clock = clock
        self._key = ""
        self._fruitless_at: float | None = None
        self._flight: Flight[None] = Flight()

    async def token(self) -> str:
        """The account key; while the login cannot be exchanged, the login itself, which the API will refuse with a clear 401."""
        if not self._key and not self._was_fruitless_lately():
            await self._flight.join(self._exchange)
        return self._key or self._login

    async def refused(self, token: str) -> bool:
        """Exchanges again once; the new key may well be the old one."""
        if token == (self._key or self._login) and not self._was_fruitless_lately():
            await self._flight.join(self._exchange)
        return token != (self._key or self._login)

    async def close(self) -> None:
        """Returns when no exchange is under way."""
        await self._flight.land()

    def _was_fruitless_lately(self) -> bool:
        return self._fruitless_at is not None and self._clock.now() - self._fruitless_at < PATIENCE

    async def _exchange(self) -> None:
        before = self._key
        try:
            self._key = await self._oauth.exchange(self._login)
        except (UpstreamUnavailable, UpstreamCredentialRefused) as failure:
            _logger.warning("the login could not be exchanged for an account key", extra={"why": failure.message})
        self._fruitless_at = self._clock.now() if self._key == before else None
