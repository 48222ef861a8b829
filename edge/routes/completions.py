"""OpenAI's legacy completions: MuleRun has none, so that each prompt is asked of a chat model."""

import asyncio
from collections.abc import Sequence

from cli2api.v1 import text_pb2
from starlette.routing import Route

from edge import body, translate
from edge.dialects import completions
from edge.dialects.question import Question
from edge.errors import Failure
from edge.exchange import Exchange, Resource
from edge.texts import Texts
from edge.voices import ChatVoice


class Completions:
    """One path."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts

    def routes(self) -> list[Route]:
        """The paths that this room serves."""
        return [Route("/v1/completions", Resource(POST=self.complete))]

    async def complete(self, exchange: Exchange) -> None:
        """POST /v1/completions."""
        asked = completions.questions(body.decode_object(await self._texts.read(exchange)))
        moment = translate.moment_of(exchange)
        if not asked[0].stream:
            found = await self._answers(exchange, asked)
            await exchange.reply(completions.answer(found, asked, moment))
            return
        story, voice = completions.CompletionStory(asked, moment), ChatVoice()
        async with self._texts.events(exchange, voice) as events:
            await translate.tell(
                exchange, self._texts.backend, asked, events, story=story, voice=voice, words=completions.CALLERS_WORDS
            )

    async def _answers(self, exchange: Exchange, asked: Sequence[Question]) -> list[text_pb2.GenerateResponse]:
        """To all prompts at once; the first failure stops the others. Raises Failure."""
        try:
            async with asyncio.TaskGroup() as group:
                asking = [
                    group.create_task(translate.generate(exchange, self._texts.backend, question, completions.CALLERS_WORDS))
                    for question in asked
                ]
        except* Failure as failures:
            first = failures.exceptions[0]
            while isinstance(first, BaseExceptionGroup):
                first = first.exceptions[0]
            raise first from failures
        return [task.result() for task in asking]
