"""What the SQL stores need of a database. Only what stands behind it knows a driver, so each store is written once."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from services.stores.rows import Row, Value


class Database(Protocol):
    """Answers the queries of one file of `sql/`, each a single statement and so one transaction."""

    async def read(self, query: str, values: Mapping[str, Value] = {}) -> Sequence[Row]:
        """The rows of a query that changes nothing. Raises StoreUnavailable; nothing else."""

    async def write(self, query: str, values: Mapping[str, Value] = {}) -> Sequence[Row]:
        """The rows that a change returns; it is durable then. Raises StoreUnavailable, which leaves open whether it was made."""

    async def close(self) -> None:
        """Lets go of everything; what is being written is given a moment to end."""
