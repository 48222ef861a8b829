"""Serves a text call in the caller's dialect: carried as it is where the model's upstream speaks it, else translated.

Who speaks what is the core's to know: it refuses a dialect that the model's upstream does not speak before anything is paid for.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from cli2api.v1 import text_pb2

from edge import body, relay, translate
from edge.backend import Backend
from edge.dialects.fields import WrongField
from edge.dialects.question import Question
from edge.dialects.telling import Moment, Story
from edge.errors import Failure
from edge.exchange import Exchange
from edge.sse import EventWriter
from edge.voices import Voice, told, written

NOT_SPOKEN: Final = "UNSUPPORTED"
"""The core's reason for a dialect that the model's upstream does not speak."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tongue:
    """All that is needed to serve one dialect."""

    operation: text_pb2.RelayOperation.ValueType
    head: type[body.TextHead]
    voice: Callable[[], Voice]
    question: Callable[[Mapping[str, Any]], Question]
    answer: Callable[[text_pb2.GenerateResponse, Question, Moment], dict[str, Any]]
    story: Callable[[Question, Moment], Story]
    words: Mapping[str, str]
    """The contract's field names by the caller's."""


class Texts:
    """Serves text calls. `max_body` is bytes, `heartbeat` seconds of silence in a stream."""

    def __init__(self, backend: Backend, *, max_body: int, heartbeat: float) -> None:
        self.backend = backend
        self._max_body = max_body
        self._heartbeat = heartbeat

    async def read(self, exchange: Exchange) -> bytes:
        """The body, unpacked. Raises Failure."""
        return await body.read(exchange, self._max_body)

    async def serve(self, exchange: Exchange, tongue: Tongue) -> None:
        """Answers one call. Raises Failure or WrongField while the answer has not begun."""
        raw = await self.read(exchange)
        head = body.decode_text_head(raw, tongue.head)
        call = relay.Relay(operation=tongue.operation, model=head.model, body=raw)
        if head.stream:
            await self._stream(exchange, tongue, call)
            return
        try:
            await relay.carry_whole(exchange, self.backend, call)
        except Failure as failure:
            if failure.reason != NOT_SPOKEN:
                raise
            asked = tongue.question(body.decode_object(raw))
            found = await translate.generate(exchange, self.backend, asked, tongue.words)
            await exchange.reply(tongue.answer(found, asked, translate.moment_of(exchange)))

    @asynccontextmanager
    async def events(self, exchange: Exchange, voice: Voice) -> AsyncGenerator[EventWriter]:
        """For an answer that was asked for as a stream.

        A failure inside is told in the stream, if it has begun, and raised if it has not.
        """
        async with EventWriter(exchange, heartbeat=voice.heartbeat, every=self._heartbeat) as events:
            try:
                yield events
            except (Failure, WrongField) as error:
                if not events.begun:
                    raise
                await events.die(written(voice.failure(told(_failure(error), voice, exchange.request_id))))
                await exchange.finish()

    async def _stream(self, exchange: Exchange, tongue: Tongue, call: relay.Relay) -> None:
        voice = tongue.voice()
        async with self.events(exchange, voice) as events:
            try:
                await relay.carry(exchange, self.backend, call, events, voice)
            except Failure as failure:
                if failure.reason != NOT_SPOKEN:
                    raise
                asked = tongue.question(body.decode_object(call.body))
                story = tongue.story(asked, translate.moment_of(exchange))
                await translate.tell(exchange, self.backend, [asked], events, story=story, voice=voice, words=tongue.words)


def _failure(error: Failure | WrongField) -> Failure:
    return Failure("INVALID_REQUEST", str(error), param=error.field) if isinstance(error, WrongField) else error
