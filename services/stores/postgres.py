"""Keeps jobs in PostgreSQL: for several cores that share them.

What a change tells the other cores (NOTIFY) is part of the change's own statement, so it is told exactly when it can be read.
"""

from collections.abc import Callable
from typing import Self

from services.stores import postgres_listener
from services.stores.postgres_database import PostgresDatabase
from services.stores.purpose import JOBS
from services.stores.queries import migrations
from services.stores.sql_jobs import SqlJobs


class PostgresStore(SqlJobs):
    """A JobStore that many cores share. Made by `open`."""

    def __init__(self, database: PostgresDatabase, *, dsn: str) -> None:
        super().__init__(database)
        self._dsn = dsn

    @classmethod
    async def open(cls, dsn: str, *, shown: str, limit: int) -> Self:
        """The store in that database, with at most `limit` connections beside the one that listens.

        The database has to be there; the tables are made, or brought up to date. Raises StoreUnavailable, which names the store
        as `shown` and says what to do.
        """
        database = await PostgresDatabase.open(
            dsn, shown=shown, limit=limit, queries="postgres", steps=migrations("postgres"), purpose=JOBS
        )
        return cls(database, dsn=dsn)

    async def listen(self, heard: Callable[[str, int], None]) -> None:
        """As JobStore promises; goes on until cancelled."""
        await postgres_listener.listen(self._dsn, heard)
