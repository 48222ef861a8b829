"""Anthropic's Messages: carried to MuleRun as they are, translated for models that do not speak them."""

from typing import Final

from cli2api.v1 import text_pb2
from starlette.routing import Route

from edge import relay
from edge.body import ConversationHead, decode_text_head
from edge.dialects import messages_answer, messages_request
from edge.exchange import Exchange, Resource
from edge.texts import Texts, Tongue
from edge.voices import MessagesVoice

_MESSAGES: Final = Tongue(
    operation=text_pb2.RELAY_OPERATION_MESSAGES,
    head=ConversationHead,
    voice=MessagesVoice,
    question=messages_request.question,
    answer=messages_answer.answer,
    story=messages_answer.MessageStory,
    words=messages_request.CALLERS_WORDS,
)


class Messages:
    """A conversation's next message, and how long a conversation is."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts

    def routes(self) -> list[Route]:
        """The paths that this room serves."""
        return [
            Route("/v1/messages", Resource(POST=self.create)),
            Route("/v1/messages/count_tokens", Resource(POST=self.count_tokens)),
        ]

    async def create(self, exchange: Exchange) -> None:
        """POST /v1/messages."""
        await self._texts.serve(exchange, _MESSAGES)

    async def count_tokens(self, exchange: Exchange) -> None:
        """POST /v1/messages/count_tokens. Only Claude models can be asked: no other dialect has a counterpart."""
        raw = await self._texts.read(exchange)
        model = decode_text_head(raw, ConversationHead).model
        call = relay.Relay(operation=text_pb2.RELAY_OPERATION_COUNT_TOKENS, model=model, body=raw)
        await relay.carry_whole(exchange, self._texts.backend, call)
