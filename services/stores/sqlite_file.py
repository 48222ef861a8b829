"""The file below an SQLite store: made private, held by one process, opened for one writer and one reader."""

import os
import sqlite3
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import aiosqlite
from filelock import FileLock, Timeout

from services.domain.errors import StoreUnavailable

OLDEST_SQLITE: Final = (3, 37, 0)
"""The first with RETURNING and STRICT tables."""
BUSY_MILLISECONDS: Final = 5000
ADVICE: Final = "set CLI2API_JOBSTORE_DSN or CLI2API_STATE_DIR to another place"
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


def cause(error: Exception) -> str:
    """What went wrong, in our words; never the driver's own text, which may quote what was being written."""
    name = getattr(error, "sqlite_errorname", "")
    # An extended name, such as SQLITE_IOERR_WRITE, begins with the plain one.
    known = next((words for plain, words in CAUSES.items() if name.startswith(plain)), "")
    return known or name or "it is closed"


def prepare(path: Path) -> FileLock:
    """Makes the folder (0700) and the file (0600) where they are not there yet, and takes the file for this process.

    Raises StoreUnavailable, naming the path and what to do. The lock ends with the process, however that ends.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE))
        raise StoreUnavailable(f"this Python has SQLite {sqlite3.sqlite_version}, and {oldest} or newer is needed")
    if path.is_dir():
        raise StoreUnavailable(f"the job store {path} is a folder; name a file in it, such as {path / 'jobs.db'}")
    lock = FileLock(f"{path}.lock", mode=0o600, thread_local=False)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise StoreUnavailable(
            f"the job store {path} is in use by another process, and an SQLite store serves one; stop that one, or {ADVICE}"
        ) from error
    except OSError as error:
        raise _unusable(path, error) from error
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        lock.release()
        raise _unusable(path, error) from error
    return lock


async def connect(path: Path, closing: AsyncExitStack) -> aiosqlite.Connection:
    """A connection in autocommit mode, so that no transaction outlives its statement; `closing` closes it.

    Raises sqlite3.Error.
    """
    connection = await closing.enter_async_context(aiosqlite.connect(path, isolation_level=None))
    connection.row_factory = sqlite3.Row
    for setting in ("synchronous = FULL", f"busy_timeout = {BUSY_MILLISECONDS}"):
        await connection.execute_fetchall(f"PRAGMA {setting}")
    return connection


def _unusable(path: Path, error: OSError) -> StoreUnavailable:
    return StoreUnavailable(f"the job store {path} cannot be used ({error.strerror}); make it writable, or {ADVICE}")
