"""Keeps the records of calls in PostgreSQL, beside the jobs or alone: for several cores that answer for each other's calls."""

from typing import Final, Self

from services.domain.usage import Record
from services.stores.postgres_database import PostgresDatabase, held
from services.stores.purpose import USAGE
from services.stores.queries import migrations
from services.stores.rows import Value
from services.stores.sql_usage import SqlUsage

CONNECTIONS: Final = 2
"""One writes batches, another answers questions meanwhile."""


class UsagePostgres(SqlUsage):
    """A UsageStore that many cores share. Made by `open`."""

    @classmethod
    async def open(cls, dsn: str, *, shown: str) -> Self:
        """The store in that database, which has to be there; the table is made, or brought up to date.

        Raises StoreUnavailable, which names the store as `shown` and says what to do.
        """
        database = await PostgresDatabase.open(
            dsn,
            shown=shown,
            limit=CONNECTIONS,
            queries="postgres_usage",
            steps=migrations("postgres_usage"),
            purpose=USAGE,
        )
        return cls(database)

    def _held(self, record: Record) -> dict[str, Value]:
        return {name: held(value) for name, value in super()._held(record).items()}
