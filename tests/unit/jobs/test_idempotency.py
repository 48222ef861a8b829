import asyncio
from dataclasses import replace

import pytest

from services.domain.errors import IdempotencyConflict, RateLimited, SubmissionUncertain, UpstreamUnavailable
from services.domain.job import JobState
from services.domain.model import ModelKind
from services.jobs.submitter import fingerprint
from tests.worlds import World, an_order, quiet


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
    told = r"the Idempotency-Key \(request_id\) 'r' was used before for another request; give each request a key of its own"
    with pytest.raises(IdempotencyConflict, match=told) as caught:
        await engine.submit(an_order(request_id="r", body={"prompt": "a blue square", "n": 1}))
    assert caught.value.metadata == {"job_id": job.id}
    assert len(world.mulerun.submissions) == 1


async def test_of_many_with_one_request_id_at_once_one_is_paid_and_all_get_its_job() -> None:
    world = World()
    engine = world.engine()
    world.mulerun.accepting.clear()
    callers = [asyncio.ensure_future(engine.submit(an_order(request_id="r"))) for _ in range(50)]
    await world.mulerun.arrived.wait()
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
    await world.mulerun.arrived.wait()
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
