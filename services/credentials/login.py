"""Keeps the login of `mulerun login` usable: its cache file is shared with the official client and with other gateways.

A refresh token dies when it is used. So reading, renewing and writing happen under one file lock, the renewed login is on disk
before anything else is done with it, and a caller that leaves stops none of this.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeAlias

from filelock import AsyncFileLock, Timeout

from services.credentials import cache
from services.credentials.cache import TokenCache
from services.credentials.flight import Flight
from services.credentials.holders import PATIENCE
from services.credentials.oauth import LOG_IN_AGAIN, OAuth
from services.credentials.steps import Step, next_step
from services.domain.errors import UpstreamCredentialRefused, UpstreamUnavailable
from services.domain.ports import Clock

LOCK_SECONDS: Final = 30.0
"""How long another process may hold the cache: longer than a renewal takes at its slowest."""

Mark: TypeAlias = tuple[int, int, int]

_logger = logging.getLogger(__name__)


class Login:
    """The token out of one cache file. A login made anew while we run is noticed by the file's change."""

    def __init__(self, path: Path, oauth: OAuth, clock: Clock) -> None:
        self._path = path
        self._oauth = oauth
        self._clock = clock
        self._held = TokenCache()
        self._mark: Mark | None = None
        """Which version of the file `_held` follows; memory may be ahead of it where writing failed."""
        self._ended = False
        """The refresh token was refused; only a changed file helps."""
        self._fruitless_at: float | None = None
        self._flight: Flight[None] = Flight()

    @property
    def expires_at(self) -> float | None:
        """As the file says it."""
        return self._held.expires_at

    async def token(self) -> str:
        """The account key; the login itself while it cannot be exchanged. Raises UpstreamCredentialRefused where it has ended."""
        self._follow_file()
        step = next_step(self._held, self._clock.now())
        if step in (Step.REFRESH, Step.EXCHANGE) and not self._rests():
            await self._flight.join(self._renew)
        return self._usable()

    async def refused(self, token: str) -> bool:
        """Renews once, unless another token is there already. Raises UpstreamCredentialRefused where the login has ended."""
        self._follow_file()
        if token == self._usable() and not self._rests():
            await self._flight.join(lambda: self._renew(token))
        return token != self._usable()

    async def close(self) -> None:
        """Returns when no renewal is under way."""
        await self._flight.land()

    def _usable(self) -> str:
        held = self._held
        if not held.is_expired(self._clock.now()):
            token = held.muk or held.access_token
        elif self._ended:
            token = ""
        else:
            # Expired and not renewable: the account key may outlive its login. Renewable, but not now: what is stored goes on.
            token = held.muk or (held.access_token if held.refresh_token else "")
        if not token:
            raise UpstreamCredentialRefused(f"the MuleRun login in {self._path} has ended: {LOG_IN_AGAIN}")
        return token

    def _rests(self) -> bool:
        if self._ended:
            return True
        return self._fruitless_at is not None and self._clock.now() - self._fruitless_at < PATIENCE

    def _follow_file(self) -> None:
        """Takes the file's content where it has changed; what is in memory stays where it cannot be read."""
        mark = _mark_of(self._path)
        if mark is None or mark == self._mark:
            return
        try:
            self._held = cache.read(self._path)
        except (OSError, ValueError):
            _logger.warning("the token cache cannot be read; going on with what was read before", extra={"path": str(self._path)})
        else:
            self._ended, self._fruitless_at = False, None
        self._mark = mark

    async def _renew(self, refused: str = "") -> None:
        before = self._held
        try:
            async with self._locked() as writable:
                self._follow_file()
                await self._step(refused, writable)
        except UpstreamUnavailable as failure:
            _logger.warning("the login could not be renewed for now", extra={"why": failure.message})
        except UpstreamCredentialRefused as failure:
            _logger.warning("the login could not be exchanged for an account key", extra={"why": failure.message})
        self._fruitless_at = self._clock.now() if self._held == before else None

    async def _step(self, refused: str, writable: bool) -> None:
        """Does what the table says. Another process may have done it while this one waited for the lock."""
        step = next_step(self._held, self._clock.now(), refused=refused)
        if step is Step.EXCHANGE:
            try:
                return await self._exchange(writable)
            except UpstreamCredentialRefused:
                # The login died before its time; a refresh token may still bring a new one.
                if not (self._held.refresh_token and writable):
                    raise
                step = Step.REFRESH
        if step is Step.REFRESH and writable:
            await self._refresh()
            await self._exchange(writable)
        return None

    async def _refresh(self) -> None:
        try:
            grant = await self._oauth.refresh(self._held.refresh_token)
        except UpstreamCredentialRefused:
            self._ended = True
            raise
        expires_at = None if grant.expires_in is None else self._clock.now() + grant.expires_in
        await self._keep(
            self._held.refreshed(access_token=grant.access_token, refresh_token=grant.refresh_token, expires_at=expires_at)
        )

    async def _exchange(self, writable: bool) -> None:
        made = replace(self._held, muk=await self._oauth.exchange(self._held.access_token))
        if writable:
            await self._keep(made)
        else:
            self._held = made

    async def _keep(self, made: TokenCache) -> None:
        self._held = made
        try:
            await asyncio.to_thread(cache.write, self._path, made)
        except OSError as error:
            why = error.strerror or type(error).__name__
            _logger.error(  # noqa: TRY400 - the cause is told; a traceback adds nothing
                "the renewed login could not be written and lives in memory only; after a restart `mulerun login` may be needed",
                extra={"path": str(self._path), "why": why},
            )
        self._mark = _mark_of(self._path)

    @asynccontextmanager
    async def _locked(self) -> AsyncGenerator[bool]:
        """Holds the lock on the cache; False where there can be none. Then a login must not be renewed, only exchanged."""
        lock = AsyncFileLock(f"{self._path}.lock", timeout=LOCK_SECONDS, mode=0o600)
        try:
            await lock.acquire()
        except (Timeout, OSError):
            _logger.warning("the token cache cannot be locked, so it is not written", extra={"path": str(self._path)})
            yield False
            return
        try:
            yield True
        finally:
            await lock.release()


def _mark_of(path: Path) -> Mark | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
