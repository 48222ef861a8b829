"""Keeps jobs in a remote libSQL database (Turso, sqld): SQLite's language and schema, for several cores that share them.

What a change tells the other cores is written by triggers, as part of the change's own transaction, and each core reads it there.
"""

from collections.abc import Callable
from typing import Self

from services.stores import libsql_listener
from services.stores.libsql_database import LibsqlDatabase
from services.stores.libsql_server import Place
from services.stores.purpose import JOBS
from services.stores.queries import migrations
from services.stores.sql_jobs import SqlJobs


class LibsqlStore(SqlJobs):
    """A JobStore that many cores share. Made by `open`."""

    def __init__(self, database: LibsqlDatabase) -> None:
        super().__init__(database)
        self._changes = database

    @classmethod
    async def open(cls, place: Place, *, shown: str, limit: int) -> Self:
        """The store in that database, with at most `limit` connections.

        The database has to be there; the tables are made, or brought up to date. Raises StoreUnavailable, which names the store
        as `shown` and says what to do.
        """
        lines = {"jobs": migrations(), "changes": migrations("libsql")}
        database = await LibsqlDatabase.open(
            place, shown=shown, limit=limit, queries=("jobs", "libsql"), lines=lines, purpose=JOBS
        )
        return cls(database)

    async def listen(self, heard: Callable[[str, int], None]) -> None:
        """As JobStore promises; goes on until cancelled."""
        await libsql_listener.listen(self._changes, heard)
