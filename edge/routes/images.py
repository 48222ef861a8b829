"""OpenAI's images, made from words or from pictures: one waited job, answered with links or with the pictures themselves."""

from base64 import b64encode

from cli2api.v1 import job_pb2
from starlette.routing import Route

from edge import documents
from edge.backend import Backend
from edge.dialects import images
from edge.errors import Failure, Spent
from edge.exchange import Exchange, Resource
from edge.statuses import JOB_ID


class Images:
    """`max_body` is bytes, `timeout` seconds for a whole call."""

    def __init__(self, backend: Backend, *, max_body: int, timeout: float) -> None:
        self._backend = backend
        self._max_body = max_body
        self._timeout = timeout

    def routes(self) -> list[Route]:
        """The paths that this room serves."""
        return [
            Route("/v1/images/generations", Resource(POST=self.generate)),
            Route("/v1/images/edits", Resource(POST=self.edit)),
        ]

    async def generate(self, exchange: Exchange) -> None:
        """POST /v1/images/generations, JSON or a form."""
        document = await documents.read(exchange, self._max_body)
        order = images.order(images.GENERATION, document.fields, exchange.idempotency_key, form=document.is_form)
        try:
            made = await self._backend.ask(
                self._backend.media.GenerateImages,
                order.request,
                metadata=exchange.metadata,
                timeout=self._timeout,
                spent=Spent.PERHAPS,
            )
        except Failure as failure:
            raise failure.renamed(images.GENERATION.callers_words) from failure
        await self._reply(exchange, order, made.job)

    async def edit(self, exchange: Exchange) -> None:
        """POST /v1/images/edits, a form or JSON."""
        document = await documents.read(exchange, self._max_body)
        order = images.order(images.EDIT, document.fields, exchange.idempotency_key, form=document.is_form)
        try:
            made = await self._backend.ask(
                self._backend.media.EditImages,
                order.request,
                metadata=exchange.metadata,
                timeout=self._timeout,
                spent=Spent.PERHAPS,
            )
        except Failure as failure:
            raise failure.renamed(images.EDIT.callers_words) from failure
        await self._reply(exchange, order, made.job)

    async def _reply(self, exchange: Exchange, order: images.AnyOrder, job: job_pb2.Job) -> None:
        encoded = await self._encoded(exchange, job) if order.as_base64 else []
        await exchange.reply(images.answer(job, order.request, encoded), headers={JOB_ID: job.id})

    async def _encoded(self, exchange: Exchange, job: job_pb2.Job) -> list[str]:
        """Every picture in base64. The pictures are paid for by now, so a failure says which job still has them."""
        try:
            return [await self._fetched(exchange, job.id, index) for index in range(len(job.assets))]
        except Failure as failure:
            raise failure.about(job.id, spent=Spent.CERTAINLY) from failure

    async def _fetched(self, exchange: Exchange, job_id: str, index: int) -> str:
        request = job_pb2.DownloadAssetRequest(id=job_id, index=index)
        download = self._backend.jobs.DownloadAsset
        async with self._backend.open(download, request, metadata=exchange.metadata, timeout=self._timeout) as pieces:
            return b64encode(b"".join([piece.chunk async for piece in pieces])).decode()
