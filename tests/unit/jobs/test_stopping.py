import asyncio
import logging
from collections.abc import Sequence

import pytest

from services.domain.errors import Draining, JobNotFound, StoreUnavailable
from services.domain.job import Job, JobQuery, JobState
from services.jobs.engine import Engine
from services.stores.memory import MemoryStore
from tests.worlds import PICTURE, World, an_order, quiet


async def jobs_of(world: World) -> Sequence[Job]:
    return await world.store.page(JobQuery(limit=100))


class FailingStore(MemoryStore):
    """A store that is away when told: a disk that fills up, a network that breaks."""

    def __init__(self) -> None:
        super().__init__()
        self.insert_fails = False
        self.saves_to_fail = 0

    async def insert(self, job: Job, *, owner: str, lease_until: float) -> Job:
        if self.insert_fails:
            raise StoreUnavailable("away")
        return await super().insert(job, owner=owner, lease_until=lease_until)

    async def save(self, job: Job) -> bool:
        if self.saves_to_fail:
            self.saves_to_fail -= 1
            raise StoreUnavailable("away")
        return await super().save(job)


async def test_without_a_store_nothing_is_submitted() -> None:
    store = FailingStore()
    store.insert_fails = True
    world = World(store=store)
    with pytest.raises(StoreUnavailable):
        await world.engine().submit(an_order())
    assert world.mulerun.submissions == []


async def test_a_draining_engine_takes_no_orders_and_still_reads() -> None:
    world = World()
    engine = world.engine()
    job = await engine.submit(an_order())
    engine.drain()
    with pytest.raises(Draining, match="takes no new work"):
        await engine.submit(an_order())
    assert await engine.get(job.id) == job


async def test_a_task_id_is_kept_in_memory_until_the_store_is_back(caplog: pytest.LogCaptureFixture) -> None:
    store = FailingStore()
    world = World(store=store)
    store.saves_to_fail = 4
    async with world.engine() as engine:
        job = await engine.submit(an_order())
        assert (job.state, job.task_id) == (JobState.QUEUED, "task-1")
        assert await engine.get(job.id) == job
        stored = await store.get(job.id)
        assert stored is not None
        assert stored.state is JobState.SUBMITTING
        record = next(record for record in caplog.records if record.levelno == logging.ERROR)
        assert (record.__dict__["job_id"], record.__dict__["task_id"]) == (job.id, "task-1")
        await world.clock.advance(20.0)
        assert (await engine.wait(job.id)).assets == (PICTURE,)
    assert store.saves_to_fail == 0


async def test_a_task_id_that_cannot_be_saved_is_logged_at_the_stop(caplog: pytest.LogCaptureFixture) -> None:
    store = FailingStore()
    world = World(store=store)
    store.saves_to_fail = 1000
    async with world.engine() as engine:
        job = await engine.submit(an_order())
        leaving = asyncio.ensure_future(engine.__aexit__(None, None, None))
        await world.clock.advance(60.0)
        await leaving
    record = next(record for record in caplog.records if record.levelno == logging.CRITICAL)
    fields = record.__dict__
    assert (fields["job_id"], fields["task_id"], fields["path"]) == (job.id, "task-1", job.path)


async def test_the_last_try_at_the_stop_may_still_save_a_task_id() -> None:
    store = FailingStore()
    world = World(store=store)
    store.saves_to_fail = 1
    engine: Engine = world.engine()
    job = await engine.submit(an_order())
    leaving = asyncio.ensure_future(engine.__aexit__(None, None, None))
    await quiet()
    await world.clock.advance(30.0)
    await leaving
    assert await store.get(job.id) == job


async def test_a_job_deleted_while_it_is_held_in_memory_stays_deleted() -> None:
    store = FailingStore()
    world = World(store=store)
    store.saves_to_fail = 2
    async with world.engine() as engine:
        job = await engine.submit(an_order())
        assert await engine.delete(job.id) == job
        await world.clock.advance(60.0)
        with pytest.raises(JobNotFound):
            await engine.get(job.id)


async def test_leaving_waits_for_what_is_being_submitted() -> None:
    world = World()
    world.mulerun.accepting.clear()
    async with world.engine() as engine:
        submitting = asyncio.ensure_future(engine.submit(an_order()))
        await quiet()
        leaving = asyncio.ensure_future(engine.__aexit__(None, None, None))
        await world.clock.advance(5.0)
        assert not leaving.done()
        world.mulerun.accepting.set()
        await leaving
    assert (await submitting).task_id == "task-1"


async def test_a_submission_that_outlasts_the_stop_is_uncertain_after_the_next_start() -> None:
    world = World()
    world.mulerun.accepting.clear()
    async with world.engine("one") as engine:
        submitting = asyncio.ensure_future(engine.submit(an_order(request_id="r")))
        await quiet()
        leaving = asyncio.ensure_future(engine.__aexit__(None, None, None))
        await world.clock.advance(11.0)
        await leaving
    with pytest.raises(asyncio.CancelledError):
        await submitting
    async with world.engine("two") as engine:
        job = await engine.submit(an_order(request_id="r"))
        assert job.failure is not None
        assert job.failure.reason == "SUBMISSION_UNCERTAIN"
    assert len(world.mulerun.submissions) == 1


async def test_a_submission_under_way_is_not_taken_for_an_abandoned_one() -> None:
    world = World()
    world.mulerun.accepting.clear()
    async with world.engine() as engine:
        submitting = asyncio.ensure_future(engine.submit(an_order()))
        await world.clock.advance(3600.0)
        world.mulerun.accepting.set()
        assert (await submitting).state is JobState.QUEUED


async def test_an_abandoned_submission_of_another_core_is_found_by_the_next_look() -> None:
    world = World()
    world.mulerun.accepting.clear()
    lost = asyncio.ensure_future(world.engine("dead").submit(an_order()))
    async with world.engine() as engine:
        await quiet()
        (job,) = await jobs_of(world)
        await world.clock.advance(60.0)
        assert (await engine.get(job.id)).state is JobState.FAILED
        world.mulerun.accepting.set()
        assert (await lost).task_id == "task-1"
        assert (await engine.get(job.id)).state is JobState.FAILED
