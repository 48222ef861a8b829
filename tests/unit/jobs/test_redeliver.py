"""An end that was told, or given up, is told once more when somebody asks for it."""

import pytest

from services.domain.errors import JobNotEnded, JobNotFound
from services.jobs.notice import SCHEDULE
from services.jobs.notifier import Notifier
from tests.unit.jobs.test_notices import NEW, Outside
from tests.worlds import an_order, quiet

DOWN = "the receiver answered HTTP 500"


def notifier(outside: Outside) -> Notifier:
    """One of another core on the same store."""
    return Notifier(
        store=outside.world.store,
        courier=outside.courier,
        secrets=[NEW],
        document=lambda job: {"id": job.id},
        clock=outside.clock,
    )


async def test_an_end_that_was_taken_is_told_once_more_under_the_same_id() -> None:
    outside = Outside()
    async with outside.core() as engine, notifier(outside) as other:
        job = await engine.submit(an_order())
        await outside.clock.advance(3)
        before = await engine.get(job.id)
        again = await other.redeliver(job.id)
        await quiet()
        after = await engine.get(job.id)
    first, second = outside.courier.letters
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == f"msg_{job.id}"
    assert first.body == second.body
    assert before.revision == again.revision == after.revision, "who watches sees nothing of it"


async def test_a_message_that_was_given_up_gets_all_its_tries_anew() -> None:
    outside = Outside()
    outside.courier.answers.extend([DOWN] * (len(SCHEDULE) + 2))
    async with outside.core() as engine, notifier(outside) as other:
        job = await engine.submit(an_order())
        await outside.clock.advance(3)
        for wait in SCHEDULE:
            await outside.skip(wait)
        assert len(outside.courier.letters) == len(SCHEDULE) + 1
        await other.redeliver(job.id)
        await quiet()
        await outside.skip(SCHEDULE[0])
    assert len(outside.courier.letters) == len(SCHEDULE) + 3


async def test_a_job_that_has_not_ended_has_nothing_to_tell_once_more() -> None:
    outside = Outside()
    async with outside.core() as engine:
        job = await engine.submit(an_order())
        with pytest.raises(JobNotEnded, match="is queued; its end is told by itself"):
            await notifier(outside).redeliver(job.id)
        await engine.delete(job.id)
        with pytest.raises(JobNotFound):
            await notifier(outside).redeliver(job.id)
