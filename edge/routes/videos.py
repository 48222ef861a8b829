"""OpenAI's videos: a job that is started, polled, listed, downloaded and forgotten."""

from typing import Any, Final

from cli2api.v1 import job_pb2
from starlette.routing import Route

from edge import body, download, multipart
from edge.backend import Backend
from edge.dialects import forms, videos
from edge.errors import Failure, Spent
from edge.exchange import Exchange, Resource
from edge.statuses import JOB_ID

_POLL_AFTER_MS: Final = "1000"
"""Reading a job costs nothing, and the core itself looks upstream no more often."""


class Videos:
    """`max_body` is bytes."""

    def __init__(self, backend: Backend, *, max_body: int) -> None:
        self._backend = backend
        self._max_body = max_body

    def routes(self) -> list[Route]:
        """The paths that this room serves."""
        return [
            Route("/v1/videos", Resource(POST=self.create, GET=self.list)),
            Route("/v1/videos/{id}", Resource(GET=self.retrieve, DELETE=self.delete)),
            Route("/v1/videos/{id}/content", Resource(GET=self.content)),
        ]

    async def create(self, exchange: Exchange) -> None:
        """POST /v1/videos, JSON or a form."""
        content_type = exchange.headers.get("content-type", "")
        raw = await body.read(exchange, self._max_body)
        form = multipart.is_form(content_type)
        document = forms.fold(multipart.parse(content_type, raw)) if form else body.decode_object(raw)
        request = videos.create(document, exchange.idempotency_key, form=form)
        try:
            made = await self._backend.ask(
                self._backend.media.CreateVideo, request, metadata=exchange.metadata, spent=Spent.PERHAPS
            )
        except Failure as failure:
            raise failure.renamed(videos.CALLERS_WORDS) from failure
        await self._reply(exchange, made.job)

    async def list(self, exchange: Exchange) -> None:
        """GET /v1/videos."""
        request = videos.page(exchange.query())
        try:
            found = await self._backend.ask(self._backend.jobs.ListJobs, request, metadata=exchange.metadata)
        except Failure as failure:
            raise failure.renamed(videos.CALLERS_WORDS) from failure
        await exchange.reply(videos.listing(found.jobs, has_more=bool(found.next_page_token)))

    async def retrieve(self, exchange: Exchange) -> None:
        """GET /v1/videos/{id}."""
        await self._reply(exchange, await self._video(exchange))

    async def delete(self, exchange: Exchange) -> None:
        """DELETE /v1/videos/{id}."""
        job = await self._video(exchange)
        request = job_pb2.DeleteJobRequest(id=job.id)
        await self._backend.ask(self._backend.jobs.DeleteJob, request, metadata=exchange.metadata)
        await exchange.reply(videos.deleted(job.id))

    async def content(self, exchange: Exchange) -> None:
        """GET /v1/videos/{id}/content."""
        variant = exchange.query().get("variant", "video")
        job = await self._video(exchange)
        if variant != "video":
            raise Failure(
                "NO_SUCH_PATH", f'MuleRun makes no {variant} of a video; only variant "video" is there', param="variant"
            )
        if job.state == job_pb2.JOB_STATE_FAILED:
            raise Failure("ASSET_NOT_READY", f"video {job.id} has no content, since it failed: {job.failure.message}")
        if job.state != job_pb2.JOB_STATE_SUCCEEDED:
            raise Failure(
                "ASSET_NOT_READY",
                f"video {job.id} has no content yet: its status is {videos.status(job)}; poll GET /v1/videos/{job.id}",
                headers={"openai-poll-after-ms": _POLL_AFTER_MS},
            )
        await download.send(exchange, self._backend, job.id)

    async def _video(self, exchange: Exchange) -> job_pb2.Job:
        """The job behind the path's id. Raises Failure, also for a job that makes something else."""
        job_id = exchange.path("id")
        request = job_pb2.GetJobRequest(id=job_id)
        job = (await self._backend.ask(self._backend.jobs.GetJob, request, metadata=exchange.metadata)).job
        if job.kind != job_pb2.JOB_KIND_VIDEO:
            raise Failure("JOB_NOT_FOUND", f'no video has the id "{job_id}"; GET /v1/jobs/{job_id} tells what it is')
        return job

    async def _reply(self, exchange: Exchange, job: job_pb2.Job) -> None:
        headers: dict[str, Any] = {JOB_ID: job.id}
        if not videos.is_terminal(job):
            headers["openai-poll-after-ms"] = _POLL_AFTER_MS
        await exchange.reply(videos.video(job), headers=headers)
