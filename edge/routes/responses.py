"""OpenAI's Responses: carried to MuleRun as they are, translated for models that do not speak them."""

from typing import Final

from cli2api.v1 import text_pb2
from starlette.routing import Route

from edge.body import TextHead
from edge.dialects import responses_answer, responses_request, responses_story
from edge.exchange import Exchange, Resource
from edge.texts import Texts, Tongue
from edge.voices import ResponsesVoice

_RESPONSES: Final = Tongue(
    operation=text_pb2.RELAY_OPERATION_RESPONSES,
    head=TextHead,
    voice=ResponsesVoice,
    question=responses_request.question,
    answer=responses_answer.answer,
    story=responses_story.ResponseStory,
    words=responses_request.CALLERS_WORDS,
)


class Responses:
    """One path. No response is kept, so that none can be fetched or cancelled."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts

    def routes(self) -> list[Route]:
        """The paths that this room serves."""
        return [Route("/v1/responses", Resource(POST=self.create))]

    async def create(self, exchange: Exchange) -> None:
        """POST /v1/responses."""
        await self._texts.serve(exchange, _RESPONSES)
