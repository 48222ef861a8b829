"""The models that there are, in OpenAI's shape or in Anthropic's."""

from cli2api.v1 import catalog_pb2
from starlette.routing import Route

from edge.backend import Backend
from edge.dialects import models
from edge.exchange import Exchange, Resource


class Models:
    """Reads the catalog of the core."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def routes(self) -> list[Route]:
        """The paths that this room serves. Ids may have slashes."""
        return [Route("/v1/models", Resource(GET=self.list)), Route("/v1/models/{id:path}", Resource(GET=self.retrieve))]

    async def list(self, exchange: Exchange) -> None:
        """GET /v1/models."""
        request = catalog_pb2.ListModelsRequest()
        found = await self._backend.ask(self._backend.catalog.ListModels, request, metadata=exchange.metadata)
        shape = models.anthropic_list if _is_anthropic(exchange) else models.openai_list
        await exchange.reply(shape(found.models))

    async def retrieve(self, exchange: Exchange) -> None:
        """GET /v1/models/{id}."""
        name = exchange.path("id")
        request = catalog_pb2.GetModelRequest(id=name)
        found = await self._backend.ask(self._backend.catalog.GetModel, request, metadata=exchange.metadata)
        shape = models.anthropic_model if _is_anthropic(exchange) else models.openai_model
        await exchange.reply(shape(found.model, name))


def _is_anthropic(exchange: Exchange) -> bool:
    return "anthropic-version" in exchange.headers
