"""JobService: reads, watches, waits for, forgets and downloads jobs. Reading a job never calls the upstream.

Keys are a flat list, not tenants: who holds one sees every job of the gateway.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from cli2api.v1 import job_pb2, job_pb2_grpc

from services.api import pages
from services.api.convert import job_kinds, job_states, job_to_proto
from services.api.patience import Context, patience, within_deadline
from services.domain.errors import AssetNotReady, InvalidRequest, JobNotFound, NoReceiver, Unsupported, Violation
from services.domain.job import Job, JobQuery, JobState
from services.domain.ports import JobAssets
from services.jobs.engine import Engine
from services.jobs.ids import moment_of
from services.jobs.inbox import Delivery, Inbox
from services.jobs.notifier import Notifier

_PAGE: Final = 20
_LONGEST_PAGE: Final = 100


class Jobs(job_pb2_grpc.JobServiceServicer):
    """Every job of any kind, also those behind waited calls."""

    def __init__(
        self, *, engine: Engine, assets: JobAssets, inbox: Inbox | None = None, notifier: Notifier | None = None
    ) -> None:
        """Without an `inbox` webhooks are refused, without a `notifier` nobody is told of jobs."""
        self._engine = engine
        self._notifier = notifier
        self._inbox = inbox
        self._assets = assets

    async def GetJob(self, request: job_pb2.GetJobRequest, context: Context) -> job_pb2.GetJobResponse:  # noqa: N802
        """The job as it stands."""
        return job_pb2.GetJobResponse(job=job_to_proto(await self._engine.get(request.id)))

    async def ListJobs(self, request: job_pb2.ListJobsRequest, context: Context) -> job_pb2.ListJobsResponse:  # noqa: N802
        """A page of jobs. One more than asked for is read, to know whether it is the last page."""
        size = pages.page_size(request.page_size, default=_PAGE, most=_LONGEST_PAGE)
        oldest_first = request.order == job_pb2.LIST_ORDER_OLDEST
        kinds, states = job_kinds(request.kinds), job_states(request.states)
        question = f"jobs {sorted(kinds)} {sorted(states)} {request.model} {oldest_first}"
        after = await self._after(request, question)
        query = JobQuery(limit=size + 1, kinds=kinds, states=states, model=request.model, oldest_first=oldest_first, after=after)
        found = await self._engine.page(query)
        shown = found[:size]
        more = len(found) > size
        return job_pb2.ListJobsResponse(
            jobs=[job_to_proto(each) for each in shown],
            next_page_token=pages.token((shown[-1].created_at, shown[-1].id), question) if more else "",
        )

    async def WatchJob(  # noqa: N802
        self, request: job_pb2.WatchJobRequest, context: Context
    ) -> AsyncGenerator[job_pb2.WatchJobResponse, None]:
        """The job as it stands, then at each change, to the terminal one."""
        async with aclosing(self._engine.watch(request.id, request.after_revision)) as changes:
            async for job in changes:
                yield job_pb2.WatchJobResponse(job=job_to_proto(job))

    async def WaitJob(self, request: job_pb2.WaitJobRequest, context: Context) -> job_pb2.WaitJobResponse:  # noqa: N802
        """The terminal job, or the job as it stands when `timeout` has passed."""
        job_id = request.id
        timeout = request.timeout.ToTimedelta().total_seconds() if request.HasField("timeout") else None
        deadline = patience(context)
        if timeout is None or (deadline is not None and deadline < timeout):
            async with within_deadline(context, lambda: job_id):
                return job_pb2.WaitJobResponse(job=job_to_proto(await self._engine.wait(job_id)))
        try:
            async with asyncio.timeout(timeout):
                job = await self._engine.wait(job_id)
        except TimeoutError:
            job = await self._engine.get(job_id)
        return job_pb2.WaitJobResponse(job=job_to_proto(job))

    async def DeleteJob(self, request: job_pb2.DeleteJobRequest, context: Context) -> job_pb2.DeleteJobResponse:  # noqa: N802
        """Forgets the job."""
        job = await self._engine.delete(request.id)
        return job_pb2.DeleteJobResponse(id=job.id, deleted=True, was_in_flight=not job.is_terminal)

    async def RedeliverJob(  # noqa: N802
        self, request: job_pb2.RedeliverJobRequest, context: Context
    ) -> job_pb2.RedeliverJobResponse:
        """The job's end is told to the outside once more."""
        job_id = request.id
        if self._notifier is None:
            raise NoReceiver("this gateway tells nobody of its jobs: set CLI2API_NOTIFY_URL and CLI2API_NOTIFY_SECRETS")
        return job_pb2.RedeliverJobResponse(job=job_to_proto(await self._notifier.redeliver(job_id)))

    async def DownloadAsset(  # noqa: N802
        self, request: job_pb2.DownloadAssetRequest, context: Context
    ) -> AsyncGenerator[job_pb2.DownloadAssetResponse, None]:
        """One file of a succeeded job: a head, then its bytes."""
        job = await self._engine.get(request.id)
        _check_has(job, request.index)
        async with self._assets.open(job, request.index, offset=request.offset, limit=request.limit) as asset:
            head = job_pb2.AssetHead(
                mime_type=asset.mime_type, size_bytes=asset.size_bytes, offset=asset.offset, sha256=asset.sha256
            )
            yield job_pb2.DownloadAssetResponse(head=head)
            async for chunk in asset.chunks():
                yield job_pb2.DownloadAssetResponse(chunk=chunk)

    async def ReceiveWebhook(  # noqa: N802
        self, request: job_pb2.ReceiveWebhookRequest, context: Context
    ) -> job_pb2.ReceiveWebhookResponse:
        """Settles a job by the upstream's own word."""
        if self._inbox is None:
            raise Unsupported("webhooks are switched off: set CLI2API_WEBHOOK_SECRET to the secret that signs them")
        delivery = Delivery(id=request.delivery_id, timestamp=request.timestamp, signature=request.signature, body=request.body)
        job = await self._inbox.receive(delivery)
        return job_pb2.ReceiveWebhookResponse(job_id=job.id if job else "")

    async def _after(self, request: job_pb2.ListJobsRequest, question: str) -> tuple[float, str] | None:
        if not request.after_id:
            return pages.position(request.page_token, question)
        if request.page_token:
            raise InvalidRequest.of(Violation("after_id", "cannot be sent together with page_token: send one of them"))
        try:
            job = await self._engine.get(request.after_id)
        except JobNotFound as error:
            # Whoever deletes page by page asks for what comes after a job that is gone; its id still tells where it stood.
            if (created_at := moment_of(request.after_id)) is not None:
                return created_at, request.after_id
            raise InvalidRequest.of(Violation("after_id", "names no job of this gateway")) from error
        return job.created_at, job.id


def _check_has(job: Job, index: int) -> None:
    """Raises AssetNotReady where the job has no such asset, saying how the job stands."""
    if job.state is JobState.FAILED:
        why = job.failure.message if job.failure else "it failed"
        raise AssetNotReady(f"job {job.id} has no asset, since it failed: {why}", metadata={"job_id": job.id})
    if job.state is not JobState.SUCCEEDED:
        raise AssetNotReady(
            f"job {job.id} is {job.state.value}; its assets are there when it has succeeded", metadata={"job_id": job.id}
        )
    if index >= len(job.assets):
        raise AssetNotReady(
            f"job {job.id} has no asset {index}; it has {len(job.assets)}, counted from 0", metadata={"job_id": job.id}
        )
