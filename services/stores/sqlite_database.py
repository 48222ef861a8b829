"""One SQLite file as the SQL stores ask it: one connection writes, another reads beside it.

Law: every write is a single statement, or a few that insert one batch, gathered with others into one transaction by `Writes`. It
runs to its end in the connection's own thread: a caller that is cancelled meanwhile leaves no transaction open and no connection
in doubt.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, Self

from services.domain.errors import StoreUnavailable
from services.stores.migrate import NotOurs, examine, migrate
from services.stores.purpose import Purpose
from services.stores.queries import Migration
from services.stores.queries import queries as queries_of
from services.stores.rows import Row, Value
from services.stores.sqlite_file import cause, prepare
from services.stores.sqlite_inserts import parts
from services.stores.sqlite_writes import FAULTS, Connection, Writes

BUSY_MILLISECONDS: Final = 5000
"""How long a statement waits for another process that writes."""


class SqliteDatabase:
    """A Database. Made by `open`."""

    def __init__(
        self,
        *,
        writer: Connection,
        reader: Connection,
        closing: AsyncExitStack,
        queries: Mapping[str, str],
        purpose: Purpose,
    ) -> None:
        self.writer = writer
        self.reader = reader
        self._writes = Writes(writer)
        self._closing = closing
        self._queries = queries
        self._purpose = purpose

    @classmethod
    async def open(cls, path: Path, *, queries: str, steps: Sequence[Migration], purpose: Purpose) -> Self:
        """That file, made where there is none and brought up to date.

        Raises StoreUnavailable, naming the path and what to do, where the file cannot be used or another process uses it.
        """
        async with AsyncExitStack() as closing:
            lock = await prepare(path, purpose, closing)
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
                raise StoreUnavailable(
                    f"the {purpose.store} {path} cannot be used: {cause(error)}; or {purpose.advice}"
                ) from error
            if purpose.shared:
                # Two that begin at once make the file one after the other; from here on SQLite's own locks are enough.
                lock.release()
            return cls(writer=writer, reader=reader, closing=closing.pop_all(), queries=queries_of(queries), purpose=purpose)

    async def read(self, query: str, values: Mapping[str, Value] = {}) -> Sequence[Row]:
        """As Database promises."""
        try:
            return list(await self.reader.execute_fetchall(self._queries[query], values))
        except FAULTS as error:
            raise self._unavailable(error) from error

    async def write(self, query: str, values: Mapping[str, Value] = {}) -> Sequence[Row]:
        """As Database promises."""
        try:
            return await self._writes.run(self._queries[query], values)
        except FAULTS as error:
            raise self._unavailable(error) from error

    async def insert(self, query: str, rows: Sequence[Sequence[Value]]) -> None:
        """Writes at least one row by an INSERT of one; all of them, or none where it raises StoreUnavailable."""
        try:
            await self._writes.run_all(list(parts(self._queries[query], rows)))
        except FAULTS as error:
            raise self._unavailable(error) from error

    async def close(self) -> None:
        """As Database promises; what is being written is finished first."""
        await self._writes.finish()
        await self._closing.aclose()

    def _unavailable(self, error: Exception) -> StoreUnavailable:
        return StoreUnavailable(f"the {self._purpose.store} cannot be used: {cause(error)}")


async def connect(path: Path, closing: AsyncExitStack) -> Connection:
    """A connection in autocommit mode, so that no transaction outlives its statement; `closing` closes it.

    Raises sqlite3.Error.
    """
    connection = Connection(path)
    await closing.enter_async_context(connection)
    connection.row_factory = sqlite3.Row
    for setting in ("synchronous = FULL", f"busy_timeout = {BUSY_MILLISECONDS}"):
        await connection.execute_fetchall(f"PRAGMA {setting}")
    return connection
