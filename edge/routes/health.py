"""Whether the edge is alive, and whether what stands behind it can serve."""

from starlette.routing import Route

from edge.backend import Backend
from edge.exchange import Exchange, Resource


class Health:
    """Asks the core's own health service."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def routes(self) -> list[Route]:
        """The paths that this room serves."""
        return [Route("/healthz", Resource(GET=self.alive)), Route("/readyz", Resource(GET=self.ready))]

    async def alive(self, exchange: Exchange) -> None:
        """GET /healthz: this process answers."""
        await exchange.reply({"status": "ok"})

    async def ready(self, exchange: Exchange) -> None:
        """GET /readyz: the core serves, which it says only while its job store and credentials are there."""
        missing = await self._backend.missing()
        if missing is None:
            await exchange.reply({"status": "ready"})
        else:
            await exchange.reply({"status": "not ready", "missing": [missing]}, status=503)
