import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

import pytest

from services.domain.errors import (
    Draining,
    Failure,
    IdempotencyConflict,
    JobNotFound,
    OutOfCredits,
    RateLimited,
    StoreUnavailable,
    SubmissionUncertain,
    UpstreamUnavailable,
)
from services.domain.job import Job, JobQuery, JobState, Task
from services.domain.model import ModelKind
from services.jobs.engine import Engine
from services.jobs.submitter import fingerprint
from services.stores.memory import MemoryStore
from tests.worlds import NOON, PICTURE, World, an_order, quiet


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


async def test_without_a_store_nothing_is_submitted() -> None:
    store = FailingStore()
    store.insert_fails = True
    world = World(store=store)
    with pytest.raises(StoreUnavailable):
        await world.engine().submit(an_order())
    assert world.mulerun.submissions == []


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


async def test_the_same_request_id_is_the_same_job_and_is_paid_once() -> None:
    world = World()
    engine = world.engine()
    first = await engine.submit(an_order(caller="me", request_id="r"))
    again = await engine.submit(an_order(caller="me", request_id="r"))
    assert again == first
    assert len(world.mulerun.submissions) == 1


async def test_another_callers_request_id_is_another_job() -> None:
    world = World()
    engine = world.engine()
    jobs = {(await engine.submit(an_order(caller=caller, request_id="r"))).id for caller in ("me", "you")}
    assert len(jobs) == 2


async def test_a_finished_job_answers_its_request_id_too() -> None:
    world = World()
    async with world.engine() as engine:
        job = await engine.submit(an_order(request_id="r"))
        await world.clock.advance(3.0)
        again = await engine.submit(an_order(request_id="r"))
    assert (again.id, again.state) == (job.id, JobState.SUCCEEDED)


async def test_a_request_id_that_comes_with_another_request_is_refused() -> None:
    world = World()
    engine = world.engine()
    job = await engine.submit(an_order(request_id="r"))
    with pytest.raises(IdempotencyConflict, match="request_id 'r' was used before for another request") as caught:
        await engine.submit(an_order(request_id="r", body={"prompt": "a blue square", "n": 1}))
    assert caught.value.metadata == {"job_id": job.id}
    assert len(world.mulerun.submissions) == 1


async def test_of_many_with_one_request_id_at_once_one_is_paid_and_all_get_its_job() -> None:
    world = World()
    engine = world.engine()
    world.mulerun.accepting.clear()
    callers = [asyncio.ensure_future(engine.submit(an_order(request_id="r"))) for _ in range(50)]
    while not world.mulerun.submissions:
        await asyncio.sleep(0)
    await quiet()
    assert not any(caller.done() for caller in callers)
    world.mulerun.accepting.set()
    jobs = await asyncio.gather(*callers)
    assert {(job.id, job.state, job.task_id) for job in jobs} == {(jobs[0].id, JobState.QUEUED, "task-1")}
    assert len(world.mulerun.submissions) == 1


async def test_who_joins_a_submission_outlives_the_one_who_began_it() -> None:
    world = World()
    engine = world.engine()
    world.mulerun.accepting.clear()
    first = asyncio.ensure_future(engine.submit(an_order(request_id="r")))
    while not world.mulerun.submissions:
        await asyncio.sleep(0)
    second = asyncio.ensure_future(engine.submit(an_order(request_id="r")))
    first.cancel()
    await quiet()
    world.mulerun.accepting.set()
    assert (await second).task_id == "task-1"


async def test_a_refused_request_may_be_tried_again_with_its_request_id() -> None:
    world = World()
    engine = world.engine()
    world.mulerun.refusals.append(RateLimited("slow"))
    with pytest.raises(RateLimited):
        await engine.submit(an_order(request_id="r"))
    assert (await engine.submit(an_order(request_id="r"))).state is JobState.QUEUED


async def test_an_uncertain_request_is_never_submitted_again_under_its_request_id() -> None:
    world = World()
    engine = world.engine()
    world.mulerun.refusals.append(UpstreamUnavailable("broke off"))
    with pytest.raises(SubmissionUncertain) as caught:
        await engine.submit(an_order(request_id="r"))
    again = await engine.submit(an_order(request_id="r"))
    assert (again.id, again.state) == (caught.value.metadata["job_id"], JobState.FAILED)
    assert len(world.mulerun.submissions) == 1


def test_a_fingerprint_knows_requests_apart_and_not_the_order_of_keys() -> None:
    order = an_order(settings={"seed": 1})
    assert fingerprint(order) == fingerprint(replace(order, body={"n": 1, "prompt": "a red square"}, caller="x", request_id="y"))
    others = [
        replace(order, kind=ModelKind.IMAGE_EDIT),
        replace(order, model="other"),
        replace(order, path="/other"),
        replace(order, body={"prompt": "a red square", "n": 2}),
        replace(order, prompt="other"),
        replace(order, size="1x1"),
        replace(order, seconds="4"),
        replace(order, remix_of_id="video_1"),
        replace(order, settings={"seed": 2}),
    ]
    assert len({fingerprint(each) for each in [order, *others]}) == len(others) + 1


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
    lost.cancel()
    await quiet()
