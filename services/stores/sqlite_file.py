"""The file below an SQLite store: made private, held by one process, opened for one writer and one reader."""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiosqlite
from filelock import FileLock, Timeout

from services.domain.errors import StoreUnavailable
from services.stores.migrate import APPLICATION, NotOurs, examine, migrate
from services.stores.queries import Migration

OLDEST_SQLITE: Final = (3, 37, 0)
"""The first with RETURNING and STRICT tables."""
BUSY_MILLISECONDS: Final = 5000
CAUSES: Final = {
    "SQLITE_FULL": "the disk is full",
    "SQLITE_READONLY": "it is read-only",
    "SQLITE_BUSY": "another process has locked it",
    "SQLITE_CORRUPT": "it is damaged; restore it from a backup or move it away",
    "SQLITE_NOTADB": "it is not an SQLite database; move it away",
    "SQLITE_CANTOPEN": "it cannot be opened",
    "SQLITE_IOERR": "the disk cannot be read or written",
}
"""What SQLite's error names mean for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What a file is for, in the words of messages about it."""

    store: str
    """As in "job store"."""
    setting: str
    """The variable that says where it is."""
    file: str
    """Its usual name."""
    application: int = APPLICATION
    """Marks the file, so that one kind of file is never taken for another."""

    @property
    def advice(self) -> str:
        """What to do about a place that is taken or cannot be used."""
        return f"set {self.setting} or CLI2API_STATE_DIR to another place"


JOBS: Final = Purpose(store="job store", setting="CLI2API_JOBSTORE_DSN", file="jobs.db")
USAGE: Final = Purpose(store="usage store", setting="CLI2API_USAGE_DSN", file="usage.db", application=0x43325553)


def cause(error: Exception) -> str:
    """What went wrong, in our words; never the driver's own text, which may quote what was being written."""
    name = getattr(error, "sqlite_errorname", "")
    # An extended name, such as SQLITE_IOERR_WRITE, begins with the plain one.
    known = next((words for plain, words in CAUSES.items() if name.startswith(plain)), "")
    return known or name or "it is closed"


def prepare(path: Path, purpose: Purpose = JOBS) -> FileLock:
    """Makes the folder (0700) and the file (0600) where they are not there yet, and takes the file for this process.

    Raises StoreUnavailable, naming the path and what to do. The lock ends with the process, however that ends.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE))
        raise StoreUnavailable(f"this Python has SQLite {sqlite3.sqlite_version}, and {oldest} or newer is needed")
    if path.is_dir():
        raise StoreUnavailable(f"the {purpose.store} {path} is a folder; name a file in it, such as {path / purpose.file}")
    lock = FileLock(f"{path}.lock", mode=0o600, thread_local=False)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise StoreUnavailable(
            f"the {purpose.store} {path} is in use by another process, and an SQLite store serves one;"
            f" stop that one, or {purpose.advice}"
        ) from error
    except OSError as error:
        raise _unusable(path, purpose, error) from error
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        lock.release()
        raise _unusable(path, purpose, error) from error
    return lock


async def open_file(
    path: Path, closing: AsyncExitStack, steps: Sequence[Migration], purpose: Purpose = JOBS
) -> tuple[aiosqlite.Connection, aiosqlite.Connection]:
    """A connection that writes and one that reads beside it, on a file that is made or brought up to date; `closing` ends both.

    Raises StoreUnavailable, naming the path and what to do, where the file cannot be used or another process uses it.
    """
    # Not in a thread: a start that is cancelled meanwhile would leave the file taken. It is a few calls, once.
    closing.callback(prepare(path, purpose).release)
    try:
        writer = await connect(path, closing)
        await examine(writer, steps, purpose.application)
        await writer.execute_fetchall("PRAGMA journal_mode = WAL")
        await migrate(writer, steps, purpose.application)
        reader = await connect(path, closing)
        await reader.execute_fetchall("PRAGMA query_only = ON")
    except NotOurs as error:
        raise StoreUnavailable(f"the {purpose.store} {path} cannot be used: {error}; or {purpose.advice}") from error
    except sqlite3.Error as error:
        raise StoreUnavailable(f"the {purpose.store} {path} cannot be used: {cause(error)}; or {purpose.advice}") from error
    return writer, reader


async def connect(path: Path, closing: AsyncExitStack) -> aiosqlite.Connection:
    """A connection in autocommit mode, so that no transaction outlives its statement; `closing` closes it.

    Raises sqlite3.Error.
    """
    connection = await closing.enter_async_context(aiosqlite.connect(path, isolation_level=None))
    connection.row_factory = sqlite3.Row
    for setting in ("synchronous = FULL", f"busy_timeout = {BUSY_MILLISECONDS}"):
        await connection.execute_fetchall(f"PRAGMA {setting}")
    return connection


def _unusable(path: Path, purpose: Purpose, error: OSError) -> StoreUnavailable:
    return StoreUnavailable(
        f"the {purpose.store} {path} cannot be used ({error.strerror}); make it writable, or {purpose.advice}"
    )
