"""kill -9 of the core in the middle of a job: it is started again, and what was paid for once is finished once."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from cli2api.v1 import job_pb2, media_pb2
from cli2api.v1.job_pb2_grpc import JobServiceStub
from cli2api.v1.media_pb2_grpc import MediaServiceStub

from simulator.faults import Fault
from simulator.options import ByHand, Options
from tests.wire.house import METADATA, House, house

pytestmark = [pytest.mark.wire, pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")]

VIDEO = "/vendors/openai/v1/sora-2/generation"


async def test_a_video_outlives_the_core_that_submitted_it(short_path: Path) -> None:
    async with house(short_path, options=Options(pace=ByHand())) as home:
        video = await home.sdk.videos.create(model="sora-2", prompt="a tide pool")
        await polled(home)
        await kill_core(home)
        home.simulator.complete()
        done = await home.sdk.with_options(max_retries=5).videos.poll(video.id, poll_interval_ms=50)
        clip = await (await home.sdk.videos.download_content(video.id)).aread()

        assert done.status == "completed"
        assert clip[4:8] == b"ftyp"
        assert len(home.simulator.submissions(VIDEO)) == 1


async def test_a_submission_that_was_cut_off_is_called_uncertain_and_never_made_again(short_path: Path) -> None:
    async with house(short_path) as home:
        home.simulator.fault(Fault(hold="the answer"), path=VIDEO, method="POST")
        request = media_pb2.CreateVideoRequest(model="sora-2", prompt="a tide pool", request_id="once")
        submitting = asyncio.create_task(_create(home, request))
        await home.simulator.wait_for(lambda: home.simulator.held("the answer") == 1)
        await kill_core(home)
        await asyncio.gather(submitting, return_exceptions=True)
        home.simulator.release("the answer")
        listed = await JobServiceStub(home.channel).ListJobs(
            job_pb2.ListJobsRequest(), metadata=METADATA, wait_for_ready=True, timeout=20
        )
        again = await _create(home, request)

        assert [(job.state, job.failure.reason) for job in listed.jobs] == [(job_pb2.JOB_STATE_FAILED, "SUBMISSION_UNCERTAIN")]
        assert again.id == listed.jobs[0].id
        assert len([seen for seen in home.simulator.requests if seen.method == "POST" and seen.path == VIDEO]) == 1


async def _create(home: House, request: media_pb2.CreateVideoRequest) -> job_pb2.Job:
    return (await MediaServiceStub(home.channel).CreateVideo(request, metadata=METADATA, timeout=20)).job


async def polled(home: House) -> None:
    """Returns once the core has polled a task, so that it is in the middle of the job."""
    await home.simulator.wait_for(lambda: home.simulator.stats["polls"] != 0)


async def kill_core(home: House) -> None:
    """Kills the core as a crash would, and returns when another one serves."""
    before = home.gateway.pids["core"]
    os.kill(before, signal.SIGKILL)
    await home.log.until(lambda lines: sum(line["message"] == "ready" for line in lines) == 2)
    assert home.gateway.pids["core"] != before
