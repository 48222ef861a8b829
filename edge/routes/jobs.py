"""Our own resource: every job of any kind, also those behind waited calls, as the contract's JSON."""

from typing import Final

from cli2api.v1 import job_pb2
from google.protobuf.duration_pb2 import Duration
from starlette.routing import Route

from edge import download, events
from edge.backend import CALL_TIMEOUT, Backend
from edge.dialects import contract
from edge.dialects.fields import WrongField
from edge.exchange import Exchange, Resource
from edge.sse import EVENTS
from edge.statuses import JOB_ID

_RESUMED_AT: Final = "last-event-id"
"""The header by which an EventSource says how far it has come."""
_HIGHEST: Final = (1 << 63) - 1


class Jobs:
    """`heartbeat` and `timeout` are seconds: of silence in a watch, and how long a wait lasts at most."""

    def __init__(self, backend: Backend, *, heartbeat: float, timeout: float) -> None:
        self._backend = backend
        self._heartbeat = heartbeat
        self._timeout = timeout

    def routes(self) -> list[Route]:
        """The paths that this room serves."""
        return [
            Route("/v1/jobs", Resource(GET=self.list)),
            Route("/v1/jobs/{id}:watch", Resource(GET=self.watch)),
            Route("/v1/jobs/{id}:wait", Resource(GET=self.wait)),
            Route("/v1/jobs/{id}:redeliver", Resource(POST=self.redeliver)),
            Route("/v1/jobs/{id}", Resource(GET=self.retrieve, DELETE=self.delete)),
            Route("/v1/jobs/{id}/content", Resource(GET=self.content)),
        ]

    async def list(self, exchange: Exchange) -> None:
        """GET /v1/jobs."""
        request = contract.read(job_pb2.ListJobsRequest, exchange.query_fields())
        found = await self._backend.ask(self._backend.jobs.ListJobs, request, metadata=exchange.metadata)
        await exchange.reply(contract.shown(found))

    async def retrieve(self, exchange: Exchange) -> None:
        """GET /v1/jobs/{id}."""
        job = await self._job(exchange)
        await exchange.reply(contract.shown(job), headers={JOB_ID: job.id})

    async def wait(self, exchange: Exchange) -> None:
        """GET /v1/jobs/{id}:wait: the terminal job, or the job as it stands when the time is up."""
        request = contract.read(job_pb2.WaitJobRequest, [("id", exchange.path("id")), *exchange.query_fields()])
        longest = Duration()
        longest.FromMilliseconds(round(self._timeout * 1000))
        if not request.HasField("timeout") or request.timeout.ToMilliseconds() > longest.ToMilliseconds():
            request.timeout.CopyFrom(longest)
        patience = self._timeout + CALL_TIMEOUT
        found = await self._backend.ask(self._backend.jobs.WaitJob, request, metadata=exchange.metadata, timeout=patience)
        await exchange.reply(contract.shown(found.job), headers={JOB_ID: found.job.id})

    async def watch(self, exchange: Exchange) -> None:
        """GET /v1/jobs/{id}:watch: an event for the job as it stands and for each change, to the terminal one."""
        request = contract.read(job_pb2.WatchJobRequest, [("id", exchange.path("id")), *exchange.query_fields()])
        request.after_revision = request.after_revision or _revision(exchange.headers.get(_RESUMED_AT, ""))
        job = await self._job(exchange)  # an unknown one is a whole answer, before the stream begins
        changes = self._backend.open(self._backend.jobs.WatchJob, request, metadata=exchange.metadata)
        async with events.streamed(exchange, self._heartbeat) as stream, changes as pieces:
            await stream.begin([*EVENTS, (JOB_ID, job.id)])
            async for piece in pieces:
                await stream.write(events.event(contract.shown(piece.job), id=piece.job.revision))

    async def delete(self, exchange: Exchange) -> None:
        """DELETE /v1/jobs/{id}."""
        request = job_pb2.DeleteJobRequest(id=exchange.path("id"))
        gone = await self._backend.ask(self._backend.jobs.DeleteJob, request, metadata=exchange.metadata)
        await exchange.reply(contract.shown(gone))

    async def redeliver(self, exchange: Exchange) -> None:
        """POST /v1/jobs/{id}:redeliver: the gateway's receiver is told of the job's end once more."""
        request = job_pb2.RedeliverJobRequest(id=exchange.path("id"))
        found = await self._backend.ask(self._backend.jobs.RedeliverJob, request, metadata=exchange.metadata)
        await exchange.reply(contract.shown(found.job), headers={JOB_ID: found.job.id})

    async def content(self, exchange: Exchange) -> None:
        """GET /v1/jobs/{id}/content: one of its files, whole or a range of it."""
        query = exchange.query_fields()
        request = contract.read(job_pb2.DownloadAssetRequest, [each for each in query if each[0] == "index"])
        await download.send(exchange, self._backend, exchange.path("id"), request.index)

    async def _job(self, exchange: Exchange) -> job_pb2.Job:
        request = job_pb2.GetJobRequest(id=exchange.path("id"))
        return (await self._backend.ask(self._backend.jobs.GetJob, request, metadata=exchange.metadata)).job


def _revision(text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdecimal() and int(text) <= _HIGHEST):
        raise WrongField(_RESUMED_AT, "takes the id of an event of this watch, which is a whole number")
    return int(text)
