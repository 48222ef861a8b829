"""The JobStore over SQL, whichever database answers: what is asked, and how rows become jobs.

Law: each method is one statement, and so one transaction. A core that dies leaves nothing half done and no lock behind, and who
claims or saves at the same moment as another is told apart by the database.
"""

from collections.abc import Collection, Mapping, Sequence
from operator import attrgetter

from services.domain.job import Job, JobQuery, JobState
from services.stores.database import Database
from services.stores.rows import Value, from_row, names_row, page_row, to_row


class SqlJobs:
    """All of a JobStore but `listen`, which is each database's own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, job: Job, *, owner: str, lease_until: float) -> Job:
        """As JobStore promises."""
        (row,) = await self._database.write("insert", to_row(job) | {"lease_owner": owner, "lease_until": lease_until})
        return from_row(row)

    async def get(self, job_id: str) -> Job | None:
        """As JobStore promises."""
        rows = await self._database.read("get", {"id": job_id})
        return from_row(rows[0]) if rows else None

    async def save(self, job: Job) -> bool:
        """As JobStore promises."""
        return bool(await self._database.write("save", to_row(job)))

    async def page(self, query: JobQuery) -> Sequence[Job]:
        """As JobStore promises."""
        rows = await self._database.read("oldest" if query.oldest_first else "newest", page_row(query))
        return [from_row(row) for row in rows]

    async def by_task(self, task_id: str) -> Job | None:
        """As JobStore promises."""
        rows = await self._database.read("by_task", {"task_id": task_id})
        return from_row(rows[0]) if rows else None

    async def delete(self, job_id: str) -> Job | None:
        """As JobStore promises."""
        rows = await self._database.write("delete", {"id": job_id})
        return from_row(rows[0]) if rows else None

    async def claim(self, *, owner: str, now: float, lease_until: float, limit: int) -> Sequence[Job]:
        """As JobStore promises."""
        values: dict[str, Value] = {"owner": owner, "now": now, "lease_until": lease_until, "limit": limit}
        rows = await self._database.write("claim", values)
        # RETURNING promises no order.
        return sorted((from_row(row) for row in rows), key=attrgetter("poll_at", "id"))

    async def next_due(self) -> float | None:
        """As JobStore promises."""
        (row,) = await self._database.read("next_due")
        due_at: float | None = row["due_at"]
        return due_at

    async def census(self) -> Mapping[JobState, int]:
        """As JobStore promises."""
        return {JobState(row["state"]): row["jobs"] for row in await self._database.read("census")}

    async def renew(self, job_ids: Collection[str], *, owner: str, lease_until: float) -> None:
        """As JobStore promises."""
        await self._database.write("renew", {"ids": names_row(job_ids), "owner": owner, "lease_until": lease_until})

    async def abandoned(self, *, owner: str, now: float) -> Sequence[Job]:
        """As JobStore promises; where many cores are admitted, the query passes the owner over."""
        return [from_row(row) for row in await self._database.read("abandoned", {"owner": owner, "now": now})]

    async def claim_notices(self, *, now: float, until: float, limit: int) -> Sequence[Job]:
        """As JobStore promises."""
        rows = await self._database.write("claim_notices", {"now": now, "until": until, "limit": limit})
        return [from_row(row) for row in rows]

    async def put_off(self, job_id: str, notify_at: float | None, *, tries: int | None = None) -> None:
        """As JobStore promises."""
        await self._database.write("put_off", {"id": job_id, "notify_at": notify_at, "tries": tries})

    async def expire(self, *, now: float, in_flight_grace: float) -> int:
        """As JobStore promises."""
        return len(await self._database.write("expire", {"now": now, "in_flight_grace": in_flight_grace}))

    async def ping(self) -> None:
        """As JobStore promises."""
        await self._database.write("touch")

    async def close(self) -> None:
        """As JobStore promises; what is being written is given a moment to end."""
        await self._database.close()
