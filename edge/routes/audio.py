"""OpenAI's speech: one waited job, answered with its sound as it is downloaded."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

from cli2api.v1 import media_pb2
from starlette.routing import Route

from edge import body, events
from edge.backend import Backend, Pieces
from edge.dialects import audio
from edge.errors import Failure, Spent
from edge.exchange import Exchange, Resource
from edge.sse import EVENTS
from edge.statuses import JOB_ID

Speech: TypeAlias = AbstractAsyncContextManager[Pieces[media_pb2.SynthesizeSpeechResponse]]


class Audio:
    """`max_body` is bytes; `timeout` for a whole call and the `heartbeat` of an event stream are seconds."""

    def __init__(self, backend: Backend, *, max_body: int, timeout: float, heartbeat: float) -> None:
        self._backend = backend
        self._max_body = max_body
        self._timeout = timeout
        self._heartbeat = heartbeat

    def routes(self) -> list[Route]:
        """The paths that this room serves."""
        return [Route("/v1/audio/speech", Resource(POST=self.speak))]

    async def speak(self, exchange: Exchange) -> None:
        """POST /v1/audio/speech: the sound itself, or events with pieces of it."""
        order = audio.order(body.decode_object(await body.read(exchange, self._max_body)), exchange.idempotency_key)
        speech = self._backend.open(
            self._backend.media.SynthesizeSpeech,
            order.request,
            metadata=exchange.metadata,
            timeout=self._timeout,
            spent=Spent.PERHAPS,
        )
        try:
            await (self._tell(exchange, speech) if order.as_events else _play(exchange, speech))
        except Failure as failure:
            raise failure.renamed(audio.SPEECH.callers_words) from failure

    async def _tell(self, exchange: Exchange, speech: Speech) -> None:
        async with events.streamed(exchange, self._heartbeat) as stream, speech as pieces:
            head = (await pieces.first()).head
            await stream.begin([*EVENTS, (JOB_ID, head.job.id)])
            async for piece in pieces:
                await stream.write(_event(audio.delta(piece.chunk)))
            await stream.write(_event(audio.done()))


async def _play(exchange: Exchange, speech: Speech) -> None:
    async with speech as pieces:
        head = (await pieces.first()).head
        await exchange.start(200, [("content-type", head.mime_type), (JOB_ID, head.job.id)])
        async for piece in pieces:
            await exchange.write(piece.chunk)
        await exchange.finish()


def _event(told: Mapping[str, object]) -> bytes:
    return events.event(told, event=told["type"])
