"""Cores that die and a PostgreSQL that goes away: what was paid for once is finished once."""

import asyncio
import signal
from pathlib import Path

import grpc
import grpc.aio
import pytest
from cli2api.v1 import job_pb2

from simulator.faults import Fault
from tests.core import everything
from tests.faults.cores import END_LEASES, Cluster, Core, cluster
from tests.postgres import Server
from tests.rpc import Told, told

pytestmark = pytest.mark.wire

DONE = job_pb2.JOB_STATE_SUCCEEDED


async def refusal(core: Core, prompt: str) -> Told:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await core.create(prompt)
    return told(failed.value)


async def task_ids(home: Cluster) -> list[str]:
    return [row[0] for row in await home.server.ask("SELECT task_id FROM cli2api_jobs", home.dsn)]


async def test_the_jobs_of_a_core_that_was_killed_are_finished_once_by_the_other(postgres: Server, short_path: Path) -> None:
    async with cluster(postgres, short_path) as home:
        one, two = await asyncio.gather(home.start(), home.start())
        jobs = await asyncio.gather(*((one, two)[number % 2].create(f"clip {number}") for number in range(20)))
        await home.mulerun.wait_for(lambda: home.mulerun.stats["polls"] != 0)
        await one.end(signal.SIGKILL)
        home.mulerun.complete()
        done = await home.finish(two, *(job.id for job in jobs))
        await two.end(signal.SIGTERM)

        assert [(job.state, len(job.assets)) for job in done] == [(DONE, 1)] * 20
        assert sorted(one.settled() + two.settled()) == sorted(job.id for job in jobs)
        assert sorted(await task_ids(home)) == sorted(str(seen.task_id) for seen in home.mulerun.submissions())


async def test_a_submission_that_died_with_its_core_is_found_and_never_paid_twice(postgres: Server, short_path: Path) -> None:
    async with cluster(postgres, short_path) as home:
        one = await home.start()
        home.mulerun.fault(Fault(hold="the answer"), method="POST")
        submitting = asyncio.create_task(one.create("a tide pool", request_id="once"))
        await home.mulerun.wait_for(lambda: home.mulerun.held("the answer") == 1)
        await one.end(signal.SIGKILL)
        await asyncio.gather(submitting, return_exceptions=True)
        home.mulerun.release("the answer")
        await postgres.tell(END_LEASES, home.dsn)
        two = await home.start()
        again = await two.create("a tide pool", request_id="once")

        assert (again.state, again.failure.reason) == (job_pb2.JOB_STATE_FAILED, "SUBMISSION_UNCERTAIN")
        assert len([seen for seen in home.mulerun.requests if seen.method == "POST"]) == 1


async def test_while_postgresql_is_away_nothing_is_paid_and_jobs_catch_up_after_it(postgres: Server, short_path: Path) -> None:
    async with cluster(postgres, short_path) as home:
        core = await home.start()
        jobs = [await core.create(f"clip {number}") for number in range(5)]
        home.mulerun.fault(Fault(hold="the answer"), method="POST")
        submitting = asyncio.create_task(core.create("submitted before, answered meanwhile"))
        await home.mulerun.wait_for(lambda: home.mulerun.held("the answer") == 1)
        postgres.stop()
        try:
            home.mulerun.release("the answer")
            late = await submitting
            refused = await refusal(core, "nobody pays for this")
            home.mulerun.complete()
        finally:
            postgres.start()
        done = await home.finish(core, *(job.id for job in jobs), late.id)

        assert (refused.code, refused.info.reason) == (grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")
        assert [job.state for job in done] == [DONE] * 6
        assert sorted(await task_ids(home)) == sorted(str(seen.task_id) for seen in home.mulerun.submissions())
        assert len(home.mulerun.submissions()) == 6


async def test_who_watches_on_one_core_hears_what_the_other_one_did(postgres: Server, short_path: Path) -> None:
    async with cluster(postgres, short_path) as home:
        one, two = await asyncio.gather(home.start(), home.start())
        finished, deleted = [await one.create(prompt) for prompt in ("kept", "forgotten")]
        kept, gone = [aiter(two.jobs.WatchJob(job_pb2.WatchJobRequest(id=job.id), timeout=30)) for job in (finished, deleted)]
        for watch in (kept, gone):
            await anext(watch)
        await one.jobs.DeleteJob(job_pb2.DeleteJobRequest(id=deleted.id))
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await everything(gone)
        home.mulerun.complete()
        changes = [change.job async for change in kept]

        assert told(failed.value).info.reason == "JOB_NOT_FOUND"
        assert changes[-1].state == DONE
        revisions = [change.revision for change in changes]
        assert revisions == sorted(set(revisions))


async def test_a_watch_that_broke_with_its_core_goes_on_at_another_without_loss_or_repeats(
    postgres: Server, short_path: Path
) -> None:
    async with cluster(postgres, short_path) as home:
        one, two = await asyncio.gather(home.start(), home.start())
        job = await one.create("a tide pool")
        watch = aiter(one.jobs.WatchJob(job_pb2.WatchJobRequest(id=job.id), timeout=30))
        seen = [(await anext(watch)).job.revision, (await anext(watch)).job.revision]
        await one.end(signal.SIGKILL)
        with pytest.raises(grpc.aio.AioRpcError):
            await everything(watch)
        home.mulerun.complete()
        await home.finish(two, job.id)
        request = job_pb2.WatchJobRequest(id=job.id, after_revision=seen[-1])
        rest = [change.job async for change in two.jobs.WatchJob(request, timeout=30)]
        again = await everything(
            two.jobs.WatchJob(job_pb2.WatchJobRequest(id=job.id, after_revision=rest[-1].revision), timeout=30)
        )

        assert min(job.revision for job in rest) > max(seen)
        assert (rest[-1].state, again) == (DONE, [])
