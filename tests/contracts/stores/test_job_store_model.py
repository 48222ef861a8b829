"""Any story of calls gives the same answers from every store as from a list of jobs that is looked through by hand."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.domain.errors import OutOfCredits
from services.domain.job import Job, JobQuery, JobState
from services.domain.ports import JobStore
from services.stores.dsn import open_store
from services.stores.memory import MemoryStore
from services.stores.sqlite import SqliteStore
from tests.hrana import Hrana
from tests.postgres import Server
from tests.worlds import NOON, a_job

IDS = st.sampled_from([f"image_{number}" for number in range(5)])
TIMES = st.integers(min_value=0, max_value=20).map(lambda second: NOON + second)
OWNERS = st.sampled_from(["core", "other"])


@dataclass
class Kept:
    job: Job
    lease_until: float | None = None
    owner: str = ""


class JobStoreMachine(RuleBasedStateMachine):
    """The rules; a machine for each store says how it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.kept: dict[str, Kept] = {}
        self.store: JobStore = self.runner.run(self.open())

    async def open(self) -> JobStore:
        return MemoryStore()

    def teardown(self) -> None:
        self.runner.run(self.store.close())
        self.runner.close()

    def ask(self, work: Any) -> Any:
        return self.runner.run(work)

    @initialize()
    def it_is_empty(self) -> None:
        assert self.ask(self.store.page(JobQuery())) == []

    @rule(job_id=IDS, request_id=st.sampled_from(["", "", "r1", "r2"]), owner=OWNERS, now=TIMES, keep=st.booleans())
    def insert(self, job_id: str, request_id: str, owner: str, now: float, keep: bool) -> None:
        if job_id in self.kept:
            return
        expires_at = None if keep else now + 5
        job = a_job(id=job_id, request_id=request_id, created_at=now, updated_at=now, expires_at=expires_at)
        holder = next((kept.job for kept in self.kept.values() if request_id and kept.job.request_id == request_id), None)
        assert self.ask(self.store.insert(job, owner=owner, lease_until=now + 3)) == (holder or job)
        if holder is None:
            self.kept[job_id] = Kept(job, now + 3, owner)

    @rule(job_id=IDS, now=TIMES, wait=st.integers(min_value=0, max_value=9), end=st.booleans(), skip=st.integers(0, 1))
    def save(self, job_id: str, now: float, wait: int, end: bool, skip: int) -> None:
        kept = self.kept.get(job_id)
        job = kept.job if kept else a_job(id=job_id)
        if job.is_terminal:
            return
        if end:
            following = job.failed(OutOfCredits("no"), now=now)
        else:
            following = job.submitted(task_id="task-1", state=JobState.QUEUED, now=now, poll_at=now + wait)
        following = following.evolve(now) if skip else following
        saved = kept is not None and not skip
        assert self.ask(self.store.save(following)) is saved
        if saved:
            self.kept[job_id] = Kept(following)

    @rule(job_id=IDS)
    def delete(self, job_id: str) -> None:
        gone = self.kept.pop(job_id, None)
        assert self.ask(self.store.delete(job_id)) == (gone.job if gone else None)

    @rule(owner=OWNERS, now=TIMES, limit=st.integers(min_value=1, max_value=3))
    def claim(self, owner: str, now: float, limit: int) -> None:
        due = sorted((at, kept.job.id) for kept in self.kept.values() if (at := due_at(kept)) is not None and at <= now)
        expected = sorted((self.kept[job_id].job for _, job_id in due[:limit]), key=lambda job: (job.poll_at or 0, job.id))
        assert self.ask(self.store.claim(owner=owner, now=now, lease_until=now + 4, limit=limit)) == expected
        for job in expected:
            self.kept[job.id].lease_until = now + 4
            self.kept[job.id].owner = owner

    @rule(owner=OWNERS, job_ids=st.lists(IDS, max_size=3), now=TIMES)
    def renew(self, owner: str, job_ids: list[str], now: float) -> None:
        self.ask(self.store.renew(job_ids, owner=owner, lease_until=now + 6))
        for kept in (self.kept[job_id] for job_id in job_ids if job_id in self.kept):
            if kept.job.state is JobState.SUBMITTING and kept.owner == owner:
                kept.lease_until = now + 6

    @rule(now=TIMES)
    def look_for_what_is_abandoned(self, now: float) -> None:
        lost = [
            kept.job for kept in self.kept.values() if kept.job.state is JobState.SUBMITTING and (kept.lease_until or 0) <= now
        ]
        found = self.ask(self.store.abandoned(owner="core", now=now))
        assert [job for job in found if self.kept[job.id].owner == "core"] == sorted(
            (job for job in lost if self.kept[job.id].owner == "core"), key=lambda job: (job.created_at, job.id)
        )

    @rule(now=TIMES, grace=st.integers(min_value=0, max_value=9))
    def expire(self, now: float, grace: int) -> None:
        gone = [
            kept.job.id
            for kept in self.kept.values()
            if kept.job.expires_at is not None and kept.job.expires_at + (0 if kept.job.is_terminal else grace) <= now
        ]
        assert self.ask(self.store.expire(now=now, in_flight_grace=float(grace))) == len(gone)
        for job_id in gone:
            del self.kept[job_id]

    @rule(oldest_first=st.booleans(), limit=st.integers(min_value=1, max_value=6))
    def page(self, oldest_first: bool, limit: int) -> None:
        in_order = sorted(
            (kept.job for kept in self.kept.values()), key=lambda job: (job.created_at, job.id), reverse=not oldest_first
        )
        assert self.ask(self.store.page(JobQuery(limit=limit, oldest_first=oldest_first))) == in_order[:limit]

    @invariant()
    def every_job_is_there(self) -> None:
        for kept in self.kept.values():
            assert self.ask(self.store.get(kept.job.id)) == kept.job

    @invariant()
    def the_next_due_time_is_known(self) -> None:
        times = [at for kept in self.kept.values() if (at := due_at(kept)) is not None]
        assert self.ask(self.store.next_due()) == min(times, default=None)


def due_at(kept: Kept) -> float | None:
    return None if kept.job.poll_at is None else max(kept.job.poll_at, kept.lease_until or 0.0)


class MemoryMachine(JobStoreMachine):
    """In memory."""


class SqliteMachine(JobStoreMachine):
    """In a file."""

    async def open(self) -> JobStore:
        self.folder = TemporaryDirectory()
        return await SqliteStore.open(Path(self.folder.name) / "jobs.db")

    def teardown(self) -> None:
        super().teardown()
        self.folder.cleanup()


class PostgresMachine(JobStoreMachine):
    """In a database that others use beside it."""

    server: ClassVar[Server]

    async def open(self) -> JobStore:
        return await open_store(await self.server.fresh(), Path())


class LibsqlMachine(JobStoreMachine):
    """In a database that is reached over HTTP."""

    remote: ClassVar[Hrana]

    async def open(self) -> JobStore:
        return await open_store(self.remote.fresh(), Path())


@pytest.fixture(scope="module", autouse=True)
def where_servers_are(postgres: Server, libsql: Hrana) -> None:
    PostgresMachine.server = postgres
    LibsqlMachine.remote = libsql


MemoryMachine.TestCase.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
SqliteMachine.TestCase.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
PostgresMachine.TestCase.settings = settings(max_examples=10, stateful_step_count=25, deadline=None)
LibsqlMachine.TestCase.settings = settings(max_examples=10, stateful_step_count=25, deadline=None)
TestMemoryStore = MemoryMachine.TestCase
TestSqliteStore = SqliteMachine.TestCase
TestPostgresStore = PostgresMachine.TestCase
TestLibsqlStore = LibsqlMachine.TestCase
