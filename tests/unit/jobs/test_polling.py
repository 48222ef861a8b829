import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from services.domain.errors import StoreUnavailable, UpstreamUnavailable, VendorFailed
from services.domain.job import Job, JobState, Task
from services.stores.memory import MemoryStore
from tests.worlds import NOON, PICTURE, World, a_job, a_queued_job, an_order, broken, finished, quiet, running


def after(polls: int) -> World:
    """A world in which each task runs for that many polls and is finished at the next."""
    world = World()
    world.mulerun.script = lambda task_id, number: running(task_id) if number <= polls else finished(task_id)
    return world


async def put(world: World, *jobs: Job) -> None:
    for job in jobs:
        await world.store.insert(replace(job, revision=job.revision - 1), owner="before", lease_until=NOON)
        assert await world.store.save(job)


async def test_a_job_is_polled_at_its_pace_whether_or_not_anybody_asks() -> None:
    world = after(polls=3)
    async with world.engine() as engine:
        job = await engine.submit(an_order())
        seen = []
        for _ in range(20):
            await world.clock.advance(1.0)
            seen.append(world.mulerun.polls["task-1"])
        assert seen == [0, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4]
        assert (await engine.get(job.id)).state is JobState.SUCCEEDED


async def test_progress_rises_while_a_job_runs_and_is_full_only_at_the_end() -> None:
    world = after(polls=8)
    async with world.engine() as engine:
        job = await engine.submit(an_order())
        seen = []
        while not job.is_terminal:
            await world.clock.advance(5.0)
            job = await engine.get(job.id)
            seen.append(job.progress)
    assert seen == sorted(seen)
    assert 0 < seen[1] < seen[-2] < 99
    assert seen[-1] == 100


async def test_a_failed_task_fails_its_job_with_the_vendors_code() -> None:
    world = World()
    world.mulerun.script = lambda *_: broken(VendorFailed("the vendor broke", metadata={"vendor_code": "3006"}))
    async with world.engine() as engine:
        job = await engine.submit(an_order())
        await world.clock.advance(2.0)
        failure = (await engine.get(job.id)).failure
    assert failure is not None
    assert (failure.reason, failure.vendor_code) == ("VENDOR_ERROR", "3006")


async def test_an_outage_of_a_day_loses_no_job() -> None:
    world = World()
    away = True
    world.mulerun.script = lambda task_id, _: UpstreamUnavailable("HTTP 503") if away else finished(task_id)
    async with world.engine() as engine:
        job = await engine.submit(an_order())
        await world.clock.advance(3600.0)
        assert (await engine.get(job.id)).is_in_flight
        away = False
        await world.clock.advance(10.1)
        assert (await engine.get(job.id)).assets == (PICTURE,)


async def test_a_fault_of_our_own_in_a_poll_loses_no_job(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.mulerun.script = lambda task_id, number: KeyError("oops") if number < 3 else finished(task_id)
    async with world.engine() as engine:
        job = await engine.submit(an_order())
        await world.clock.advance(30.0)
        assert (await engine.get(job.id)).state is JobState.SUCCEEDED
    assert [record.message for record in caplog.records if record.exc_info] == ["a poll broke on a fault of our own"] * 2


async def test_jobs_in_flight_go_on_after_a_restart() -> None:
    world = after(polls=1)
    async with world.engine("one") as engine:
        job = await engine.submit(an_order())
        await world.clock.advance(2.0)
    world.clock.jump(86_400.0)
    async with world.engine("two") as engine:
        await world.clock.advance(0.1)
        assert (await engine.get(job.id)).state is JobState.SUCCEEDED
    assert len(world.mulerun.submissions) == 1


async def test_a_poll_that_was_cut_off_by_a_stop_is_repeated_when_its_lease_ends() -> None:
    world = World()
    world.mulerun.answering.clear()
    async with world.engine("one") as engine:
        job = await engine.submit(an_order())
        await world.clock.advance(3.0)
        assert world.mulerun.polls["task-1"] == 1
    world.mulerun.answering.set()
    async with world.engine("two") as engine:
        await world.clock.advance(50.0)
        assert world.mulerun.polls["task-1"] == 1
        await world.clock.advance(30.0)
        assert (await engine.get(job.id)).state is JobState.SUCCEEDED


async def test_a_nearer_job_is_not_kept_waiting_by_a_later_one() -> None:
    world = World()
    await put(world, a_queued_job(id="image_late", poll_at=NOON + 500.0))
    async with world.engine() as engine:
        await world.clock.advance(1.0)
        job = await engine.submit(an_order())
        await world.clock.advance(2.0)
        assert (await engine.get(job.id)).state is JobState.SUCCEEDED
        assert (await engine.get("image_late")).state is JobState.QUEUED


async def test_a_hanging_poll_holds_up_nobody_else() -> None:
    world = World()
    hanging = asyncio.Event()
    world.mulerun.answering = hanging
    async with world.engine() as engine:
        slow = await engine.submit(an_order())
        await world.clock.advance(2.0)
        world.mulerun.answering = asyncio.Event()
        world.mulerun.answering.set()
        quick = await engine.submit(an_order())
        await world.clock.advance(2.1)
        assert (await engine.get(quick.id)).state is JobState.SUCCEEDED
        assert (await engine.get(slow.id)).state is JobState.QUEUED
        hanging.set()
        await quiet()
        assert (await engine.get(slow.id)).state is JobState.SUCCEEDED


async def test_a_poll_that_outlives_its_lease_is_not_asked_twice() -> None:
    world = World()
    world.mulerun.answering.clear()
    async with world.engine() as engine:
        job = await engine.submit(an_order())
        await world.clock.advance(600.0)
        assert world.mulerun.polls["task-1"] == 1
        world.mulerun.answering.set()
        await quiet()
        assert (await engine.get(job.id)).state is JobState.SUCCEEDED


async def test_no_more_polls_run_at_once_than_there_is_room_for() -> None:
    world = World()
    world.mulerun.answering.clear()
    await put(world, *(a_queued_job(id=f"image_{number}", task_id=f"task-{number}", poll_at=NOON) for number in range(20)))
    async with world.engine(room=4) as engine:
        await world.clock.advance(1.0)
        assert (world.mulerun.at_once, len(world.mulerun.polls)) == (4, 4)
        world.mulerun.answering.set()
        await world.clock.advance(1.0)
        assert world.mulerun.at_once == 4
        for number in range(20):
            assert (await engine.get(f"image_{number}")).state is JobState.SUCCEEDED


async def test_a_thousand_jobs_in_flight_finish_within_one_poll_interval_of_each_other() -> None:
    world = World()
    done_at = NOON + 60.0
    finished_at: dict[str, float] = {}

    def script(task_id: str, _: int) -> Task:
        if world.clock.now() < done_at:
            return running(task_id)
        finished_at[task_id] = world.clock.now()
        return finished(task_id)

    world.mulerun.script = script
    jobs = [a_queued_job(id=f"image_{n}", task_id=f"task-{n}", poll_at=NOON + n * 0.01) for n in range(1000)]
    await put(world, *jobs)
    async with world.engine(room=64):
        await world.clock.advance(72.0)
    assert len(finished_at) == 1000
    assert max(finished_at.values()) - done_at <= world.pace.maximum + 1.0


async def test_ten_thousand_jobs_cost_claims_by_the_tick_and_not_by_the_job() -> None:
    claims: list[int] = []

    class CountingStore(MemoryStore):
        async def claim(self, *, owner: str, now: float, lease_until: float, limit: int) -> Sequence[Job]:
            claimed = await super().claim(owner=owner, now=now, lease_until=lease_until, limit=limit)
            claims.append(len(claimed))
            return claimed

    world = World(store=CountingStore())
    jobs = [a_queued_job(id=f"image_{n}", task_id=f"task-{n}", poll_at=NOON + n * 0.001) for n in range(10_000)]
    await put(world, *jobs)
    async with world.engine():
        await world.clock.advance(12.0)
    assert sum(claims) == 10_000
    assert len(claims) < 300


async def test_a_store_that_is_away_stops_the_polls_and_not_the_scheduler() -> None:
    class AwayStore(MemoryStore):
        away = False

        async def claim(self, *, owner: str, now: float, lease_until: float, limit: int) -> Sequence[Job]:
            if self.away:
                raise StoreUnavailable("away")
            return await super().claim(owner=owner, now=now, lease_until=lease_until, limit=limit)

    store = AwayStore()
    world = World(store=store)
    async with world.engine() as engine:
        job = await engine.submit(an_order())
        store.away = True
        await world.clock.advance(100.0)
        assert world.mulerun.polls["task-1"] == 0
        store.away = False
        await world.clock.advance(6.0)
        assert (await engine.get(job.id)).state is JobState.SUCCEEDED


async def test_an_outcome_that_cannot_be_saved_is_polled_again() -> None:
    class OnceAwayStore(MemoryStore):
        saves = 0

        async def save(self, job: Job) -> bool:
            self.saves += 1
            if self.saves == 2:
                raise StoreUnavailable("away")
            return await super().save(job)

    world = World(store=OnceAwayStore())
    async with world.engine() as engine:
        job = await engine.submit(an_order())
        await world.clock.advance(130.0)
        assert (await engine.get(job.id)).state is JobState.SUCCEEDED
    assert world.mulerun.polls["task-1"] == 2


async def test_two_cores_on_one_store_share_the_polls() -> None:
    world = after(polls=5)
    await put(world, *(a_queued_job(id=f"image_{n}", task_id=f"task-{n}") for n in range(50)))
    async with world.engine("one", room=5), world.engine("two", room=5):
        await world.clock.advance(120.0)
    assert set(world.mulerun.polls.values()) == {6}


async def test_a_job_deleted_during_its_poll_stays_deleted() -> None:
    world = World()
    world.mulerun.answering.clear()
    async with world.engine() as engine:
        job = await engine.submit(an_order())
        await world.clock.advance(2.0)
        assert await engine.delete(job.id) == job
        world.mulerun.answering.set()
        await quiet()
        assert await world.store.get(job.id) is None
        await world.clock.advance(300.0)
    assert world.mulerun.polls["task-1"] == 1


async def test_jobs_that_are_not_in_flight_are_never_polled() -> None:
    world = World()
    await put(world, a_queued_job().failed(VendorFailed("no"), now=NOON))
    await world.store.insert(a_job(id="image_2"), owner="core", lease_until=NOON + 9)
    async with world.engine():
        await world.clock.advance(3600.0)
    assert world.mulerun.polls == {}
