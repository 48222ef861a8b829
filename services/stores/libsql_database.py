"""One libSQL database as the SQL stores ask it."""

import time
from collections.abc import Mapping, Sequence
from typing import Final, Self

from services.domain.errors import StoreUnavailable
from services.stores.clocks import compare
from services.stores.libsql_schema import migrate
from services.stores.libsql_server import LibsqlServer, Place, Refusal, Statement, bound
from services.stores.migrate import NotOurs
from services.stores.purpose import JOBS, Purpose
from services.stores.queries import Migration, Named, named
from services.stores.rows import Row, Value

_CLOCK: Final = Statement(sql="SELECT (julianday('now') - 2440587.5) * 86400.0 AS now")


class LibsqlDatabase:
    """A Database. Made by `open`."""

    def __init__(self, server: LibsqlServer, *, queries: Mapping[str, Named], purpose: Purpose) -> None:
        self._server = server
        self._queries = queries
        self._purpose = purpose

    @classmethod
    async def open(
        cls,
        place: Place,
        *,
        shown: str,
        limit: int,
        queries: Sequence[str],
        lines: Mapping[str, Sequence[Migration]],
        purpose: Purpose,
    ) -> Self:
        """At most `limit` connections to a database that is there and whose schema is brought up to date.

        Of queries of one name those of a later file count. Raises StoreUnavailable, which names the store as `shown` and says
        what to do.
        """
        server = LibsqlServer(place, limit=limit)
        try:
            await migrate(server, lines)
            if purpose is JOBS:
                began = time.time()
                (row,) = await server.execute(_CLOCK)
                compare(row["now"], began)
        except BaseException as error:
            await server.close()
            if isinstance(error, NotOurs | Refusal):
                why = error.cause if isinstance(error, Refusal) else str(error)
                raise StoreUnavailable(f"the {purpose.store} {shown} cannot be used: {why}") from error
            raise
        found = {name: query for file in queries for name, query in named(file).items()}
        return cls(server, queries=found, purpose=purpose)

    async def read(self, query: str, values: Mapping[str, Value] = {}) -> Sequence[Row]:
        """As Database promises. A connection that the server has closed while it was idle is no reason to fail."""
        try:
            return await self._server.execute(self._bound(query, values))
        except Refusal as refusal:
            if refusal.code != "BROKEN":
                raise self._unavailable(refusal) from refusal
        return await self.write(query, values)

    async def write(self, query: str, values: Mapping[str, Value] = {}) -> Sequence[Row]:
        """As Database promises. Sent once: nobody knows whether a change that was not answered was made."""
        try:
            return await self._server.execute(self._bound(query, values))
        except Refusal as refusal:
            raise self._unavailable(refusal) from refusal

    async def close(self) -> None:
        """As Database promises."""
        await self._server.close()

    def _bound(self, query: str, values: Mapping[str, Value]) -> Statement:
        asked = self._queries[query]
        return bound(asked.text, asked.names, values)

    def _unavailable(self, refusal: Refusal) -> StoreUnavailable:
        return StoreUnavailable(f"the {self._purpose.store} cannot be used: {refusal.cause}")
