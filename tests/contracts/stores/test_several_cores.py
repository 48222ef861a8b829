"""Several cores on one database: what one does, the others hear of and see."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

from services.domain.job import JobState
from services.jobs.backoff import Pace
from services.jobs.clock import SystemClock
from services.jobs.engine import Engine
from tests.contracts.stores.databases import opened
from tests.contracts.stores.ears import listening
from tests.worlds import NOON, PICTURE, ScriptedMuleRun, a_job, a_queued_job, an_order, finished, running

LEASE = NOON + 60.0


async def test_two_cores_never_claim_the_same_job(shared: str) -> None:
    async with opened(shared) as one, opened(shared) as two:
        for number in range(60):
            await one.insert(a_job(id=f"image_{number:02}"), owner="core", lease_until=LEASE)
            assert await one.save(a_queued_job(id=f"image_{number:02}", revision=2))
        claims = await asyncio.gather(
            *(store.claim(owner=name, now=NOON + 2, lease_until=LEASE, limit=4) for name, store in [("1", one), ("2", two)] * 10)
        )
    claimed = [job.id for claim in claims for job in claim]
    assert len(claimed) == len(set(claimed)) == 60


async def test_a_change_is_heard_by_every_core_with_its_revision(shared: str) -> None:
    async with opened(shared) as here, opened(shared) as there, listening(here) as ours, listening(there) as theirs:
        job = await there.insert(a_job(), owner="core", lease_until=LEASE)
        queued = job.submitted(task_id="task-1", state=JobState.QUEUED, now=NOON, poll_at=NOON)
        assert await there.save(queued)
        assert not await there.save(queued)
        await there.delete(job.id)
        for ears in (ours, theirs):
            assert [await ears.next(), await ears.next()] == [(job.id, 2), (job.id, 3)]


@asynccontextmanager
async def core(dsn: str, owner: str, mulerun: ScriptedMuleRun, *, room: int = 9) -> AsyncGenerator[Engine]:
    """A core with a store of its own; without room for polls, it knows of others' jobs only what it hears."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(opened(dsn))
        pace = Pace(initial=0.02, maximum=0.05)
        yield await stack.enter_async_context(
            Engine(store=store, upstream=mulerun, clock=SystemClock(), pace=pace, owner=owner, room=room)
        )


async def test_who_watches_on_one_core_sees_what_another_one_does(shared: str) -> None:
    mulerun = ScriptedMuleRun()
    mulerun.script = lambda task_id, _: running(task_id)
    async with core(shared, "here", mulerun, room=0) as watcher, core(shared, "there", mulerun) as worker:
        job = await worker.submit(an_order())
        async with aclosing(watcher.watch(job.id)) as changes, asyncio.timeout(10):
            seen = [await anext(changes)]
            while seen[-1].state is not JobState.RUNNING:
                seen.append(await anext(changes))
            mulerun.script = lambda task_id, _: finished(task_id)
            seen += [change async for change in changes]
    assert seen[-1].assets == (PICTURE,)
    assert [change.revision for change in seen] == sorted({change.revision for change in seen})


async def test_who_asks_again_on_another_core_waits_for_the_first_and_pays_nothing(shared: str) -> None:
    mulerun, nobody = ScriptedMuleRun(), ScriptedMuleRun()
    mulerun.accepting.clear()
    async with core(shared, "here", nobody, room=0) as second, core(shared, "there", mulerun) as first, asyncio.timeout(10):
        paying = asyncio.create_task(first.submit(an_order(request_id="once")))
        await mulerun.arrived.wait()
        asking = asyncio.create_task(second.submit(an_order(request_id="once")))
        await asyncio.wait({asking}, timeout=0.1)
        assert not asking.done()
        mulerun.accepting.set()
        assert (await asking).id == (await paying).id
    assert (len(mulerun.submissions), nobody.submissions) == (1, [])
