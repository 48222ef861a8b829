"""What gRPC callers of the soak do, with the generated stubs. Each deed returns how it went, or raises what the stub raises."""

from typing import Any

import grpc.aio
from cli2api.v1 import job_pb2, media_pb2, text_pb2
from cli2api.v1.job_pb2_grpc import JobServiceStub
from cli2api.v1.media_pb2_grpc import MediaServiceStub
from cli2api.v1.text_pb2_grpc import TextServiceStub

from tests.soak.calls import OK, Answer, CutOff
from tests.soak.ledger import METADATA, Ledger


class Stubs:
    """Everything that is asked over gRPC, on one channel."""

    def __init__(self, channel: grpc.aio.Channel, ledger: Ledger) -> None:
        self._text: Any = TextServiceStub(channel)
        self._media: Any = MediaServiceStub(channel)
        self._jobs: Any = JobServiceStub(channel)
        self._ledger = ledger

    async def generate(self, prompt: str) -> Answer:
        """A whole answer."""
        await self._text.Generate(text_pb2.GenerateRequest(model="gpt-5", messages=_said(prompt)), metadata=METADATA)
        return OK

    async def stream(self, prompt: str, *, leave: bool = False) -> Answer:
        """A stream to its finish, or left after the first event."""
        request = text_pb2.StreamGenerateRequest(model="gpt-5", messages=_said(prompt))
        call = self._text.StreamGenerate(request, metadata=METADATA)
        finished = False
        async for event in call:
            if leave:
                call.cancel()
                return OK
            finished = finished or event.HasField("finished")
        if not finished:
            raise CutOff
        return OK

    async def watch(self, prompt: str) -> Answer:
        """A clip that is begun and watched to its end."""
        request = media_pb2.CreateVideoRequest(model="sora-2", prompt=prompt, request_id=prompt)
        job = (await self._media.CreateVideo(request, metadata=METADATA)).job
        async for change in self._jobs.WatchJob(job_pb2.WatchJobRequest(id=job.id), metadata=METADATA):
            self._ledger.note(change.job)
            job = change.job
        if job.state not in {job_pb2.JOB_STATE_SUCCEEDED, job_pb2.JOB_STATE_FAILED}:
            raise CutOff
        return OK

    async def note(self, job_id: str) -> None:
        """Lets the ledger see a job that is about to be deleted."""
        self._ledger.note((await self._jobs.GetJob(job_pb2.GetJobRequest(id=job_id), metadata=METADATA)).job)


def _said(prompt: str) -> list[text_pb2.Message]:
    return [text_pb2.Message(role=text_pb2.ROLE_USER, parts=[text_pb2.Part(text=prompt)])]
