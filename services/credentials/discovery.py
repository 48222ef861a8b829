"""Finds the MuleRun credential: the environment first, then the login's cache, then the files of older clients.

A file that cannot be read is passed over with a warning that names it; tokens never reach a log.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from services.credentials import cache

NO_CREDENTIALS: Final = (
    "no mulerun credentials found: run `mulerun login`, or export MULERUN_TOKEN=<key> "
    "(a muk- account key, or the LLM gateway key for text models)"
)
CACHE_VARIABLE: Final = "CLI2API_TOKEN_CACHE"
CACHE_FILE: Final = ".config/mulerun/oauth_cache.json"
LEGACY_FILES: Final = (".mulerun/auth.json", ".mulerun/credentials.json", ".mulerun/token.json")
_LEGACY_KEYS: Final = ("token", "access_token", "accessToken")

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Where the credential is. Either `token` or `cache` is set; tokens are kept out of its repr."""

    source: str
    """For people: `env:<variable>` or `file:<path>`."""
    token: str = field(default="", repr=False)
    cache: Path | None = None
    studio_token: str = field(default="", repr=False)
    """For media, where it differs."""


def find(environ: Mapping[str, str], home: Path, *, now: Callable[[], float] = time.time) -> Found | None:
    """The first credential in order, or None. Reads files, no network."""
    studio = _from_environ(environ, "MULERUN_STUDIO_TOKEN")
    token = _from_environ(environ, "MULERUN_TOKEN")
    if token:
        differs = bool(studio) and studio != token
        source = "env:MULERUN_TOKEN, media env:MULERUN_STUDIO_TOKEN" if differs else "env:MULERUN_TOKEN"
        return Found(source=source, token=token, studio_token=studio if differs else "")
    found = _in_cache(environ, home, now()) or _in_legacy_files(home, now())
    if not studio:
        return found
    if found is None:
        return Found(source="env:MULERUN_STUDIO_TOKEN", token=studio)
    return Found(
        source=f"{found.source}, media env:MULERUN_STUDIO_TOKEN", token=found.token, cache=found.cache, studio_token=studio
    )


def files(environ: Mapping[str, str], home: Path) -> tuple[Path, ...]:
    """Every file that `find` may look into, there or not."""
    return (_cache_path(environ, home), *(home / name for name in LEGACY_FILES))


def _cache_path(environ: Mapping[str, str], home: Path) -> Path:
    named = environ.get(CACHE_VARIABLE, "").strip()
    return Path(named).expanduser() if named else home / CACHE_FILE


def _from_environ(environ: Mapping[str, str], name: str) -> str:
    token = environ.get(name, "").strip()
    if token and not _is_sendable(token):
        _logger.warning("%s is passed over: it holds spaces or characters that no token has", name)
        return ""
    return token


def _in_cache(environ: Mapping[str, str], home: Path, now: float) -> Found | None:
    named = environ.get(CACHE_VARIABLE, "").strip()
    path = _cache_path(environ, home)
    try:
        found = cache.read(path)
    except FileNotFoundError:
        if named:
            _logger.warning("the token cache that %s names is not there", CACHE_VARIABLE, extra={"path": str(path)})
        return None
    except (OSError, ValueError) as error:
        _pass_over(path, error)
        return None
    usable = bool(found.muk or (found.access_token and (found.refresh_token or not found.is_expired(now))))
    if not usable:
        _logger.warning("a token cache holds no login that can still be used", extra={"path": str(path)})
        return None
    return Found(source=f"file:{path}", cache=path)


def _in_legacy_files(home: Path, now: float) -> Found | None:
    for name in LEGACY_FILES:
        path = home / name
        try:
            token = _legacy_token(path.read_bytes(), now)
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            _pass_over(path, error)
            continue
        if token:
            return Found(source=f"file:{path}", token=token)
    return None


def _legacy_token(content: bytes, now: float) -> str:
    """The token in such a file; empty for none or one that has expired. Raises ValueError for what is not a JSON object."""
    found = cache.json_object(content)
    expiry = found.get("expires_at")
    if isinstance(expiry, int | float) and not isinstance(expiry, bool) and 0 < expiry <= now:
        return ""
    words = (found.get(key) for key in _LEGACY_KEYS)
    tokens = (word.strip() for word in words if isinstance(word, str))
    return next((token for token in tokens if token and _is_sendable(token)), "")


def _is_sendable(token: str) -> bool:
    return token.isascii() and token.isprintable() and " " not in token


def _pass_over(path: Path, error: Exception) -> None:
    why = error.strerror if isinstance(error, OSError) else str(error)
    _logger.warning("a credential file cannot be read and is passed over", extra={"path": str(path), "why": why})
