"""Cores that share a libSQL database, one that dies and a server that goes away: what was paid for once is finished once."""

import asyncio
import signal
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import grpc.aio
import pytest
from cli2api.v1 import job_pb2

from simulator.options import ByHand, Options
from simulator.server import Simulator
from tests.faults.cores import Core, running_core
from tests.hrana import TOKEN, Hrana, serving
from tests.rpc import told

pytestmark = pytest.mark.wire

DONE = job_pb2.JOB_STATE_SUCCEEDED
END_LEASES = "UPDATE jobs SET lease_until = 0 WHERE lease_owner <> ''"
"""Lets the time pass that leases run."""


@pytest.fixture(scope="module")
def libsql() -> Iterator[Hrana]:
    with serving() as server:
        yield server


@asynccontextmanager
async def pair(dsn: str, folder: Path) -> AsyncGenerator[tuple[Simulator, Core, Core]]:
    """Two cores that keep jobs and usage in that database."""
    async with Simulator(Options(pace=ByHand())) as mulerun, AsyncExitStack() as stack:
        one, two = [
            await stack.enter_async_context(running_core(mulerun, folder / name, dsn=dsn, CLI2API_USAGE_DSN=dsn))
            for name in ("one", "two")
        ]
        yield mulerun, one, two


async def finished(libsql: Hrana, dsn: str, core: Core, *jobs: job_pb2.Job) -> list[job_pb2.Job]:
    """The jobs once they are terminal, as that core tells it; no lease is waited for."""
    waiting = asyncio.gather(*(core.wait(job.id) for job in jobs))
    while not waiting.done():
        await asyncio.to_thread(libsql.tell, dsn, END_LEASES)
        await asyncio.wait({waiting}, timeout=0.5)
    return await waiting


async def test_the_jobs_of_a_core_that_was_killed_are_finished_once_by_the_other(libsql: Hrana, short_path: Path) -> None:
    dsn = libsql.fresh()
    async with pair(dsn, short_path) as (mulerun, one, two):
        jobs = await asyncio.gather(*((one, two)[number % 2].create(f"clip {number}", f"once {number}") for number in range(12)))
        assert (await two.create("clip 0", "once 0")).id == jobs[0].id
        await mulerun.wait_for(lambda: mulerun.stats["polls"] != 0)
        await one.end(signal.SIGKILL)
        mulerun.complete()
        done = await finished(libsql, dsn, two, *jobs)
        await two.end(signal.SIGTERM)

        assert [(job.state, len(job.assets)) for job in done] == [(DONE, 1)] * 12
        assert sorted(one.settled() + two.settled()) == sorted(job.id for job in jobs)
        kept = {row[0] for row in libsql.tell(dsn, "SELECT task_id FROM jobs")}
        assert kept == {str(seen.task_id) for seen in mulerun.submissions()}
        # What the killed core had just gathered is lost with it; the other's records are all there.
        ((records,),) = libsql.tell(dsn, "SELECT count(*) FROM records WHERE endpoint LIKE '%CreateVideo' AND job_id <> ''")
        assert 7 <= records <= 13
        assert TOKEN not in str(one.log + two.log)


async def test_while_the_server_is_away_nothing_is_paid_and_jobs_catch_up_after_it(libsql: Hrana, short_path: Path) -> None:
    dsn = libsql.fresh()
    async with pair(dsn, short_path) as (mulerun, core, other):
        jobs = [await core.create(f"clip {number}") for number in range(3)]
        libsql.stop()
        try:
            for each in (core, other):
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await each.create("nobody pays for this")
                assert told(refused.value).info.reason == "STORE_UNAVAILABLE"
            mulerun.complete()
        finally:
            libsql.start()
        done = await finished(libsql, dsn, other, *jobs)

        assert [job.state for job in done] == [DONE] * 3
        assert len(mulerun.submissions()) == 3
