"""Reads where copies are to be kept, and opens that place."""

import logging
import os
import re
import time
from datetime import timedelta
from pathlib import Path
from typing import Final

from obstore.exceptions import BaseError
from obstore.store import LocalStore, MemoryStore, ObjectStore, from_url

from services.assets.copy import NOTE, PART, key_of
from services.assets.part import takes_locks
from services.assets.shelf import Shelf

OFF: Final = "off"
SCHEMES: Final = ("s3", "gs", "az", "abfs", "abfss")
FORMS: Final = "it takes off, memory:, an absolute path, or s3://bucket/prefix, gs://bucket/prefix, az://container/prefix"
SILENCE: Final = timedelta(seconds=30)
LONGEST_REQUEST: Final = timedelta(hours=1)
"""A request's time runs until its last byte, and a clip may be downloaded slowly."""
_SCHEME: Final = re.compile(r"([a-z0-9+.-]+)://", re.ASCII | re.IGNORECASE)
_STAGED: Final = re.compile(r"(.*)#\d+", re.ASCII)
"""The name under which the library writes a file before it is renamed."""
_DAY: Final = 86400.0

log = logging.getLogger(__name__)


class BadPlace(ValueError):
    """A place for copies that cannot be used; the message says why and what is taken, and has no secrets."""


def open_shelf(place: str, state_dir: Path) -> Shelf | None:
    """The shelf at that place; empty is `<state_dir>/assets`, and off is None. Raises BadPlace.

    A bucket is not asked here: it may be away at a start, and credentials come from the environment that its kind defines.
    """
    place = place.strip()
    if place.lower() == OFF:
        return None
    if place == "memory:":
        return Shelf(MemoryStore())
    if is_bucket(place):
        return Shelf(_bucket(place))
    return _folder(folder_of(place, state_dir))


def is_bucket(place: str) -> bool:
    """Whether it is a bucket's URL that can be used. Raises BadPlace for one that cannot; asks nobody."""
    if _scheme(place) not in SCHEMES:
        return False
    _bucket(place)
    return True


def folder_of(place: str, state_dir: Path) -> Path:
    """The folder that it names, where it names nothing else that is taken. Raises BadPlace for a form that nobody knows."""
    if _scheme(place) or (place and not Path(place).is_absolute()):
        raise BadPlace(f"is {redact(place)!r}; {FORMS}")
    return Path(place) if place else state_dir / "assets"


def redact(place: str) -> str:
    """The place fit for a log: a user with a password, and whatever stands behind a ?, is ***."""
    return re.sub(r"\?.*", "?***", re.sub(r"//[^/@]*:.*@", "//***@", place, flags=re.DOTALL), flags=re.DOTALL)


def _scheme(place: str) -> str:
    return match[1].lower() if (match := _SCHEME.match(place)) else ""


def _bucket(url: str) -> ObjectStore:
    if redact(url) != url:
        raise BadPlace(f"is {redact(url)!r}; credentials come from the environment, not from the URL")
    try:
        return from_url(
            url,
            client_options={
                "connect_timeout": timedelta(seconds=5),
                "read_timeout": SILENCE,
                "timeout": LONGEST_REQUEST,
                # The library reads all else from the environment itself; this is hidden from it by options that are given.
                "allow_http": os.environ.get("AWS_ALLOW_HTTP", "").strip().lower() in ("1", "true", "yes", "on"),
            },
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=60)},
        )
    except (BaseError, ValueError) as error:
        why = str(error).partition("\n")[0]
        raise BadPlace(f"is {url!r}, which cannot be used: {why}; {FORMS}") from error


def _folder(path: Path) -> Shelf:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _clear(path)
        return Shelf(LocalStore(path, automatic_cleanup=True), folder=path if takes_locks(path) else None)
    except (BaseError, OSError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error).partition("\n")[0]
        raise BadPlace(f"is {str(path)!r}, which cannot be used: {why}; make it a writable folder") from error


def _clear(folder: Path) -> None:
    """Removes what was left half-written a day ago: nobody goes on with it. Young ones may be another core's, or resumed."""
    for file in folder.glob("*/*"):
        if not _is_half_written(f"{file.parent.name}/{file.name}"):
            continue
        try:
            if file.stat().st_mtime < time.time() - _DAY:
                file.unlink()
                log.info("a half-written file was removed", extra={"file": str(file)})
        except FileNotFoundError:
            continue


def _is_half_written(name: str) -> bool:
    staged = _STAGED.fullmatch(name)
    key = key_of(staged[1] if staged else name)
    return key is not None and (staged is not None or key.suffix in (PART, NOTE))
