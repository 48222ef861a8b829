"""Speaks with MuleRun's login host: exchanges a login for an account key and renews a login.

UpstreamUnavailable means try later with the same token; UpstreamCredentialRefused means that the token is of no use any more.
"""

from dataclasses import dataclass, field
from typing import Final

import aiohttp
import msgspec

from services.domain.errors import UpstreamCredentialRefused, UpstreamUnavailable

CLIENT_ID: Final = "mulerun-cli"
LARGEST_ANSWER: Final = 64 * 2**10
LOG_IN_AGAIN: Final = "run `mulerun login` again or set MULERUN_TOKEN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A renewed login. The refresh token that was given for it is dead."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: float | None
    """Seconds; None where not told."""


class OAuth:
    """The login host at `base_url`; each call takes at most `seconds`."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, seconds: float) -> None:
        self._session = session
        self._base = base_url.rstrip("/")
        self._seconds = seconds
        self.renewals = 0
        """Logins that were renewed or exchanged since the start."""

    async def exchange(self, access_token: str) -> str:
        """The account key (`muk-...`) of this login. Raises UpstreamUnavailable or UpstreamCredentialRefused."""
        headers = {"authorization": f"Bearer {access_token}", "content-type": "application/json"}
        answer = await self._post("/api/platform/users/cli-token", headers, None)
        inner = answer.get("data")
        key = inner.get("key") if isinstance(inner, dict) else None
        if not isinstance(key, str) or not key.startswith("muk-"):
            raise UpstreamCredentialRefused(f"MuleRun gave no account key for the login: {LOG_IN_AGAIN}")
        self.renewals += 1
        return key

    async def refresh(self, refresh_token: str) -> Grant:
        """A renewed login. Raises UpstreamUnavailable or UpstreamCredentialRefused."""
        form = aiohttp.FormData({"grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": CLIENT_ID})
        answer = await self._post("/oauth2/token", {}, form)
        access, renewed, lifetime = (answer.get(name) for name in ("access_token", "refresh_token", "expires_in"))
        if not isinstance(access, str) or not access:
            raise UpstreamUnavailable("MuleRun renewed the login without giving an access token")
        self.renewals += 1
        known = isinstance(lifetime, int | float) and not isinstance(lifetime, bool) and lifetime > 0
        return Grant(
            access_token=access,
            refresh_token=renewed if isinstance(renewed, str) else "",
            expires_in=float(lifetime) if known and isinstance(lifetime, int | float) else None,
        )

    async def _post(self, path: str, headers: dict[str, str], form: aiohttp.FormData | None) -> dict[str, object]:
        try:
            async with self._session.post(
                self._base + path,
                headers={"accept-encoding": "identity", **headers},
                data=form,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=self._seconds),
            ) as response:
                status, body = response.status, await _read(response)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UpstreamUnavailable("MuleRun's login host cannot be reached; check MULERUN_OAUTH_BASE_URL") from error
        if status in (408, 425, 429) or status >= 500:
            raise UpstreamUnavailable(f"MuleRun's login host answered HTTP {status}")
        if not 200 <= status < 300:
            raise UpstreamCredentialRefused(f"MuleRun's login host refused the login with HTTP {status}: {LOG_IN_AGAIN}")
        try:
            return msgspec.json.decode(body, type=dict[str, object])
        except (msgspec.DecodeError, RecursionError) as error:
            raise UpstreamUnavailable("MuleRun's login host answered with what is not a JSON object") from error


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    while len(body) < LARGEST_ANSWER and (piece := await response.content.read(LARGEST_ANSWER - len(body))):
        body += piece
    return bytes(body)
