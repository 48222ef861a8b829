"""MuleRun has a bad day: what was paid for comes to its end, what is not known is said, and nothing is paid twice."""

import asyncio
from collections import Counter
from pathlib import Path

import grpc
import grpc.aio
import pytest
from cli2api.v1 import job_pb2

from simulator.faults import Fault, Reset
from tests.faults.cores import Cluster, Core, cluster, prompts
from tests.postgres import Server
from tests.rpc import told

pytestmark = pytest.mark.wire

DONE = job_pb2.JOB_STATE_SUCCEEDED
POLLS = "/vendors/*/generation/*"


async def outcome(core: Core, prompt: str) -> str:
    """The job's id, or why there is none."""
    try:
        job = await core.create(prompt)
    except grpc.aio.AioRpcError as error:
        return str(told(error).info.reason)
    return str(job.id)


async def met(home: Cluster, status: int | None, times: int) -> None:
    """Returns when so many polls were answered with that status, or cut off."""

    def answered() -> int:
        return sum(seen.method == "GET" and seen.finished and seen.status == status for seen in home.mulerun.requests)

    await home.mulerun.wait_for(lambda: answered() >= times, 20)


async def test_jobs_outlive_polls_that_fail_in_every_way(postgres: Server, short_path: Path) -> None:
    async with cluster(postgres, short_path) as home:
        core = await home.start()
        jobs = [await core.create(f"clip {number}") for number in range(20)]
        for fault in (Fault(status=500), Fault(status=429, retry_after=1), Fault(status=503), Fault(reset=Reset.UNSERVED)):
            home.mulerun.fault(fault, path=POLLS, method="GET", times=30)
        for status in (500, 429, 503, None):
            await met(home, status, 30)
        home.mulerun.complete()
        done = await asyncio.gather(*(core.wait(job.id) for job in jobs))

        assert [(job.state, len(job.assets)) for job in done] == [(DONE, 1)] * 20
        assert len(home.mulerun.submissions()) == 20


async def test_submissions_that_fail_are_paid_at_most_once_and_counted(postgres: Server, short_path: Path) -> None:
    async with cluster(postgres, short_path) as home:
        core = await home.start()
        for fault in (Fault(status=500), Fault(status=429), Fault(reset=Reset.UNSERVED), Fault(reset=Reset.UNANSWERED)):
            home.mulerun.fault(fault, method="POST", times=5)
        outcomes = [await outcome(core, f"clip {number}") for number in range(25)]
        accepted = outcomes[20:]
        home.mulerun.complete()
        done = await asyncio.gather(*(core.wait(job_id) for job_id in accepted))
        listed = (await core.jobs.ListJobs(job_pb2.ListJobsRequest(page_size=100))).jobs

        assert Counter(outcomes[:20]) == {"SUBMISSION_UNCERTAIN": 15, "RATE_LIMITED": 5}
        assert [job.state for job in done] == [DONE] * 5
        assert Counter(job.failure.reason for job in listed) == {"": 5, "SUBMISSION_UNCERTAIN": 15, "RATE_LIMITED": 5}
        assert prompts(home.mulerun) == {f"clip {number}": 1 for number in range(25)}, "none was sent twice"
        assert len(home.mulerun.submissions()) == 5 + 5, "those that were accepted, and those whose answer was lost"
