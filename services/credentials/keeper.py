"""Keeps the upstream tokens: one holder for each plane, or one for both where the planes share a token."""

from collections.abc import Mapping
from types import TracebackType
from typing import Final

import aiohttp

from services.credentials.discovery import Found
from services.credentials.holders import Exchanged, Fixed, Holder
from services.credentials.login import Login
from services.credentials.oauth import OAuth
from services.domain.ports import Clock, Plane

DEFAULT_OAUTH_SECONDS: Final = 10.0


class Keeper:
    """Credentials for both planes. `close` waits for a renewal that is under way, since its answer must not be lost."""

    def __init__(
        self,
        found: Found,
        session: aiohttp.ClientSession,
        oauth_base_url: str,
        clock: Clock,
        *,
        oauth_seconds: float = DEFAULT_OAUTH_SECONDS,
    ) -> None:
        self._oauth = OAuth(session, oauth_base_url, oauth_seconds)
        self._clock = clock
        self._found = found
        self._holders = self._hold(found)
        self._former: list[Holder] = []
        """Those of credentials that were changed for others; a renewal may be under way in them."""

    @property
    def source(self) -> str:
        """Where the token was found, for people; never the token."""
        return self._found.source

    def change(self, found: Found) -> bool:
        """From the next call on with this credential; False, and nothing is done, where it is the one that is held."""
        if found == self._found:
            return False
        self._former += self._holders.values()
        self._found, self._holders = found, self._hold(found)
        return True

    async def token(self, plane: Plane) -> str:
        """The token to send now. Raises UpstreamCredentialRefused where there is none to be had."""
        return await self._holders[plane].token()

    async def refused(self, plane: Plane, token: str) -> bool:
        """The upstream refused `token`; True if another one is there now and worth one more try."""
        return await self._holders[plane].refused(token)

    def expires_at(self, plane: Plane) -> float | None:
        """When the login ends, in unix seconds; None where there is none, or no end of it is known."""
        return self._holders[plane].expires_at

    @property
    def renewals(self) -> int:
        """Logins that were renewed or exchanged since the start."""
        return self._oauth.renewals

    async def close(self) -> None:
        """Returns when no renewal is under way any more."""
        for holder in (*self._holders.values(), *self._former):
            await holder.close()

    def _hold(self, found: Found) -> Mapping[Plane, Holder]:
        oauth, clock = self._oauth, self._clock
        text: Holder = Login(found.cache, oauth, clock) if found.cache else _holder(found.token, oauth, clock)
        studio = _holder(found.studio_token, oauth, clock) if found.studio_token else text
        return {Plane.TEXT: text, Plane.STUDIO: studio}

    async def __aenter__(self) -> "Keeper":
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()


def _holder(token: str, oauth: OAuth, clock: Clock) -> Holder:
    """A JWT is a login that must be exchanged; every other token is sent as it is."""
    return Exchanged(token, oauth, clock) if token.startswith("eyJ") else Fixed(token)
