"""A core that dies and the one that is started after it, on the same file."""

import asyncio
import sys
from contextlib import aclosing
from pathlib import Path

from services.domain.job import JobQuery, JobState
from services.jobs.backoff import Pace
from services.jobs.clock import SystemClock
from services.jobs.engine import Engine
from services.stores.sqlite import SqliteStore
from tests.worlds import PICTURE, ScriptedMuleRun, World, an_order

CHILD = """
import asyncio, sys
from pathlib import Path
from services.jobs.clock import SystemClock
from services.stores.sqlite import SqliteStore
from tests.worlds import World, an_order

async def main():
    world = World(store=await SqliteStore.open(Path(sys.argv[1])), clock=SystemClock())
    async with world.engine("child") as engine:
        await engine.submit(an_order(request_id="answered"))
        world.mulerun.arrived.clear()
        world.mulerun.accepting.clear()
        submitting = asyncio.create_task(engine.submit(an_order(request_id="unanswered")))
        await world.mulerun.arrived.wait()
        print("arrived", flush=True)
        await submitting

asyncio.run(main())
"""


async def killed_while_submitting(path: Path) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, str(path), stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[3]
    )
    assert child.stdout is not None
    assert await child.stdout.readline() == b"arrived\n"
    child.kill()
    await child.wait()


def quick(store: SqliteStore, mulerun: ScriptedMuleRun) -> Engine:
    pace = Pace(initial=0.01, maximum=0.02)
    return Engine(store=store, upstream=mulerun, clock=SystemClock(), pace=pace, owner="next")


async def test_a_kill_between_the_submission_and_its_answer_is_never_paid_twice(tmp_path: Path) -> None:
    await killed_while_submitting(tmp_path / "jobs.db")
    store, mulerun = await SqliteStore.open(tmp_path / "jobs.db"), ScriptedMuleRun()
    async with quick(store, mulerun) as engine:
        job = await engine.submit(an_order(request_id="unanswered"))
        assert job.state is JobState.FAILED
        assert job.failure is not None
        assert job.failure.reason == "SUBMISSION_UNCERTAIN"
        assert "not known whether a task exists" in job.failure.message
    assert mulerun.submissions == []
    await store.close()


async def test_a_kill_loses_no_task_whose_id_is_known(tmp_path: Path) -> None:
    await killed_while_submitting(tmp_path / "jobs.db")
    store, mulerun = await SqliteStore.open(tmp_path / "jobs.db"), ScriptedMuleRun()
    async with quick(store, mulerun) as engine:
        job = await engine.submit(an_order(request_id="answered"))
        assert (await engine.wait(job.id)).assets == (PICTURE,)
    assert (mulerun.submissions, mulerun.polls["task-1"]) == ([], 1)
    await store.close()


async def test_callers_that_come_and_go_at_every_moment_lose_nothing_in_a_file(tmp_path: Path) -> None:
    store, mulerun = await SqliteStore.open(tmp_path / "jobs.db"), ScriptedMuleRun()
    async with quick(store, mulerun) as engine:
        callers = [asyncio.ensure_future(engine.submit(an_order())) for _ in range(60)]
        for number, caller in enumerate(callers):
            await asyncio.sleep(0)
            if number % 2:
                caller.cancel()
        outcomes = await asyncio.gather(*callers, return_exceptions=True)
        assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes[1::2])
        jobs = await engine.page(JobQuery(limit=100))
        done = await asyncio.gather(*(engine.wait(job.id) for job in jobs))
    assert len(done) == len(mulerun.submissions)
    assert {job.id for job in done} >= {outcome.id for outcome in outcomes if not isinstance(outcome, BaseException)}
    assert all(job.assets == (PICTURE,) for job in done)
    await store.close()


async def test_a_watch_of_a_job_in_a_file_sees_it_through(tmp_path: Path) -> None:
    store, world = await SqliteStore.open(tmp_path / "jobs.db"), World()
    async with quick(store, world.mulerun) as engine:
        job = await engine.submit(an_order())
        async with aclosing(engine.watch(job.id)) as changes:
            states = [change.state async for change in changes]
    assert states[-1] is JobState.SUCCEEDED
    await store.close()
