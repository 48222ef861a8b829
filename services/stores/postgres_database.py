"""One PostgreSQL database as the SQL stores ask it: a pool, and text that it can hold."""

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Self

from services.domain.errors import StoreUnavailable
from services.stores.clocks import compare
from services.stores.migrate import NotOurs
from services.stores.postgres_server import (
    BAD_DSN,
    CONNECT_SECONDS,
    DRIVER_ERRORS,
    cause,
    migrate,
    now,
    open_pool,
)
from services.stores.purpose import JOBS, Purpose
from services.stores.queries import Migration, positional
from services.stores.rows import Row, Value

if TYPE_CHECKING:
    from asyncpg import Pool, Record

VERSIONS: Final = {"job store": "cli2api_schema", "usage store": "cli2api_usage_schema"}
"""The table that says how far the schema of each kind of store is."""

_SPECIAL: Final = re.compile("[\x00\x1a]")
_ESCAPED: Final = re.compile("\x1a([0s])")


class PostgresDatabase:
    """A Database. Made by `open`."""

    def __init__(self, pool: "Pool", *, queries: str, purpose: Purpose) -> None:
        self._pool = pool
        self._queries = positional(queries)
        self._purpose = purpose

    @classmethod
    async def open(cls, dsn: str, *, shown: str, limit: int, queries: str, steps: Sequence[Migration], purpose: Purpose) -> Self:
        """A pool of at most `limit` connections to a database that is there and whose schema is brought up to date.

        Raises StoreUnavailable, which names the store as `shown` and says what to do.
        """
        try:
            pool = await open_pool(dsn, limit)
            try:
                async with pool.acquire(timeout=CONNECT_SECONDS) as connection:
                    await migrate(connection, steps, VERSIONS[purpose.store])
                    if purpose is JOBS:
                        began = time.time()
                        compare(await now(connection), began)
            except BaseException:
                pool.terminate()
                raise
        except NotOurs as error:
            raise StoreUnavailable(f"the {purpose.store} {shown} cannot be used: {error}") from error
        except (BAD_DSN, *DRIVER_ERRORS) as error:
            raise StoreUnavailable(f"the {purpose.store} {shown} cannot be used: {cause(error)}") from error
        return cls(pool, queries=queries, purpose=purpose)

    async def read(self, query: str, values: Mapping[str, Value] = {}) -> Sequence[Row]:
        """As Database promises."""
        return await self._ask(query, values)

    async def write(self, query: str, values: Mapping[str, Value] = {}) -> Sequence[Row]:
        """As Database promises."""
        return await self._ask(query, values)

    async def close(self) -> None:
        """As Database promises."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._pool.close()
        except DRIVER_ERRORS:
            self._pool.terminate()

    async def _ask(self, query: str, values: Mapping[str, Value]) -> Sequence[Row]:
        asked = self._queries[query]
        try:
            async with self._pool.acquire(timeout=CONNECT_SECONDS) as connection:
                records = await connection.fetch(asked.text, *(held(values[name]) for name in asked.names))
        except DRIVER_ERRORS as error:
            raise StoreUnavailable(f"the {self._purpose.store} cannot be used: {cause(error)}") from error
        return [_row(record) for record in records]


def held(value: Value) -> Value:
    """A value as PostgreSQL can hold it: its text has no NUL, so that is escaped, and so is what escapes it."""
    return _SPECIAL.sub(lambda match: "\x1a0" if match[0] == "\x00" else "\x1as", value) if isinstance(value, str) else value


def _row(record: "Record") -> Row:
    return {name: _read(value) for name, value in record.items()}


def _read(value: Any) -> Any:
    return _ESCAPED.sub(lambda match: "\x00" if match[1] == "0" else "\x1a", value) if isinstance(value, str) else value
