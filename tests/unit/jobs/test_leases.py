"""Whose a submission is: its core renews the lease, and another core fails it only when that has ended for good."""

import asyncio

import pytest

from services.domain.errors import StoreUnavailable
from services.domain.job import Job, JobQuery, JobState
from services.jobs.hub import Hub
from services.jobs.submitter import LEASE, RENEWAL
from services.stores.memory import MemoryStore
from tests.worlds import World, a_job, a_queued_job, an_order, quiet


class SharedStore(MemoryStore):
    """A store that admits many cores, and is away when told."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.renewals: list[float] = []

    async def renew(self, job_ids: object, *, owner: str, lease_until: float) -> None:
        if self.away:
            raise StoreUnavailable("away")
        self.renewals.append(lease_until)
        await super().renew(job_ids, owner=owner, lease_until=lease_until)  # type: ignore[arg-type]

    async def abandoned(self, *, owner: str, now: float) -> list[Job]:
        if self.away:
            raise StoreUnavailable("away")
        jobs = await self.page(JobQuery())
        return [job for job in jobs if job.state is JobState.SUBMITTING and (self._entries[job.id].lease_until or 0) <= now]


async def test_a_submission_that_takes_long_stays_its_cores() -> None:
    world = World(store=SharedStore())
    world.mulerun.accepting.clear()
    async with world.engine("one") as one, world.engine("two"):
        submitting = asyncio.ensure_future(one.submit(an_order()))
        await world.clock.advance(10 * LEASE)
        world.mulerun.accepting.set()
        assert (await submitting).state is JobState.QUEUED


async def test_the_submission_of_a_dead_core_is_failed_when_its_lease_has_ended() -> None:
    world = World(store=SharedStore())
    job = await world.store.insert(a_job(), owner="dead", lease_until=world.clock.now() + LEASE)
    async with world.engine("two") as engine:
        await world.clock.advance(LEASE - 1)
        assert (await engine.get(job.id)).state is JobState.SUBMITTING
        await world.clock.advance(RENEWAL + 1)
        failed = await engine.get(job.id)
    assert failed.failure is not None
    assert failed.failure.reason == "SUBMISSION_UNCERTAIN"


async def test_after_an_outage_every_core_renews_before_any_judges(caplog: pytest.LogCaptureFixture) -> None:
    store = SharedStore()
    world = World(store=store)
    world.mulerun.accepting.clear()
    async with world.engine("judge"):
        await world.clock.advance(RENEWAL / 2)
        async with world.engine("busy") as busy:
            submitting = asyncio.ensure_future(busy.submit(an_order()))
            await quiet()
            store.away = True
            await world.clock.advance(2 * LEASE)
            store.away = False
            await world.clock.advance(5 * RENEWAL)
            world.mulerun.accepting.set()
            assert (await submitting).state is JobState.QUEUED
    assert "upkeep is put off, because the store is away" in caplog.text


async def test_an_ear_that_knows_a_revision_is_not_stirred_by_it() -> None:
    hub = Hub()
    with hub.listen("image_1") as ear:
        hub.publish(a_queued_job(revision=3))
        hub.stir("image_1", 3)
        heard = await ear.next()
        assert heard is not None
        assert heard.revision == 3
        hub.stir("image_1", 4)
        assert await ear.next() is None
        hub.stir("image_1")
        assert await ear.next() is None
