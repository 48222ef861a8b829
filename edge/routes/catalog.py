"""One model of the catalog as the contract's JSON, which Envoy's transcoder cannot give: it is one field of a response."""

from cli2api.v1 import catalog_pb2
from starlette.routing import Route

from edge.backend import Backend
from edge.dialects import contract
from edge.exchange import Exchange, Resource


class Catalog:
    """`GET /v1/catalog/models/{id}`; the list beside it is Envoy's."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def routes(self) -> list[Route]:
        """The path that this room serves."""
        return [Route("/v1/catalog/models/{id:path}", Resource(GET=self.retrieve))]

    async def retrieve(self, exchange: Exchange) -> None:
        """GET /v1/catalog/models/{id}: slashes are part of an id."""
        request = catalog_pb2.GetModelRequest(id=exchange.path("id"))
        found = await self._backend.ask(self._backend.catalog.GetModel, request, metadata=exchange.metadata)
        await exchange.reply(contract.shown(found.model))
