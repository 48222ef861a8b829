"""The token cache that `mulerun login` writes, read and written so that the official client notices nothing.

Keys that are not ours are kept; the file is replaced in one step, readable for its owner only.
"""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import msgspec

MUK_KEY: Final = "cli2api_muk_key"
"""Our own addition to the file: the account key that the login was exchanged for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCache:
    """What the file says. Tokens are kept out of its repr."""

    access_token: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    muk: str = field(default="", repr=False)
    expires_at: float | None = None
    """Unix seconds; None where no expiry is known."""
    rest: Mapping[str, object] = field(default_factory=dict, repr=False)
    """Every other key, in order."""

    def is_expired(self, now: float) -> bool:
        """The login has ended, by its own word."""
        return self.expires_at is not None and self.expires_at <= now

    def refreshed(self, *, access_token: str, refresh_token: str, expires_at: float | None) -> "TokenCache":
        """After a refresh. The account key goes, since it may belong to another account."""
        return replace(
            self, access_token=access_token, refresh_token=refresh_token or self.refresh_token, expires_at=expires_at, muk=""
        )


def parse(content: bytes) -> TokenCache:
    """The cache in this JSON text. Raises ValueError where it is not a JSON object."""
    found = json_object(content)
    expiry = found.pop("expires_at", None)
    words = {name: found.pop(name, "") for name in ("access_token", "refresh_token", MUK_KEY)}
    access, refresh, muk = (word.strip() if isinstance(word, str) else "" for word in words.values())
    expires_at = None
    if isinstance(expiry, int | float) and not isinstance(expiry, bool) and expiry > 0:
        expires_at = float(expiry)
    return TokenCache(access_token=access, refresh_token=refresh, muk=muk, expires_at=expires_at, rest=found)


def json_object(content: bytes) -> dict[str, object]:
    """The JSON object in this text. Raises ValueError for anything else, without quoting it."""
    try:
        return msgspec.json.decode(content, type=dict[str, object])
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError("it is not a JSON object") from error


def dump(cache: TokenCache) -> bytes:
    """The JSON text of the cache; what is empty or unknown is left out."""
    made: dict[str, object] = {}
    if cache.access_token:
        made["access_token"] = cache.access_token
    if cache.refresh_token:
        made["refresh_token"] = cache.refresh_token
    if cache.expires_at is not None:
        made["expires_at"] = int(cache.expires_at)
    made |= cache.rest
    if cache.muk:
        made[MUK_KEY] = cache.muk
    return msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n"


def read(path: Path) -> TokenCache:
    """The cache in this file. Raises OSError or ValueError where there is none to be read."""
    return parse(path.read_bytes())


def write(path: Path, cache: TokenCache) -> None:
    """Replaces the file in one step; after a crash it holds the old or the new content. Raises OSError."""
    target = path.resolve()
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # mkstemp makes the file with mode 0600.
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(dump(cache))
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
