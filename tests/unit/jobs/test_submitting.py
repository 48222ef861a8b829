import asyncio
from collections.abc import Sequence

import pytest

from services.domain.errors import Failure, OutOfCredits, RateLimited, SubmissionUncertain, UpstreamUnavailable
from services.domain.job import Job, JobQuery, JobState, Task
from tests.worlds import NOON, PICTURE, World, an_order, quiet


def unreached() -> UpstreamUnavailable:
    failure = UpstreamUnavailable("cannot connect")
    failure.reached = False
    return failure


async def jobs_of(world: World) -> Sequence[Job]:
    return await world.store.page(JobQuery(limit=100))


async def test_a_submitted_job_is_queued_with_its_task() -> None:
    world = World()
    job = await world.engine().submit(an_order(size="1024x1024", caller="me"))
    assert (job.state, job.task_id, job.poll_at, job.revision) == (JobState.QUEUED, "task-1", NOON + 2.0, 2)
    assert (job.prompt, job.size, job.caller) == ("a red square", "1024x1024", "me")
    assert job.expires_at == NOON + 168 * 3600
    assert await world.store.get(job.id) == job
    assert world.mulerun.submissions == [{"prompt": "a red square", "n": 1}]


async def test_the_job_is_written_down_before_anything_is_paid() -> None:
    world = World()
    world.mulerun.accepting.clear()
    submitting = asyncio.ensure_future(world.engine().submit(an_order()))
    await quiet()
    (job,) = await jobs_of(world)
    assert job.state is JobState.SUBMITTING
    assert len(world.mulerun.submissions) == 1
    world.mulerun.accepting.set()
    assert (await submitting).id == job.id


async def test_a_task_that_is_running_at_once_makes_a_running_job() -> None:
    world = World()
    world.mulerun.answer = Task(id="", state=JobState.RUNNING)
    assert (await world.engine().submit(an_order())).state is JobState.RUNNING


async def test_a_task_that_has_ended_at_once_is_polled_at_once() -> None:
    world = World()
    world.mulerun.answer = Task(id="", state=JobState.SUCCEEDED, assets=(PICTURE,))
    async with world.engine() as engine:
        job = await engine.submit(an_order())
        assert (job.state, job.poll_at) == (JobState.QUEUED, NOON)
        await world.clock.advance(0.1)
        assert (await engine.get(job.id)).assets == (PICTURE,)


@pytest.mark.parametrize(
    "refusal", [OutOfCredits("no money"), RateLimited("slow", retry_after=3.0), unreached()], ids=lambda it: it.reason
)
async def test_a_refusal_is_raised_with_the_id_of_the_job_that_failed(refusal: Failure) -> None:
    world = World()
    world.mulerun.refusals.append(refusal)
    engine = world.engine()
    with pytest.raises(type(refusal)) as caught:
        await engine.submit(an_order())
    assert caught.value is refusal
    job = await engine.get(caught.value.metadata["job_id"])
    assert job.state is JobState.FAILED
    assert job.failure is not None
    assert (job.failure.reason, job.failure.message) == (refusal.reason, refusal.message)
    assert job.task_id == ""


@pytest.mark.parametrize(
    "error", [UpstreamUnavailable("MuleRun answered HTTP 502"), KeyError("a fault of ours")], ids=["502", "bug"]
)
async def test_a_submission_that_nobody_knows_the_end_of_is_uncertain(error: Exception) -> None:
    world = World()
    world.mulerun.refusals.append(error)
    engine = world.engine()
    with pytest.raises(SubmissionUncertain, match="not known whether a task exists") as caught:
        await engine.submit(an_order())
    assert caught.value.__cause__ is error
    assert "a fault of ours" not in caught.value.message
    job = await engine.get(caught.value.metadata["job_id"])
    assert job.failure is not None
    assert job.failure.reason == "SUBMISSION_UNCERTAIN"


async def test_a_caller_that_leaves_at_any_moment_loses_no_paid_task() -> None:
    for steps in range(12):
        world = World()
        world.mulerun.accepting.clear()
        async with world.engine() as engine:
            submitting = asyncio.ensure_future(engine.submit(an_order()))
            for _ in range(steps):
                await asyncio.sleep(0)
            submitting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await submitting
            world.mulerun.accepting.set()
            await world.clock.advance(10.0)
            jobs = await jobs_of(world)
            assert len(jobs) == len(world.mulerun.submissions)
            assert all(job.assets == (PICTURE,) for job in jobs)


async def test_a_caller_that_leaves_while_it_is_refused_leaves_a_failed_job() -> None:
    world = World()
    world.mulerun.accepting.clear()
    world.mulerun.refusals.append(OutOfCredits("no money"))
    submitting = asyncio.ensure_future(world.engine().submit(an_order()))
    await quiet()
    submitting.cancel()
    await quiet()
    world.mulerun.accepting.set()
    await quiet()
    (job,) = await jobs_of(world)
    assert job.state is JobState.FAILED


async def test_a_job_deleted_while_it_is_submitted_leaves_the_caller_with_its_task() -> None:
    world = World()
    engine = world.engine()
    world.mulerun.accepting.clear()
    submitting = asyncio.ensure_future(engine.submit(an_order()))
    await quiet()
    (job,) = await jobs_of(world)
    await engine.delete(job.id)
    world.mulerun.accepting.set()
    assert (await submitting).task_id == "task-1"
    assert await jobs_of(world) == []
