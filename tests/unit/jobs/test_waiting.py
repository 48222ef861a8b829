import asyncio
from contextlib import aclosing

import pytest

from services.domain.errors import JobNotFound
from services.domain.job import Job, JobQuery, JobState
from services.jobs.engine import Engine
from services.jobs.retention import Retention
from tests.worlds import NOON, World, an_order, finished, quiet, running


def listeners(engine: Engine) -> int:
    return len(engine._hub)


async def collected(engine: Engine, job_id: str, after_revision: int = 0) -> list[Job]:
    async with aclosing(engine.watch(job_id, after_revision)) as changes:
        return [job async for job in changes]


def world_with_steps(polls: int) -> World:
    world = World()
    world.mulerun.script = lambda task_id, number: running(task_id) if number <= polls else finished(task_id)
    return world


async def test_waiting_ends_with_the_terminal_job() -> None:
    world = world_with_steps(2)
    async with world.engine() as engine:
        job = await engine.submit(an_order())
        waiting = [asyncio.ensure_future(engine.wait(job.id)) for _ in range(10)]
        await world.clock.advance(5.0)
        assert not any(waiter.done() for waiter in waiting)
        await world.clock.advance(30.0)
        assert {(await waiter).state for waiter in waiting} == {JobState.SUCCEEDED}
        assert listeners(engine) == 0


async def test_waiting_for_a_job_that_is_done_ends_at_once() -> None:
    world = World()
    async with world.engine() as engine:
        job = await engine.submit(an_order())
        await world.clock.advance(3.0)
        assert (await engine.wait(job.id)).state is JobState.SUCCEEDED


async def test_a_waiter_that_leaves_leaves_nothing_behind_and_the_job_goes_on() -> None:
    world = World()
    async with world.engine() as engine:
        job = await engine.submit(an_order())
        for steps in range(6):
            waiting = asyncio.ensure_future(engine.wait(job.id))
            for _ in range(steps):
                await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        assert listeners(engine) == 0
        await world.clock.advance(3.0)
        assert (await engine.get(job.id)).state is JobState.SUCCEEDED


async def test_a_watch_begins_with_the_job_as_it_stands_and_ends_after_the_terminal_state() -> None:
    world = world_with_steps(2)
    async with world.engine() as engine:
        job = await engine.submit(an_order())
        watching = asyncio.ensure_future(collected(engine, job.id))
        await world.clock.advance(30.0)
        changes = await watching
    assert [change.revision for change in changes] == [2, 3, 4, 5]
    assert [change.state.value for change in changes] == ["queued", "running", "running", "succeeded"]


async def test_a_watch_that_comes_back_gets_no_repeats() -> None:
    world = world_with_steps(1)
    async with world.engine() as engine:
        job = await engine.submit(an_order())
        watching = asyncio.ensure_future(collected(engine, job.id, after_revision=2))
        await world.clock.advance(30.0)
        assert [change.revision for change in await watching] == [3, 4]
        assert [change.revision for change in await collected(engine, job.id, after_revision=3)] == [4]
        assert await collected(engine, job.id, after_revision=4) == []


async def test_a_watch_from_before_the_answer_sees_the_job_submitting() -> None:
    world = World()
    world.mulerun.accepting.clear()
    async with world.engine() as engine:
        submitting = asyncio.ensure_future(engine.submit(an_order()))
        await quiet()
        (job,) = await engine.page(JobQuery())
        watching = asyncio.ensure_future(collected(engine, job.id))
        await quiet()
        world.mulerun.accepting.set()
        await submitting
        await world.clock.advance(3.0)
        assert [change.state.value for change in await watching] == ["submitting", "queued", "succeeded"]


async def test_a_slow_watcher_misses_steps_but_never_the_last() -> None:
    world = world_with_steps(4)
    async with world.engine() as engine:
        job = await engine.submit(an_order())
        async with aclosing(engine.watch(job.id)) as changes:
            assert (await anext(changes)).revision == 2
            await world.clock.advance(60.0)
            assert [change.state.value async for change in changes] == ["succeeded"]


async def test_a_closed_watch_leaves_nothing_behind() -> None:
    world = World()
    async with world.engine() as engine:
        job = await engine.submit(an_order())
        changes = engine.watch(job.id)
        await anext(changes)
        assert listeners(engine) == 1
        await changes.aclose()
        assert listeners(engine) == 0


async def test_an_unknown_job_is_named() -> None:
    engine = World().engine()
    for work in (engine.get("video_x"), engine.wait("video_x"), engine.delete("video_x"), collected(engine, "video_x")):
        with pytest.raises(JobNotFound, match="there is no job 'video_x'"):
            await work


async def test_deleting_ends_those_who_wait_and_watch() -> None:
    world = World()
    async with world.engine() as engine:
        job = await engine.submit(an_order())
        waiting = [asyncio.ensure_future(engine.wait(job.id)), asyncio.ensure_future(collected(engine, job.id))]
        await quiet()
        assert await engine.delete(job.id) == job
        for outcome in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(outcome, JobNotFound)


async def test_a_caller_that_leaves_while_it_deletes_still_ends_those_who_wait() -> None:
    world = World()
    async with world.engine() as engine:
        job = await engine.submit(an_order())
        waiting = asyncio.ensure_future(engine.wait(job.id))
        await quiet()
        deleting = asyncio.ensure_future(engine.delete(job.id))
        await asyncio.sleep(0)
        deleting.cancel()
        with pytest.raises(JobNotFound):
            await waiting


async def test_a_finished_job_is_forgotten_after_its_retention() -> None:
    world = World(retention=Retention(seconds=100.0, interval=10.0))
    async with world.engine() as engine:
        job = await engine.submit(an_order())
        await world.clock.advance(2.0)
        assert (await engine.get(job.id)).expires_at == NOON + 102.0
        await world.clock.advance(97.0)
        assert (await engine.get(job.id)).state is JobState.SUCCEEDED
        await world.clock.advance(11.0)
        with pytest.raises(JobNotFound):
            await engine.get(job.id)


async def test_a_job_in_flight_outlives_its_retention_by_the_hard_cap_and_ends_its_waiters() -> None:
    world = World(retention=Retention(seconds=100.0, hard_cap=3.0, interval=10.0))
    world.mulerun.script = lambda task_id, _: running(task_id)
    async with world.engine() as engine:
        job = await engine.submit(an_order())
        waiting = asyncio.ensure_future(engine.wait(job.id))
        await world.clock.advance(399.0)
        assert not waiting.done()
        await world.clock.advance(1.0)
        with pytest.raises(JobNotFound):
            await waiting


async def test_a_result_that_comes_after_its_expiry_is_kept_for_a_whole_retention() -> None:
    world = World(retention=Retention(seconds=5.0, hard_cap=1000.0, interval=1.0))
    world.mulerun.script = lambda task_id, _: running(task_id) if world.clock.now() < NOON + 300 else finished(task_id)
    async with world.engine() as engine:
        job = await engine.submit(an_order())
        waiting = asyncio.ensure_future(engine.wait(job.id))
        await world.clock.advance(311.0)
        done = await waiting
        assert done.expires_at == done.updated_at + 5.0
        assert done.updated_at > NOON + 300


@pytest.mark.parametrize("retention", [Retention(seconds=0.0, interval=1.0), Retention(seconds=10.0, interval=0.0)])
async def test_a_retention_or_an_interval_of_zero_forgets_nothing(retention: Retention) -> None:
    world = World(retention=retention)
    async with world.engine() as engine:
        job = await engine.submit(an_order())
        await world.clock.advance(10_000.0)
        assert (await engine.get(job.id)).state is JobState.SUCCEEDED


async def test_a_retention_of_zero_keeps_even_what_an_earlier_run_meant_to_forget() -> None:
    world = World(retention=Retention(seconds=10.0))
    async with world.engine("one") as engine:
        job = await engine.submit(an_order())
        await world.clock.advance(2.0)
    world.retention = Retention(seconds=0.0, interval=1.0)
    async with world.engine("two") as engine:
        await world.clock.advance(10_000.0)
        assert (await engine.get(job.id)).state is JobState.SUCCEEDED


async def test_a_clock_that_jumps_ahead_delays_no_poll() -> None:
    world = World()
    async with world.engine() as engine:
        job = await engine.submit(an_order())
        world.clock.jump(3600.0)
        await world.clock.advance(5.1)
        assert (await engine.get(job.id)).state is JobState.SUCCEEDED
