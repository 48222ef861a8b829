"""Where MuleRun tells what became of a task. What it says is signed: bytes and signature go to the core, which judges them."""

from typing import Final

from cli2api.v1 import job_pb2
from starlette.routing import Route

from edge import body
from edge.backend import Backend
from edge.errors import Failure
from edge.exchange import Exchange, Resource

_HEADERS: Final = {
    "delivery_id": "x-mulerouter-webhook-id",
    "timestamp": "x-mulerouter-webhook-timestamp",
    "signature": "x-mulerouter-webhook-signature",
}
"""The headers, by the contract's fields."""
_LARGEST: Final = 4 << 20
"""Bytes: a delivery is a poll's answer, and strangers may knock here."""


class Webhooks:
    """`max_body` is bytes."""

    def __init__(self, backend: Backend, *, max_body: int) -> None:
        self._backend = backend
        self._most = min(max_body, _LARGEST)

    def routes(self) -> list[Route]:
        """The paths that this room serves."""
        return [Route("/v1/webhooks/mulerun", Resource(POST=self.receive))]

    async def receive(self, exchange: Exchange) -> None:
        """POST /v1/webhooks/mulerun: 200 for whatever is signed well, also where it changes nothing, so that it comes once."""
        told = {field: exchange.headers.get(header, "") for field, header in _HEADERS.items()}
        request = job_pb2.ReceiveWebhookRequest(body=await body.read(exchange, self._most), **told)
        try:
            await self._backend.ask(self._backend.jobs.ReceiveWebhook, request, metadata=exchange.metadata)
        except Failure as failure:
            raise failure.renamed(_HEADERS) from failure
        await exchange.reply({"received": True})
