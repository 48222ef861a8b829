"""Every job that the gateway ever listed, kept after it has forgotten it, to be held against what MuleRun would have billed."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import grpc.aio
from cli2api.v1 import job_pb2
from cli2api.v1.job_pb2_grpc import JobServiceStub

from tests.soak.plan import KEY

METADATA: Final = (("authorization", f"Bearer {KEY}"),)
_DONE, _FAILED = job_pb2.JOB_STATE_SUCCEEDED, job_pb2.JOB_STATE_FAILED
_PAGE: Final = 100


@dataclass(slots=True)
class Ledger:
    """Jobs by id, as they were last seen."""

    jobs: dict[str, job_pb2.Job] = field(default_factory=dict)

    def note(self, job: job_pb2.Job) -> None:
        """Remembers it, unless more was known of it already."""
        known = self.jobs.get(job.id)
        if known is None or known.revision <= job.revision:
            self.jobs[job.id] = job

    async def read(self, channel: grpc.aio.Channel) -> list[job_pb2.Job]:
        """Takes in all that the gateway has now, and gives it."""
        stub: Any = JobServiceStub(channel)
        found: list[job_pb2.Job] = []
        token = ""
        while True:
            asked = job_pb2.ListJobsRequest(page_size=_PAGE, page_token=token)
            page = await stub.ListJobs(asked, metadata=METADATA, timeout=20)
            for job in page.jobs:
                self.note(job)
                found.append(job)
            token = page.next_page_token
            if not token:
                return found

    async def keep_reading(self, channel: grpc.aio.Channel, every: float) -> None:
        """Reads until it is cancelled; where the gateway is away, again later."""
        while True:
            with suppress(grpc.aio.AioRpcError):  # callers tell of failures; this one only looks
                await self.read(channel)
            await asyncio.sleep(every)

    def complaints(self, paid: Mapping[str, int]) -> list[str]:
        """What does not add up between the jobs and the tasks that MuleRun made, by prompt."""
        jobs = {job.prompt: job for job in self.jobs.values()}
        done = {prompt for prompt, job in jobs.items() if job.state == _DONE}
        silent = [
            prompt for prompt in jobs.keys() & paid.keys() if jobs[prompt].state == _FAILED and not jobs[prompt].failure.reason
        ]
        return [
            f"{len(found)} {what}: {sorted(found)[:3]}"
            for what, found in (
                ("orders were paid twice", [prompt for prompt, count in paid.items() if count > 1]),
                ("orders have two jobs", [prompt for prompt, count in self._prompts().items() if count > 1]),
                ("tasks were paid and have no job", paid.keys() - jobs.keys()),
                ("jobs succeeded without a task", done - paid.keys()),
                ("jobs have not ended", [job.id for job in self.jobs.values() if job.state not in {_DONE, _FAILED}]),
                ("paid jobs failed without a reason", silent),
            )
            if found
        ]

    def outcomes(self) -> Counter[str]:
        """How many jobs ended how."""
        return Counter(
            "succeeded" if job.state == _DONE else f"failed: {job.failure.reason or 'unfinished'}" for job in self.jobs.values()
        )

    def _prompts(self) -> Counter[str]:
        return Counter(job.prompt for job in self.jobs.values())
