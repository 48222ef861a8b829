"""Answers a call in a dialect that the model's upstream does not speak.

The question goes to the core in the contract's typed messages, and the answer comes back in the caller's dialect, piece by piece
where a stream was asked for.
"""

import time
from collections.abc import Mapping, Sequence

from cli2api.v1 import text_pb2

from edge.backend import Backend
from edge.dialects.question import Question
from edge.dialects.telling import Moment, Story
from edge.errors import Failure
from edge.exchange import Exchange
from edge.sse import EventWriter
from edge.voices import Voice, told, written


def moment_of(exchange: Exchange) -> Moment:
    """What an answer may need that the upstream does not tell."""
    return Moment(request_id=exchange.request_id, now=int(time.time()))


async def generate(exchange: Exchange, backend: Backend, asked: Question, words: Mapping[str, str]) -> text_pb2.GenerateResponse:
    """The whole answer. Raises Failure, in the caller's words for its fields; `words` is the dialect's table."""
    try:
        return await backend.ask(backend.text.Generate, asked.request, metadata=exchange.metadata, timeout=None)
    except Failure as failure:
        raise _in_callers_words(failure, asked, words) from failure


async def tell(
    exchange: Exchange,
    backend: Backend,
    asked: Sequence[Question],
    events: EventWriter,
    *,
    story: Story,
    voice: Voice,
    words: Mapping[str, str],
) -> None:
    """Streams the answers, one question after the other. Raises Failure where nothing of the story was told yet."""
    begun = False
    for question in asked:
        async with backend.open(backend.text.StreamGenerate, question.streamed(), metadata=exchange.metadata) as pieces:
            try:
                async for piece in pieces:
                    await events.begin()
                    for said in story.tell(piece):
                        await events.write(written(said))
                    begun = True
            except Failure as failure:
                known = _in_callers_words(failure, question, words)
                if not begun:
                    raise known from failure
                for said in story.fail(told(known, voice, exchange.request_id)):
                    await events.die(written(said))
                await exchange.finish()
                return
    for said in story.end():
        await events.write(written(said))
    await exchange.finish()


def _in_callers_words(failure: Failure, asked: Question, words: Mapping[str, str]) -> Failure:
    field = failure.param or ""
    return failure.renamed({field: asked.field_of(field, words)})
