"""Keeps the records of calls in an SQLite file of their own, so that sums and retention never wait for jobs, nor jobs for them.

Law: every write is a single statement in autocommit mode, so that a batch of records is there whole or not at all.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Self

import aiosqlite
import msgspec

from services.domain.errors import StoreUnavailable
from services.domain.usage import COUNTS, Record, Sums, UsageQuery
from services.stores.queries import migrations, queries
from services.stores.rows import Value
from services.stores.sqlite_file import USAGE, cause, open_file


class UsageSqlite:
    """A UsageStore in a file. Made by `open`; one connection writes, another reads beside it."""

    def __init__(self, *, writer: aiosqlite.Connection, reader: aiosqlite.Connection, closing: AsyncExitStack) -> None:
        self._writer = writer
        self._reader = reader
        self._closing = closing
        self._queries = queries("usage")

    @classmethod
    async def open(cls, path: Path) -> Self:
        """The store in that file, made where there is none and brought up to date.

        Raises StoreUnavailable, naming the path and what to do, where the file cannot be used or another process uses it.
        """
        async with AsyncExitStack() as closing:
            writer, reader = await open_file(path, closing, migrations("usage"), USAGE)
            return cls(writer=writer, reader=reader, closing=closing.pop_all())

    async def add(self, records: Sequence[Record]) -> None:
        """As UsageStore promises."""
        written = msgspec.json.encode([asdict(record) for record in records]).decode()
        await self._run(self._writer, "add", {"records": written})

    async def sums(self, query: UsageQuery) -> Sequence[Sums]:
        """As UsageStore promises."""
        asked: dict[str, Value] = {
            "group": query.group.value,
            "since": query.since,
            "until": query.until,
            "model": query.model,
            "endpoint": query.endpoint,
            "by_time": int(query.group.is_time),
        }
        rows = await self._run(self._reader, "sums", asked)
        return [Sums(bucket=row["bucket"], **{name: row[name] for name in COUNTS}) for row in rows]

    async def expire(self, *, before: float) -> int:
        """As UsageStore promises."""
        try:
            async with self._writer.execute(self._queries["expire"], {"before": before}) as cursor:
                return cursor.rowcount
        except (sqlite3.Error, ValueError) as error:
            raise _unavailable(error) from error

    async def close(self) -> None:
        """As UsageStore promises; what is being written is finished first."""
        await self._closing.aclose()

    async def _run(self, connection: aiosqlite.Connection, query: str, values: Mapping[str, Value]) -> Sequence[sqlite3.Row]:
        try:
            return list(await connection.execute_fetchall(self._queries[query], values))
        except (sqlite3.Error, ValueError) as error:
            raise _unavailable(error) from error


def _unavailable(error: Exception) -> StoreUnavailable:
    # A closed connection is a ValueError.
    return StoreUnavailable(f"the usage store cannot be used: {cause(error)}")
