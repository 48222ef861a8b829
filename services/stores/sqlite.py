"""Keeps jobs in an SQLite file: the embedded default, for one process.

Law: when a write returns, it is on the disk. The log is written ahead (WAL) with `synchronous = FULL`, so each commit waits for
the disk. The quicker NORMAL may lose the last commits to a power cut, and a lost task id is work that was paid for and cannot be
fetched.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Self

from services.stores.purpose import JOBS
from services.stores.queries import migrations
from services.stores.sql_jobs import SqlJobs
from services.stores.sqlite_database import SqliteDatabase


class SqliteStore(SqlJobs):
    """A JobStore in a file. Made by `open`."""

    @classmethod
    async def open(cls, path: Path) -> Self:
        """The store in that file, made where there is none and brought up to date.

        Raises StoreUnavailable, naming the path and what to do, where the file cannot be used or another process uses it.
        """
        database = await SqliteDatabase.open(path, queries="jobs", steps=migrations(), purpose=JOBS)
        try:
            await database.write("release")
        except BaseException:
            await database.close()
            raise
        return cls(database)

    async def listen(self, heard: Callable[[str, int], None]) -> None:
        """As JobStore promises: returns at once, since no other process may open the file."""
