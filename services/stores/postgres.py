"""Keeps jobs in PostgreSQL: for several cores that share them.

Law: each method is one statement, and so one transaction. A core that dies leaves nothing half done and no lock behind, and who
claims or saves at the same moment as another is told apart by the database. What a change tells the other cores (NOTIFY) is part
of the same transaction, so it is told exactly when it can be read.
"""

import asyncio
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Self

from services.domain.errors import StoreUnavailable
from services.domain.job import Job, JobQuery
from services.stores import postgres_listener
from services.stores.migrate import NotOurs
from services.stores.postgres_server import (
    BAD_DSN,
    CONNECT_SECONDS,
    DRIVER_ERRORS,
    cause,
    compare_clocks,
    migrate,
    open_pool,
    unavailable,
)
from services.stores.queries import migrations, positional
from services.stores.rows import Value, from_row, names_row, page_row, to_row

if TYPE_CHECKING:
    from asyncpg import Pool, Record

_SPECIAL: Final = re.compile("[\x00\x1a]")
_ESCAPED: Final = re.compile("\x1a([0s])")


class PostgresStore:
    """A JobStore that many cores share. Made by `open`."""

    def __init__(self, *, pool: "Pool", dsn: str) -> None:
        self._pool = pool
        self._dsn = dsn
        self._queries = positional("postgres")

    @classmethod
    async def open(cls, dsn: str, *, shown: str, limit: int) -> Self:
        """The store in that database, with at most `limit` connections beside the one that listens.

        The database has to be there; the tables are made, or brought up to date. Raises StoreUnavailable, which names the store
        as `shown` and says what to do.
        """
        try:
            pool = await open_pool(dsn, limit)
            try:
                async with pool.acquire(timeout=CONNECT_SECONDS) as connection:
                    await migrate(connection, migrations("postgres"))
                    await compare_clocks(connection)
            except BaseException:
                pool.terminate()
                raise
        except NotOurs as error:
            raise StoreUnavailable(f"the job store {shown} cannot be used: {error}") from error
        except (BAD_DSN, *DRIVER_ERRORS) as error:
            raise StoreUnavailable(f"the job store {shown} cannot be used: {cause(error)}") from error
        return cls(pool=pool, dsn=dsn)

    async def insert(self, job: Job, *, owner: str, lease_until: float) -> Job:
        """As JobStore promises."""
        (record,) = await self._run("insert", to_row(job) | {"lease_owner": owner, "lease_until": lease_until})
        return _job(record)

    async def get(self, job_id: str) -> Job | None:
        """As JobStore promises."""
        records = await self._run("get", {"id": job_id})
        return _job(records[0]) if records else None

    async def save(self, job: Job) -> bool:
        """As JobStore promises."""
        return bool(await self._run("save", to_row(job)))

    async def page(self, query: JobQuery) -> Sequence[Job]:
        """As JobStore promises."""
        return [_job(record) for record in await self._run("oldest" if query.oldest_first else "newest", page_row(query))]

    async def by_task(self, task_id: str) -> Job | None:
        """As JobStore promises."""
        records = await self._run("by_task", {"task_id": task_id})
        return _job(records[0]) if records else None

    async def delete(self, job_id: str) -> Job | None:
        """As JobStore promises."""
        records = await self._run("delete", {"id": job_id})
        return _job(records[0]) if records else None

    async def claim(self, *, owner: str, now: float, lease_until: float, limit: int) -> Sequence[Job]:
        """As JobStore promises."""
        records = await self._run("claim", {"owner": owner, "now": now, "lease_until": lease_until, "limit": limit})
        # RETURNING promises no order.
        return sorted((_job(record) for record in records), key=attrgetter("poll_at", "id"))

    async def next_due(self) -> float | None:
        """As JobStore promises."""
        (record,) = await self._run("next_due")
        due_at: float | None = record["due_at"]
        return due_at

    async def renew(self, job_ids: Collection[str], *, owner: str, lease_until: float) -> None:
        """As JobStore promises."""
        await self._run("renew", {"ids": names_row(job_ids), "owner": owner, "lease_until": lease_until})

    async def abandoned(self, *, owner: str, now: float) -> Sequence[Job]:
        """As JobStore promises; any number of cores is admitted, so only the end of a lease counts."""
        return [_job(record) for record in await self._run("abandoned", {"now": now})]

    async def claim_notices(self, *, now: float, until: float, limit: int) -> Sequence[Job]:
        """As JobStore promises."""
        return [_job(record) for record in await self._run("claim_notices", {"now": now, "until": until, "limit": limit})]

    async def put_off(self, job_id: str, notify_at: float | None) -> None:
        """As JobStore promises."""
        await self._run("put_off", {"id": job_id, "notify_at": notify_at})

    async def expire(self, *, now: float, in_flight_grace: float) -> int:
        """As JobStore promises."""
        return len(await self._run("expire", {"now": now, "in_flight_grace": in_flight_grace}))

    async def listen(self, heard: Callable[[str, int], None]) -> None:
        """As JobStore promises; goes on until cancelled."""
        await postgres_listener.listen(self._dsn, heard)

    async def ping(self) -> None:
        """As JobStore promises."""
        await self._run("touch")

    async def close(self) -> None:
        """As JobStore promises; what is being written is given a moment to end."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._pool.close()
        except DRIVER_ERRORS:
            self._pool.terminate()

    async def _run(self, name: str, values: Mapping[str, Value] = {}) -> "Sequence[Record]":
        query = self._queries[name]
        try:
            async with self._pool.acquire(timeout=CONNECT_SECONDS) as connection:
                return await connection.fetch(query.text, *(_bound(values[name]) for name in query.names))
        except DRIVER_ERRORS as error:
            raise unavailable(error) from error


def _bound(value: Value) -> Value:
    """A value as PostgreSQL can hold it: its text has no NUL, so that is escaped, and so is what escapes it."""
    return _SPECIAL.sub(lambda match: "\x1a0" if match[0] == "\x00" else "\x1as", value) if isinstance(value, str) else value


def _read(value: Any) -> Any:
    return _ESCAPED.sub(lambda match: "\x00" if match[1] == "0" else "\x1a", value) if isinstance(value, str) else value


def _job(record: "Record") -> Job:
    return from_row({name: _read(value) for name, value in record.items()})
