"""Keeps jobs in an SQLite file: the embedded default, for one process.

Law: when a write returns, it is on the disk. The log is written ahead (WAL) with `synchronous = FULL`, so each commit waits for
the disk. The quicker NORMAL may lose the last commits to a power cut, and a lost task id is work that was paid for and cannot be
fetched. Every write is a single statement in autocommit mode and runs to its end in the connection's own thread: a caller that
is cancelled meanwhile leaves no transaction open and no connection in doubt.
"""

import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from operator import attrgetter
from pathlib import Path
from typing import Self

import aiosqlite

from services.domain.errors import StoreUnavailable
from services.domain.job import Job, JobQuery
from services.stores.queries import migrations, queries
from services.stores.rows import Value, from_row, names_row, page_row, to_row
from services.stores.sqlite_file import cause, open_file


class SqliteStore:
    """A JobStore in a file. Made by `open`; one connection writes, another reads beside it."""

    def __init__(self, *, writer: aiosqlite.Connection, reader: aiosqlite.Connection, closing: AsyncExitStack) -> None:
        self._writer = writer
        self._reader = reader
        self._closing = closing
        self._queries = queries("jobs")

    @classmethod
    async def open(cls, path: Path) -> Self:
        """The store in that file, made where there is none and brought up to date.

        Raises StoreUnavailable, naming the path and what to do, where the file cannot be used or another process uses it.
        """
        async with AsyncExitStack() as closing:
            writer, reader = await open_file(path, closing, migrations())
            store = cls(writer=writer, reader=reader, closing=closing)
            await store._write("release")
            store._closing = closing.pop_all()
            return store

    async def insert(self, job: Job, *, owner: str, lease_until: float) -> Job:
        """As JobStore promises."""
        (row,) = await self._write("insert", to_row(job) | {"lease_owner": owner, "lease_until": lease_until})
        return from_row(row)

    async def get(self, job_id: str) -> Job | None:
        """As JobStore promises."""
        rows = await self._read("get", {"id": job_id})
        return from_row(rows[0]) if rows else None

    async def save(self, job: Job) -> bool:
        """As JobStore promises."""
        return bool(await self._write("save", to_row(job)))

    async def page(self, query: JobQuery) -> Sequence[Job]:
        """As JobStore promises."""
        rows = await self._read("oldest" if query.oldest_first else "newest", page_row(query))
        return [from_row(row) for row in rows]

    async def by_task(self, task_id: str) -> Job | None:
        """As JobStore promises."""
        rows = await self._read("by_task", {"task_id": task_id})
        return from_row(rows[0]) if rows else None

    async def delete(self, job_id: str) -> Job | None:
        """As JobStore promises."""
        rows = await self._write("delete", {"id": job_id})
        return from_row(rows[0]) if rows else None

    async def claim(self, *, owner: str, now: float, lease_until: float, limit: int) -> Sequence[Job]:
        """As JobStore promises."""
        rows = await self._write("claim", {"owner": owner, "now": now, "lease_until": lease_until, "limit": limit})
        # RETURNING promises no order.
        return sorted((from_row(row) for row in rows), key=attrgetter("poll_at", "id"))

    async def next_due(self) -> float | None:
        """As JobStore promises."""
        (row,) = await self._read("next_due")
        due_at: float | None = row["due_at"]
        return due_at

    async def renew(self, job_ids: Collection[str], *, owner: str, lease_until: float) -> None:
        """As JobStore promises."""
        await self._write("renew", {"ids": names_row(job_ids), "owner": owner, "lease_until": lease_until})

    async def abandoned(self, *, owner: str, now: float) -> Sequence[Job]:
        """As JobStore promises."""
        return [from_row(row) for row in await self._read("abandoned", {"owner": owner, "now": now})]

    async def claim_notices(self, *, now: float, until: float, limit: int) -> Sequence[Job]:
        """As JobStore promises."""
        rows = await self._write("claim_notices", {"now": now, "until": until, "limit": limit})
        return [from_row(row) for row in rows]

    async def put_off(self, job_id: str, notify_at: float | None) -> None:
        """As JobStore promises."""
        await self._write("put_off", {"id": job_id, "notify_at": notify_at})

    async def expire(self, *, now: float, in_flight_grace: float) -> int:
        """As JobStore promises."""
        return len(await self._write("expire", {"now": now, "in_flight_grace": in_flight_grace}))

    async def listen(self, heard: Callable[[str, int], None]) -> None:
        """As JobStore promises: returns at once, since no other process may open the file."""

    async def ping(self) -> None:
        """As JobStore promises."""
        await self._write("touch")

    async def close(self) -> None:
        """As JobStore promises; what is being written is finished first."""
        await self._closing.aclose()

    async def _write(self, query: str, values: Mapping[str, Value] = {}) -> Sequence[sqlite3.Row]:
        return await self._run(self._writer, query, values)

    async def _read(self, query: str, values: Mapping[str, Value] = {}) -> Sequence[sqlite3.Row]:
        return await self._run(self._reader, query, values)

    async def _run(self, connection: aiosqlite.Connection, query: str, values: Mapping[str, Value]) -> Sequence[sqlite3.Row]:
        try:
            return list(await connection.execute_fetchall(self._queries[query], values))
        # A closed connection is a ValueError.
        except (sqlite3.Error, ValueError) as error:
            raise StoreUnavailable(f"the job store cannot be used: {cause(error)}") from error
