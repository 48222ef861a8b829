"""A deadline that passes before MuleRun has taken the task names the job all the same, since it is written down before that."""

from pathlib import Path

import grpc
import pytest
from cli2api.v1 import job_pb2, media_pb2

from simulator.faults import Fault
from tests.core import fails, world

FOX = media_pb2.GenerateImagesRequest(model="gpt-image-2", prompt="a fox")


@pytest.mark.parametrize("method", ["GenerateImages", "SynthesizeSpeech"])
async def test_the_job_of_a_submission_that_hangs_is_named_and_goes_on(tmp_path: Path, method: str) -> None:
    speech = media_pb2.SynthesizeSpeechRequest(model="speech-2.8-turbo", voice="Wise_Woman", prompt="Good morning!")
    async with world(tmp_path) as gateway:
        gateway.upstream.fault(Fault(hold="the answer"), method="POST")
        media = gateway.media
        call = media.GenerateImages(FOX, timeout=1) if method == "GenerateImages" else media.SynthesizeSpeech(speech, timeout=1)
        told = await fails(call)
        job_id = told.info.metadata["job_id"]
        standing = (await gateway.jobs.GetJob(job_pb2.GetJobRequest(id=job_id))).job.state
        gateway.upstream.release("the answer")
        done = (await gateway.jobs.WaitJob(job_pb2.WaitJobRequest(id=job_id), timeout=20)).job

    assert told.code == grpc.StatusCode.DEADLINE_EXCEEDED
    assert f"job {job_id}" in told.message
    assert standing == job_pb2.JOB_STATE_SUBMITTING
    assert done.state == job_pb2.JOB_STATE_SUCCEEDED
    assert len(gateway.upstream.submissions()) == 1
