"""The demo's scenes through the generated gRPC stubs: typed text as a stream, a job watched to its end, and the list of jobs."""

from dataclasses import dataclass
from typing import Final

import grpc
from cli2api.v1 import job_pb2, job_pb2_grpc, media_pb2, media_pb2_grpc, text_pb2, text_pb2_grpc

from cli.demo.screen import begin, check, piece

TEXT_MODEL: Final = "gpt-5-mini"
VIDEO_MODEL: Final = "wan2.6-t2v"
JOBS_OF_THE_DEMO: Final = 4
"""A picture, speech and two clips: what a call waited for is a job too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What every call of a stub needs: the channel, the caller's key as metadata, and a deadline in seconds."""

    channel: grpc.aio.Channel
    metadata: tuple[tuple[str, str], ...]
    timeout: float


async def streamed_text(call: Call) -> None:
    """One answer as typed events, shown as they arrive."""
    begin("TextService.StreamGenerate", TEXT_MODEL)
    request = text_pb2.StreamGenerateRequest(
        model=TEXT_MODEL,
        messages=[text_pb2.Message(role=text_pb2.ROLE_USER, parts=[text_pb2.Part(text="Typed words, please.")])],
    )
    events = text_pb2_grpc.TextServiceStub(call.channel).StreamGenerate(request, metadata=call.metadata, timeout=call.timeout)
    pieces = 0
    async for event in events:
        pieces += event.HasField("text")
        piece(event.text.text)
    check(pieces > 1, f"the answer came in {pieces} pieces instead of many")
    print(f"  ({pieces} pieces)")


async def watched_video(call: Call) -> None:
    """A clip: submitted, and every state of its job watched to the end."""
    begin("MediaService.CreateVideo", VIDEO_MODEL)
    created = await media_pb2_grpc.MediaServiceStub(call.channel).CreateVideo(
        media_pb2.CreateVideoRequest(model=VIDEO_MODEL, prompt="a mule at dusk", seconds="5"),
        metadata=call.metadata,
        timeout=call.timeout,
    )
    job = created.job
    print(job.id)

    begin("JobService.WatchJob")
    changes = job_pb2_grpc.JobServiceStub(call.channel).WatchJob(
        job_pb2.WatchJobRequest(id=job.id), metadata=call.metadata, timeout=call.timeout
    )
    shown = ""
    async for change in changes:
        job = change.job
        state = state_of(job)
        if state != shown:
            piece(f" > {state}" if shown else state)
        shown = state
    print(f", {job.progress} %, {len(job.assets)} file" if job.assets else "")
    check(job.state == job_pb2.JOB_STATE_SUCCEEDED, f"the job ended as {state_of(job)}: {job.failure.message}")
    check(bool(job.assets), "the job succeeded and names no file")


async def jobs(call: Call) -> None:
    """Everything that was made is a job."""
    begin("JobService.ListJobs")
    listed = await job_pb2_grpc.JobServiceStub(call.channel).ListJobs(
        job_pb2.ListJobsRequest(), metadata=call.metadata, timeout=call.timeout
    )
    print(f"{len(listed.jobs)} jobs, newest first")
    for job in listed.jobs:
        kind = job_pb2.JobKind.Name(job.kind).removeprefix("JOB_KIND_").lower()
        print(f"    {kind:8} {state_of(job):10} {job.model:18} {job.id}")
    check(len(listed.jobs) == JOBS_OF_THE_DEMO, f"{JOBS_OF_THE_DEMO} jobs were made and {len(listed.jobs)} are listed")


def state_of(job: job_pb2.Job) -> str:
    """The job's state as people say it."""
    return job_pb2.JobState.Name(job.state).removeprefix("JOB_STATE_").lower()
