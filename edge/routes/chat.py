"""OpenAI's chat completions: carried to MuleRun as they are, translated for models that do not speak them."""

from typing import Final

from cli2api.v1 import text_pb2
from starlette.routing import Route

from edge.body import ConversationHead
from edge.dialects import chat_answer, chat_request
from edge.exchange import Exchange, Resource
from edge.texts import Texts, Tongue
from edge.voices import ChatVoice

_CHAT: Final = Tongue(
    operation=text_pb2.RELAY_OPERATION_CHAT_COMPLETIONS,
    head=ConversationHead,
    voice=ChatVoice,
    question=chat_request.question,
    answer=chat_answer.answer,
    story=chat_answer.ChatStory,
    words=chat_request.CALLERS_WORDS,
)


class Chat:
    """One path."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts

    def routes(self) -> list[Route]:
        """The paths that this room serves."""
        return [Route("/v1/chat/completions", Resource(POST=self.complete))]

    async def complete(self, exchange: Exchange) -> None:
        """POST /v1/chat/completions."""
        await self._texts.serve(exchange, _CHAT)
