"""Keeps jobs in this process: for trying things out and for tests. They are gone when it ends, paid ones too."""

import heapq
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

from services.domain.job import Job, JobQuery, JobState


@dataclass(slots=True)
class _Entry:
    job: Job
    owner: str = ""
    lease_until: float | None = None

    @property
    def due_at(self) -> float | None:
        """When it is due and nobody holds it."""
        return None if self.job.poll_at is None else max(self.job.poll_at, self.lease_until or 0.0)


class MemoryStore:
    """A JobStore without a file. No method awaits anything, so each is one atomic step."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._requests: dict[tuple[str, str], str] = {}

    async def insert(self, job: Job, *, owner: str, lease_until: float) -> Job:
        """As JobStore promises."""
        holder = self._requests.get((job.caller, job.request_id)) if job.request_id else None
        if holder is not None:
            return self._entries[holder].job
        self._put(_Entry(job, owner, lease_until))
        return job

    async def get(self, job_id: str) -> Job | None:
        """As JobStore promises."""
        entry = self._entries.get(job_id)
        return entry.job if entry else None

    async def save(self, job: Job) -> bool:
        """As JobStore promises."""
        entry = self._entries.get(job.id)
        if entry is None or entry.job.revision != job.revision - 1:
            return False
        self._forget(job.id)
        self._put(_Entry(job))
        return True

    async def page(self, query: JobQuery) -> Sequence[Job]:
        """As JobStore promises."""
        found = (entry.job for entry in self._entries.values() if _fits(entry.job, query))
        if query.oldest_first:
            return heapq.nsmallest(query.limit, found, key=_place)
        return heapq.nlargest(query.limit, found, key=_place)

    async def by_task(self, task_id: str) -> Job | None:
        """As JobStore promises."""
        jobs = (entry.job for entry in self._entries.values())
        return next((job for job in jobs if job.task_id == task_id and job.is_in_flight), None)

    async def delete(self, job_id: str) -> Job | None:
        """As JobStore promises."""
        return self._forget(job_id)

    async def claim(self, *, owner: str, now: float, lease_until: float, limit: int) -> Sequence[Job]:
        """As JobStore promises."""
        due = [(due_at, entry.job.id) for due_at, entry in self._due() if due_at <= now]
        claimed = [self._entries[job_id] for _, job_id in heapq.nsmallest(limit, due)]
        for entry in claimed:
            entry.owner, entry.lease_until = owner, lease_until
        return sorted((entry.job for entry in claimed), key=attrgetter("poll_at", "id"))

    async def next_due(self) -> float | None:
        """As JobStore promises."""
        return min((due_at for due_at, _ in self._due()), default=None)

    async def census(self) -> Mapping[JobState, int]:
        """As JobStore promises."""
        return Counter(entry.job.state for entry in self._entries.values() if not entry.job.is_terminal)

    async def renew(self, job_ids: Collection[str], *, owner: str, lease_until: float) -> None:
        """As JobStore promises."""
        for entry in (self._entries[job_id] for job_id in job_ids if job_id in self._entries):
            if entry.job.state is JobState.SUBMITTING and entry.owner == owner:
                entry.lease_until = lease_until

    async def abandoned(self, *, owner: str, now: float) -> Sequence[Job]:
        """As JobStore promises."""
        lost = [
            entry.job
            for entry in self._entries.values()
            if entry.job.state is JobState.SUBMITTING
            and (entry.owner != owner or entry.lease_until is None or entry.lease_until <= now)
        ]
        return sorted(lost, key=_place)

    async def claim_notices(self, *, now: float, until: float, limit: int) -> Sequence[Job]:
        """As JobStore promises."""
        jobs = (entry.job for entry in self._entries.values())
        due = [(job.notify_at, job.id) for job in jobs if job.notify_at is not None and job.notify_at <= now]
        claimed = [self._entries[job_id] for _, job_id in heapq.nsmallest(limit, due)]
        for entry in claimed:
            entry.job = replace(entry.job, notify_at=until, notify_tries=entry.job.notify_tries + 1)
        return [entry.job for entry in claimed]

    async def put_off(self, job_id: str, notify_at: float | None, *, tries: int | None = None) -> None:
        """As JobStore promises."""
        if entry := self._entries.get(job_id):
            entry.job = replace(entry.job, notify_at=notify_at, notify_tries=entry.job.notify_tries if tries is None else tries)

    async def expire(self, *, now: float, in_flight_grace: float) -> int:
        """As JobStore promises."""
        expired = [
            entry.job.id
            for entry in self._entries.values()
            if entry.job.expires_at is not None
            and entry.job.expires_at + (0.0 if entry.job.is_terminal else in_flight_grace) <= now
        ]
        for job_id in expired:
            self._forget(job_id)
        return len(expired)

    async def listen(self, heard: Callable[[str, int], None]) -> None:
        """As JobStore promises: returns at once."""

    async def ping(self) -> None:
        """As JobStore promises."""

    async def close(self) -> None:
        """As JobStore promises."""
        self._entries.clear()
        self._requests.clear()

    def _due(self) -> Iterator[tuple[float, _Entry]]:
        return ((entry.due_at, entry) for entry in self._entries.values() if entry.due_at is not None)

    def _put(self, entry: _Entry) -> None:
        job = entry.job
        self._entries[job.id] = entry
        if job.request_id:
            self._requests[job.caller, job.request_id] = job.id

    def _forget(self, job_id: str) -> Job | None:
        entry = self._entries.pop(job_id, None)
        if entry is None:
            return None
        self._requests.pop((entry.job.caller, entry.job.request_id), None)
        return entry.job


def _place(job: Job) -> tuple[float, str]:
    return job.created_at, job.id


def _fits(job: Job, query: JobQuery) -> bool:
    after = query.after
    return (
        (not query.kinds or job.kind in query.kinds)
        and (not query.states or job.state in query.states)
        and (not query.model or job.model == query.model)
        and (query.caller is None or job.caller == query.caller)
        and (after is None or (_place(job) > after if query.oldest_first else _place(job) < after))
    )
