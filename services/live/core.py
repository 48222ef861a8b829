"""The core's values that change while it runs, in one place: taken up on SIGHUP, and when a file that they come from changes.

Law: a reload is whole or nothing, between two calls; a call that runs goes on with what it began with.
"""

import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from services.beside import beside
from services.catalog.catalog import Catalog
from services.credentials.discovery import NO_CREDENTIALS
from services.credentials.discovery import files as credential_files
from services.credentials.keeper import Keeper
from services.interceptors.auth import Keys
from services.live.succession import Outcome, compared, files, reread, taken_up
from services.live.watch import Watched
from services.parts import credential, home_of
from services.settings import BadSetting, Settings

RELOADED: Final = "reloaded"
REFUSED: Final = "reload refused"
"""The two lines by which the core tells what came of a reload; the supervisor waits for one of them."""

_log = logging.getLogger("services.live")
# At every CLI2API_LOG_LEVEL: the supervisor waits for these lines, and shows only those that its operator wants to see.
_log.setLevel(logging.INFO)


class Live:
    """What may change. `environ` is the one that the core was started with; it names the files."""

    def __init__(
        self, environ: Mapping[str, str], settings: Settings, *, keys: Keys, catalog: Catalog, credentials: Keeper
    ) -> None:
        self._environ = environ
        self._settings = settings
        self._keys = keys
        self._catalog = catalog
        self._credentials = credentials

    def reload(self) -> None:
        """Takes up what has changed, and logs what came of it, even if that is nothing: someone has asked."""
        _tell(self._reloaded())

    @asynccontextmanager
    async def watching(self) -> AsyncGenerator[None]:
        """Reloads by itself inside the block when a file has changed."""
        paths = (*files(self._environ), *credential_files(self._environ, home_of(self._environ)))
        async with beside(Watched(paths).run(self._reload_if_needed), name="watched files"):
            yield

    def _reload_if_needed(self) -> None:
        """A login that was renewed changes its file too, and is nothing to tell of."""
        outcome = self._reloaded()
        if outcome != Outcome():
            _tell(outcome)

    def _reloaded(self) -> Outcome:
        try:
            now = reread(self._settings, self._environ)
        except BadSetting as error:
            return Outcome(refused=str(error))
        outcome = compared(self._settings, now)
        found = credential(now, self._environ)
        if found is None and "credential" in outcome.changed:
            return Outcome(refused=NO_CREDENTIALS)
        # Nothing fails from here on.
        self._catalog.rename(now.model_aliases)
        self._keys.change(now.api_keys)
        # A login that is gone for the moment stays in force: it must not keep a caller's key from being taken back.
        if found is not None and self._credentials.change(found):
            outcome = outcome.and_also(Outcome(changed=("credential",)))
        self._settings = taken_up(self._settings, now)
        return outcome


def _tell(outcome: Outcome) -> None:
    if outcome.refused:
        _log.error(REFUSED, extra={"why": outcome.refused})
    else:
        _log.info(RELOADED, extra={"changed": list(outcome.changed), "needs_restart": list(outcome.needs_restart)})
