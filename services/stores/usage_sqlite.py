"""Keeps the records of calls in an SQLite file of their own, so that sums and retention never wait for jobs, nor jobs for them.

Several processes may have it open: each write is one transaction, and SQLite lets one after the other do it.
"""

from collections.abc import Sequence
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import Final, Self

from services.domain.usage import Record
from services.stores.purpose import USAGE
from services.stores.queries import migrations
from services.stores.sql_usage import SqlUsage
from services.stores.sqlite_database import SqliteDatabase

_COLUMNS: Final = attrgetter(*(field.name for field in fields(Record)))


class UsageSqlite(SqlUsage):
    """A UsageStore in a file. Made by `open`."""

    def __init__(self, database: SqliteDatabase) -> None:
        super().__init__(database)
        self._file = database

    @classmethod
    async def open(cls, path: Path) -> Self:
        """The store in that file, made where there is none and brought up to date.

        Raises StoreUnavailable, naming the path and what to do, where the file cannot be used.
        """
        return cls(await SqliteDatabase.open(path, queries="usage", steps=migrations("usage"), purpose=USAGE))

    async def add(self, records: Sequence[Record]) -> None:
        """As UsageStore promises. Values that are bound to a statement cost SQLite a third of what it takes to read JSON."""
        # Only a model's name is somebody else's word and may have a NUL, beyond which SQL reads no text.
        rows = [_COLUMNS(each) if "\x00" not in each.model else tuple(self._held(each).values()) for each in records]
        if rows:
            await self._file.insert("insert", rows)
