"""Which dialect an upstream operation speaks."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from services.domain.errors import Unsupported
from services.domain.model import Operation
from services.domain.text import Answer, Conversation, Event
from services.upstream.dialects import chat_answer, chat_body, messages_answer, messages_body, responses_answer, responses_body
from services.upstream.sse import ServerSentEvent


class Reader(Protocol):
    """Reads one streamed answer; made anew for each."""

    ended: bool
    """The answer is complete; what the stream may still say does not belong to it."""

    def read(self, message: ServerSentEvent) -> Iterable[Event]:
        """What this message says. Raises a Failure where it reports an error."""

    def close(self) -> Iterable[Event]:
        """What the stream's end says."""


class Body(Protocol):
    """Makes the body that asks for an answer."""

    def __call__(self, model: str, asked: Conversation, *, stream: bool) -> Mapping[str, object]:
        """The JSON body. Raises InvalidRequest naming every field that the dialect has no word for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """The three things that a dialect can do."""

    body: Body
    answer: Callable[[Mapping[str, object]], Answer]
    reader: Callable[[], Reader]


DIALECTS: Final[Mapping[Operation, Dialect]] = {
    Operation.CHAT_COMPLETIONS: Dialect(body=chat_body.body, answer=chat_answer.answer, reader=chat_answer.ChatReader),
    Operation.MESSAGES: Dialect(body=messages_body.body, answer=messages_answer.answer, reader=messages_answer.MessagesReader),
    Operation.RESPONSES: Dialect(
        body=responses_body.body, answer=responses_answer.answer, reader=responses_answer.ResponsesReader
    ),
}


def dialect_of(operation: Operation) -> Dialect:
    """The dialect. Raises Unsupported for operations that do not answer conversations."""
    if operation not in DIALECTS:
        served = ", ".join(sorted(DIALECTS))
        raise Unsupported(f"{operation} does not answer a conversation; these do: {served}")
    return DIALECTS[operation]
