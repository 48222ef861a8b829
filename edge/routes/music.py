"""Songs: jobs that live as videos do."""

from starlette.routing import Route

from edge import body
from edge.backend import Backend
from edge.dialects import music
from edge.errors import Failure, Spent
from edge.exchange import Exchange, Resource
from edge.routes.lifecycle import Lifecycle


class Music:
    """`max_body` is bytes."""

    def __init__(self, backend: Backend, *, max_body: int) -> None:
        self._backend = backend
        self._max_body = max_body
        self._life = Lifecycle(backend, music.NOUN)

    def routes(self) -> list[Route]:
        """The paths that this room serves."""
        life = self._life
        return [
            Route("/v1/audio/music", Resource(POST=self.create, GET=life.list)),
            Route("/v1/audio/music/{id}", Resource(GET=life.retrieve, DELETE=life.delete)),
            Route("/v1/audio/music/{id}/content", Resource(GET=life.content)),
        ]

    async def create(self, exchange: Exchange) -> None:
        """POST /v1/audio/music."""
        fields = body.decode_object(await body.read(exchange, self._max_body))
        request = music.CREATION.read(fields, exchange.idempotency_key).request
        try:
            made = await self._backend.ask(
                self._backend.media.CreateMusic, request, metadata=exchange.metadata, spent=Spent.PERHAPS
            )
        except Failure as failure:
            raise failure.renamed(music.CREATION.callers_words) from failure
        await self._life.reply(exchange, made.job)
