"""OpenAI's speech: one waited job, answered with its sound as it is downloaded."""

from starlette.routing import Route

from edge import body
from edge.backend import Backend
from edge.dialects import audio
from edge.errors import Failure, Spent
from edge.exchange import Exchange, Resource
from edge.statuses import JOB_ID


class Audio:
    """`max_body` is bytes, `timeout` seconds for a whole call."""

    def __init__(self, backend: Backend, *, max_body: int, timeout: float) -> None:
        self._backend = backend
        self._max_body = max_body
        self._timeout = timeout

    def routes(self) -> list[Route]:
        """The paths that this room serves."""
        return [Route("/v1/audio/speech", Resource(POST=self.speak))]

    async def speak(self, exchange: Exchange) -> None:
        """POST /v1/audio/speech."""
        request = audio.speech(body.decode_object(await body.read(exchange, self._max_body)), exchange.idempotency_key)
        speech = self._backend.open(
            self._backend.media.SynthesizeSpeech,
            request,
            metadata=exchange.metadata,
            timeout=self._timeout,
            spent=Spent.PERHAPS,
        )
        try:
            async with speech as pieces:
                head = (await pieces.first()).head
                await exchange.start(200, [("content-type", head.mime_type), (JOB_ID, head.job.id)])
                async for piece in pieces:
                    await exchange.write(piece.chunk)
                await exchange.finish()
        except Failure as failure:
            raise failure.renamed(audio.CALLERS_WORDS) from failure
