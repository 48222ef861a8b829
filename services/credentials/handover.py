"""Hands the text credential to Envoy, which sends it on the direct way, and takes that way out of service while there is none.

Laws: a file of Envoy's appears whole, by a rename, and only its owner can read it. The way is open only while the credential that
Envoy has is not known to be refused; while it is closed, text goes through the core, which renews what it can and says what it
cannot.
"""

import asyncio
import logging
import os
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec

from services.beside import beside
from services.domain.errors import UpstreamCredentialRefused
from services.domain.ports import Clock, Credentials, Plane

EVERY: Final = 1.0
"""Seconds between two looks at the credential: a login is renewed a minute before it ends, and a changed file is noticed."""
REST: Final = 30.0
"""Seconds that the way stays closed after a refusal, if there is no other credential. One model may be refused, and not all."""
WORD: Final = "word"
"""The file with the word by which Envoy is known."""

_FORMS: Final[Mapping[str, str]] = {"bearer": "Bearer {}", "key": "{}"}
_NONE: Final = "none"

_log = logging.getLogger(__name__)


class Handover:
    """Keeps Envoy's files in `folder`, which was prepared, in step with the credentials."""

    def __init__(self, credentials: Credentials, folder: Path, clock: Clock) -> None:
        self._credentials = credentials
        self._folder = folder
        self._clock = clock
        self._handed = ""
        """What Envoy has; empty while the way is closed."""
        self._refused = ""
        self._refused_at = 0.0
        self._turn = asyncio.Lock()

    @property
    def word(self) -> str:
        """By which Envoy is known. Raises OSError."""
        return (self._folder / WORD).read_text("ascii")

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Keeps step inside the block."""
        async with beside(self._run(), name="handover"):
            yield

    async def refused(self) -> None:
        """MuleRun refused what Envoy has: the way is closed at once, and opened again when there is another credential."""
        async with self._turn:
            token = self._handed
            if not token:
                return  # heard already: calls that were under way tell of it one by one
            self._refused, self._refused_at = token, self._clock.now()
            await self._close()
        try:
            await self._credentials.refused(Plane.TEXT, token)
        except UpstreamCredentialRefused:
            return  # the next call hears why, from the core
        await self.look()

    async def look(self) -> None:
        """Hands over what is there now."""
        try:
            token = await self._credentials.token(Plane.TEXT)
        except UpstreamCredentialRefused:
            token = ""
        async with self._turn:
            rests = token == self._refused and self._clock.now() - self._refused_at < REST
            if not token or rests:
                if self._handed:
                    await self._close()
            elif token != self._handed:
                await self._open(token)

    async def _run(self) -> None:
        while True:
            try:
                await self.look()
            except OSError as error:
                _log.error(
                    "the credential cannot be handed to Envoy, so text goes through the core",
                    extra={"folder": str(self._folder), "why": error.strerror},
                )
            await self._clock.sleep(EVERY)

    async def _open(self, token: str) -> None:
        # The secret first: Envoy takes up the files in the order in which they appear.
        await asyncio.to_thread(_write, self._folder, {**_secrets(token), **_runtime(opened=True)})
        self._handed = token
        _log.info("text that needs no change goes the direct way")

    async def _close(self) -> None:
        await asyncio.to_thread(_write, self._folder, _runtime(opened=False))
        self._handed = ""
        _log.warning("MuleRun's credential is refused or gone: text goes through the core until there is another")


def prepare(folder: Path, word: str) -> None:
    """Makes the folder, for its owner alone, with the way closed and no credential, so that Envoy can start. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    _write(folder, {WORD: word.encode("ascii"), **_secrets(_NONE), **_runtime(opened=False)})


def _secrets(token: str) -> Mapping[str, bytes]:
    """Envoy's files of secrets by name: one for each form in which MuleRun reads the credential."""
    kind = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
    return {
        f"{name}.yaml": _resource(
            {"@type": kind, "name": name, "generic_secret": {"secret": {"inline_string": form.format(token)}}}
        )
        for name, form in _FORMS.items()
    }


def _runtime(*, opened: bool) -> Mapping[str, bytes]:
    """Envoy's switch of the direct way, by the file's name."""
    kind = "type.googleapis.com/envoy.service.runtime.v3.Runtime"
    return {"runtime.yaml": _resource({"@type": kind, "name": "direct", "layer": {"text.direct": 100 if opened else 0}})}


def _resource(content: Mapping[str, object]) -> bytes:
    """JSON, which is YAML too."""
    return msgspec.json.encode({"resources": [content]})


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        handle, draft = tempfile.mkstemp(dir=folder, prefix=f".{name}.")  # 0600
        try:
            with open(handle, "wb") as file:
                file.write(content)
            os.replace(draft, folder / name)
        except BaseException:
            os.unlink(draft)
            raise
