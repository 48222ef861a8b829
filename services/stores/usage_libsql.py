"""Keeps the records of calls in a remote libSQL database, beside the jobs or alone: for several cores that share them."""

from typing import Final, Self

from services.stores.libsql_database import LibsqlDatabase
from services.stores.libsql_server import Place
from services.stores.purpose import USAGE
from services.stores.queries import migrations
from services.stores.sql_usage import SqlUsage

CONNECTIONS: Final = 2
"""One writes batches, another answers questions meanwhile."""


class UsageLibsql(SqlUsage):
    """A UsageStore that many cores share. Made by `open`."""

    @classmethod
    async def open(cls, place: Place, *, shown: str) -> Self:
        """The store in that database, which has to be there; the table is made, or brought up to date.

        Raises StoreUnavailable, which names the store as `shown` and says what to do.
        """
        lines = {"usage": migrations("usage")}
        return cls(
            await LibsqlDatabase.open(place, shown=shown, limit=CONNECTIONS, queries=("usage",), lines=lines, purpose=USAGE)
        )
