"""What this gateway says of itself: the OpenAPI document, and the same as a page for people. Needs neither key nor core."""

from collections.abc import Sequence
from importlib.metadata import version

import msgspec
from starlette.routing import Route

from edge import openapi, reference
from edge.exchange import Exchange, Resource


class Reference:
    """Describes `served` and its own two paths."""

    def __init__(self, served: Sequence[Route]) -> None:
        document = openapi.document([*served, *self.routes()], version("mulerun-cli2api"))
        self._document = msgspec.json.encode(document)
        self._page = reference.page(document).encode()

    def routes(self) -> list[Route]:
        """The paths that this room serves."""
        return [Route("/openapi.json", Resource(GET=self.describe)), Route("/docs", Resource(GET=self.show))]

    async def describe(self, exchange: Exchange) -> None:
        """GET /openapi.json."""
        await _send(exchange, "application/json", self._document)

    async def show(self, exchange: Exchange) -> None:
        """GET /docs."""
        await _send(exchange, "text/html; charset=utf-8", self._page)


async def _send(exchange: Exchange, media_type: str, content: bytes) -> None:
    await exchange.start(200, [("content-type", media_type), ("content-length", str(len(content)))])
    await exchange.write(content)
    await exchange.finish()
