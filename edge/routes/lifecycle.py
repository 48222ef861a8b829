"""What a caller does with a clip or a song once it is begun: ask how it goes, list, download, forget."""

from collections.abc import Mapping
from typing import Any, Final

from cli2api.v1 import job_pb2

from edge import download
from edge.backend import Backend
from edge.dialects import jobs
from edge.dialects.jobs import Noun
from edge.errors import Failure
from edge.exchange import Exchange
from edge.statuses import JOB_ID

_POLL_AFTER_MS: Final = "1000"
"""Reading a job costs nothing, and the core itself looks upstream no more often."""


class Lifecycle:
    """The endpoints that every noun has in common."""

    def __init__(self, backend: Backend, noun: Noun) -> None:
        self._backend = backend
        self._noun = noun

    async def list(self, exchange: Exchange) -> None:
        """GET: a page, newest first unless asked otherwise."""
        request = jobs.page(exchange.query(), self._noun.kind)
        try:
            found = await self._backend.ask(self._backend.jobs.ListJobs, request, metadata=exchange.metadata)
        except Failure as failure:
            raise failure.renamed(jobs.PAGE_WORDS) from failure
        await exchange.reply(jobs.listing(found.jobs, self._noun, has_more=bool(found.next_page_token)))

    async def retrieve(self, exchange: Exchange) -> None:
        """GET {id}: how it stands."""
        await self.reply(exchange, await self.job(exchange))

    async def delete(self, exchange: Exchange) -> None:
        """DELETE {id}: forgets it."""
        job = await self.job(exchange)
        request = job_pb2.DeleteJobRequest(id=job.id)
        await self._backend.ask(self._backend.jobs.DeleteJob, request, metadata=exchange.metadata)
        await exchange.reply(jobs.deleted(job.id, self._noun))

    async def content(self, exchange: Exchange) -> None:
        """GET {id}/content: the bytes, whole or a range of them."""
        word = self._noun.word
        variant = exchange.query().get("variant", word)
        job = await self.job(exchange)
        if variant not in {word, *self._noun.extras}:
            known = ", ".join(f'"{each}"' for each in (word, *self._noun.extras))
            raise Failure("NO_SUCH_PATH", f'there is no variant "{variant}" of a {word}; known are {known}', param="variant")
        if job.state == job_pb2.JOB_STATE_FAILED:
            raise Failure("ASSET_NOT_READY", f"{word} {job.id} has no content, since it failed: {job.failure.message}")
        if job.state != job_pb2.JOB_STATE_SUCCEEDED:
            raise Failure(
                "ASSET_NOT_READY",
                f"{word} {job.id} has no content yet: its status is {jobs.status(job)}; poll GET {self._noun.path}/{job.id}",
                headers={"openai-poll-after-ms": _POLL_AFTER_MS},
            )
        index = jobs.asset_index(self._noun, job, variant)
        if index is None:
            raise Failure("NO_SUCH_PATH", f"MuleRun made no {variant} of {word} {job.id}", param="variant")
        await download.send(exchange, self._backend, job.id, index)

    async def job(self, exchange: Exchange) -> job_pb2.Job:
        """The job behind the path's id. Raises Failure, also for a job that makes something else."""
        job_id = exchange.path("id")
        request = job_pb2.GetJobRequest(id=job_id)
        job = (await self._backend.ask(self._backend.jobs.GetJob, request, metadata=exchange.metadata)).job
        if job.kind != self._noun.kind:
            raise Failure("JOB_NOT_FOUND", f'no {self._noun.word} has the id "{job_id}"; GET /v1/jobs/{job_id} tells what it is')
        return job

    async def reply(self, exchange: Exchange, job: job_pb2.Job) -> None:
        """Answers with the job as its noun shows it, and says when to ask again."""
        headers: Mapping[str, Any] = {JOB_ID: job.id}
        if not jobs.is_terminal(job):
            headers = {**headers, "openai-poll-after-ms": _POLL_AFTER_MS}
        await exchange.reply(self._noun.show(job), headers=headers)
