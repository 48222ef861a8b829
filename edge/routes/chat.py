"""OpenAI's chat completions, carried to MuleRun as they are."""

from cli2api.v1 import text_pb2
from starlette.routing import Route

from edge import body, relay
from edge.backend import Backend
from edge.exchange import Exchange, Resource


class Chat:
    """`max_body` is bytes, `heartbeat` seconds."""

    def __init__(self, backend: Backend, *, max_body: int, heartbeat: float) -> None:
        self._backend = backend
        self._max_body = max_body
        self._heartbeat = heartbeat

    def routes(self) -> list[Route]:
        """The paths that this room serves."""
        return [Route("/v1/chat/completions", Resource(POST=self.complete))]

    async def complete(self, exchange: Exchange) -> None:
        """POST /v1/chat/completions."""
        raw = await body.read(exchange, self._max_body)
        await relay.carry(
            exchange,
            self._backend,
            operation=text_pb2.RELAY_OPERATION_CHAT_COMPLETIONS,
            model=body.decode_text_head(raw).model,
            body=raw,
            heartbeat=self._heartbeat,
        )
