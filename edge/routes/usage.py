"""Our own resource: what was called and what it cost, summed up."""

from starlette.routing import Route

from edge.backend import Backend
from edge.dialects import usage
from edge.errors import Failure
from edge.exchange import Exchange, Resource


class Usage:
    """Asks the core, which keeps the records."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def routes(self) -> list[Route]:
        """The paths that this room serves."""
        return [Route("/v1/usage", Resource(GET=self.sum_up))]

    async def sum_up(self, exchange: Exchange) -> None:
        """GET /v1/usage."""
        request = usage.query(exchange.query_fields())
        try:
            found = await self._backend.ask(self._backend.usage.QueryUsage, request, metadata=exchange.metadata)
        except Failure as failure:
            raise failure.renamed(usage.CALLERS_WORDS) from failure
        await exchange.reply(usage.answer(found, request))
