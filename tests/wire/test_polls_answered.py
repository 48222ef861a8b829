"""What MuleRun says when it is polled, over a real line: what a job makes of odd words, refusals and requests to wait."""

from pathlib import Path

import pytest
from cli2api.v1 import job_pb2, media_pb2

from simulator.faults import Fault, TaskScript
from simulator.options import ByHand, Options
from tests.core import World, world

VIDEO = media_pb2.CreateVideoRequest(model="sora-2", prompt="a tide pool", seconds="4")
SUCCEEDED, FAILED = job_pb2.JOB_STATE_SUCCEEDED, job_pb2.JOB_STATE_FAILED


async def ended(gateway: World, fault: Fault | None = None) -> job_pb2.Job:
    """A clip's job at its end, submitted under that fault."""
    if fault:
        gateway.upstream.fault(fault, method="POST")
    job_id = (await gateway.media.CreateVideo(VIDEO)).job.id
    return (await gateway.jobs.WaitJob(job_pb2.WaitJobRequest(id=job_id), timeout=20)).job


def polls(gateway: World) -> list[float]:
    """When each poll came; unix seconds."""
    return [seen.time for seen in gateway.upstream.requests if seen.method == "GET" and "/vendors/" in seen.path]


async def test_an_answer_without_a_word_fails_the_job(tmp_path: Path) -> None:
    async with world(tmp_path, Options(pace=ByHand())) as gateway:
        job = await ended(gateway, Fault(task=TaskScript(word="")))
        assert job.state == FAILED
        assert "status" in job.failure.message
        assert len(polls(gateway)) == 1


async def test_an_unknown_word_is_polled_on_until_a_known_one_comes(tmp_path: Path) -> None:
    async with world(tmp_path, Options(pace=ByHand())) as gateway:
        gateway.upstream.fault(Fault(task=TaskScript(word="pondering")), method="POST")
        job_id = (await gateway.media.CreateVideo(VIDEO)).job.id
        await gateway.upstream.wait_for(lambda: len(polls(gateway)) >= 3)
        job = (await gateway.jobs.GetJob(job_pb2.GetJobRequest(id=job_id))).job
        assert job.state in (job_pb2.JOB_STATE_QUEUED, job_pb2.JOB_STATE_RUNNING)


@pytest.mark.parametrize("status", [401, 404, 408, 425, 429, 500, 503])
async def test_a_few_refused_polls_end_no_job(tmp_path: Path, status: int) -> None:
    async with world(tmp_path) as gateway:
        job = await ended(gateway, Fault(poll=Fault(status=status), poll_times=2))
        assert job.state == SUCCEEDED
        assert len(polls(gateway)) > 2


@pytest.mark.parametrize("status", [402, 403, 410])
async def test_a_final_refusal_ends_it(tmp_path: Path, status: int) -> None:
    async with world(tmp_path) as gateway:
        job = await ended(gateway, Fault(poll=Fault(status=status), poll_times=9))
        assert job.state == FAILED
        assert job.failure.reason


async def test_the_next_poll_waits_as_long_as_it_is_asked_to(tmp_path: Path) -> None:
    async with world(tmp_path) as gateway:
        job = await ended(gateway, Fault(poll=Fault(status=429, retry_after=1)))
        first, second, *_ = polls(gateway)
        assert job.state == SUCCEEDED
        assert second - first >= 1.0
