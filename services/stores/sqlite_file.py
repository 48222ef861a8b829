"""The file below an SQLite store: made private, and taken by one process, or by each in its turn where several may share it."""

import asyncio
import os
import sqlite3
from contextlib import AsyncExitStack
from pathlib import Path
from time import monotonic
from typing import Final

from filelock import FileLock, Timeout

from services.domain.errors import StoreUnavailable
from services.stores.purpose import Purpose

OLDEST_SQLITE: Final = (3, 37, 0)
"""The first with RETURNING and STRICT tables."""
TURN_SECONDS: Final = 5.0
"""How long a process waits while another makes a file that they will share."""
TURN_STEP_SECONDS: Final = 0.01
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
    if isinstance(error, UnicodeEncodeError | OverflowError):
        return "it cannot hold half a character, nor a number beyond 64 bits"
    name = getattr(error, "sqlite_errorname", "")
    # An extended name, such as SQLITE_IOERR_WRITE, begins with the plain one.
    known = next((words for plain, words in CAUSES.items() if name.startswith(plain)), "")
    return known or name or "it is closed"


async def prepare(path: Path, purpose: Purpose, closing: AsyncExitStack) -> FileLock:
    """Makes the folder (0700) and the file (0600) where they are not there yet, and takes the file for this process.

    Where the purpose is shared, another process that has it for a moment is waited for. Raises StoreUnavailable, naming the path
    and what to do. `closing` gives the lock back, and it ends with the process, however that ends.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE))
        raise StoreUnavailable(f"this Python has SQLite {sqlite3.sqlite_version}, and {oldest} or newer is needed")
    lock = FileLock(f"{path}.lock", mode=0o600, thread_local=False)
    closing.callback(lock.release)
    try:
        _make_folder(path, purpose)
        await _take(lock, TURN_SECONDS if purpose.shared else 0.0)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except Timeout as error:
        raise StoreUnavailable(
            f"the {purpose.store} {path} is in use by another process{'' if purpose.shared else ', and it serves one'};"
            f" stop that one, or {purpose.advice}"
        ) from error
    except OSError as error:
        raise _unusable(path, purpose, error) from error
    return lock


def _make_folder(path: Path, purpose: Purpose) -> None:
    if path.is_dir():
        raise StoreUnavailable(f"the {purpose.store} {path} is a folder; name a file in it, such as {path / purpose.file}")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)


async def _take(lock: FileLock, seconds: float) -> None:
    """Tries without a thread: a start that is cancelled in one would leave the file taken. Raises Timeout or OSError."""
    until = monotonic() + seconds
    while True:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if monotonic() >= until:
                raise
            await asyncio.sleep(TURN_STEP_SECONDS)
        else:
            return


def _unusable(path: Path, purpose: Purpose, error: OSError) -> StoreUnavailable:
    return StoreUnavailable(
        f"the {purpose.store} {path} cannot be used ({error.strerror}); make it writable, or {purpose.advice}"
    )
