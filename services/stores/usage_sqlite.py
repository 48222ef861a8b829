"""Keeps the records of calls in an SQLite file of their own, so that sums and retention never wait for jobs, nor jobs for them.

Several processes may have it open: each write is one statement, and SQLite lets one after the other do it.
"""

from pathlib import Path
from typing import Self

from services.stores.purpose import USAGE
from services.stores.queries import migrations
from services.stores.sql_usage import SqlUsage
from services.stores.sqlite_database import SqliteDatabase


class UsageSqlite(SqlUsage):
    """A UsageStore in a file. Made by `open`."""

    @classmethod
    async def open(cls, path: Path) -> Self:
        """The store in that file, made where there is none and brought up to date.

        Raises StoreUnavailable, naming the path and what to do, where the file cannot be used.
        """
        return cls(await SqliteDatabase.open(path, queries="usage", steps=migrations("usage"), purpose=USAGE))
