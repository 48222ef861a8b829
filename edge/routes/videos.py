"""OpenAI's videos: a job that is started, remixed, polled, listed, downloaded and forgotten."""

from cli2api.v1 import media_pb2
from starlette.routing import Route

from edge import documents
from edge.backend import Backend
from edge.dialects import videos
from edge.dialects.tables import Table
from edge.errors import Failure, Spent
from edge.exchange import Exchange, Resource
from edge.routes.lifecycle import Lifecycle


class Videos:
    """`max_body` is bytes."""

    def __init__(self, backend: Backend, *, max_body: int) -> None:
        self._backend = backend
        self._max_body = max_body
        self._life = Lifecycle(backend, videos.NOUN)

    def routes(self) -> list[Route]:
        """The paths that this room serves."""
        life = self._life
        return [
            Route("/v1/videos", Resource(POST=self.create, GET=life.list)),
            Route("/v1/videos/{id}", Resource(GET=life.retrieve, DELETE=life.delete)),
            Route("/v1/videos/{id}/content", Resource(GET=life.content)),
            Route("/v1/videos/{id}/remix", Resource(POST=self.remix)),
        ]

    async def create(self, exchange: Exchange) -> None:
        """POST /v1/videos, JSON or a form."""
        await self._begin(exchange, await self._read(exchange, videos.CREATION), videos.CREATION)

    async def remix(self, exchange: Exchange) -> None:
        """POST /v1/videos/{id}/remix, JSON or a form."""
        request = await self._read(exchange, videos.REMIX)
        request.remix_of_id = (await self._life.job(exchange)).id
        await self._begin(exchange, request, videos.REMIX)

    async def _read(self, exchange: Exchange, table: Table[media_pb2.CreateVideoRequest]) -> media_pb2.CreateVideoRequest:
        document = await documents.read(exchange, self._max_body)
        return table.read(document.fields, exchange.idempotency_key, form=document.is_form).request

    async def _begin(
        self, exchange: Exchange, request: media_pb2.CreateVideoRequest, table: Table[media_pb2.CreateVideoRequest]
    ) -> None:
        try:
            made = await self._backend.ask(
                self._backend.media.CreateVideo, request, metadata=exchange.metadata, spent=Spent.PERHAPS
            )
        except Failure as failure:
            raise failure.renamed(table.callers_words) from failure
        await self._life.reply(exchange, made.job)
