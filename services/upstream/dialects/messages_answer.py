"""An Anthropic message, whole or as a stream of events, in our words."""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from services.domain.errors import UpstreamUnavailable
from services.domain.ports import Plane
from services.domain.text import (
    Answer,
    Candidate,
    Event,
    Finished,
    FinishReason,
    Message,
    Part,
    Reasoning,
    ReasoningDelta,
    Role,
    Started,
    Text,
    TextDelta,
    TokenUsage,
    ToolCall,
    ToolCallDelta,
)
from services.upstream.fields import count, decoded, items, mapping, text
from services.upstream.refusals import reported
from services.upstream.sse import ServerSentEvent

_FINISH: Final = {
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
    "model_context_window_exceeded": FinishReason.LENGTH,
    "tool_use": FinishReason.TOOL_CALLS,
    "refusal": FinishReason.CONTENT_FILTER,
}


def answer(reply: Mapping[str, object]) -> Answer:
    """The whole answer. Raises a Failure where the reply holds an error or no answer at all."""
    if reply.get("error"):
        raise reported(reply["error"], plane=Plane.TEXT)
    if not isinstance(reply.get("content"), list):
        raise UpstreamUnavailable("MuleRun answered a message without content")
    word = text(reply.get("stop_reason"))
    parts = tuple(part for block in items(reply.get("content")) for part in _parts(mapping(block)))
    return Answer(
        id=text(reply.get("id")),
        model=text(reply.get("model")),
        created=None,
        candidates=(
            Candidate(
                index=0,
                message=Message(role=Role.ASSISTANT, parts=parts),
                finish_reason=_FINISH.get(word, FinishReason.OTHER),
                finish_detail=word,
            ),
        ),
        usage=usage(mapping(reply.get("usage"))),
    )


def usage(counts: Mapping[str, object]) -> TokenUsage | None:
    """Tokens as Anthropic counts them, where what the cache read and wrote stands beside the rest; our prompt holds all three."""
    if not counts:
        return None
    fresh, written = count(counts.get("input_tokens")), count(counts.get("output_tokens"))
    cached, kept = count(counts.get("cache_read_input_tokens")), count(counts.get("cache_creation_input_tokens"))
    prompt = None if fresh is None else fresh + (cached or 0) + (kept or 0)
    return TokenUsage(
        prompt_tokens=prompt,
        completion_tokens=written,
        total_tokens=None if prompt is None or written is None else prompt + written,
        cached_tokens=cached,
        cache_write_tokens=kept,
        reasoning_tokens=count(mapping(counts.get("output_tokens_details")).get("thinking_tokens")),
    )


def _parts(block: Mapping[str, object]) -> Iterator[Part]:
    match block.get("type"):
        case "text" if text(block.get("text")):
            yield Text(text(block.get("text")))
        case "thinking":
            yield Reasoning(text=text(block.get("thinking")), signature=text(block.get("signature")))
        case "redacted_thinking":
            yield Reasoning(sealed=text(block.get("data")))
        case "tool_use":
            arguments = msgspec.json.encode(block.get("input")).decode() if block.get("input") else "{}"
            yield ToolCall(id=text(block.get("id")), name=text(block.get("name")), arguments=arguments)


class MessagesReader:
    """Reads the events of one streamed message."""

    def __init__(self) -> None:
        self.ended = False
        self._counts: dict[str, object] = {}
        self._calls: dict[int, int] = {}
        self._silent_calls: set[int] = set()

    def read(self, message: ServerSentEvent) -> Iterator[Event]:
        """What one event says. Raises a Failure for an error event."""
        if self.ended:
            return
        found = decoded(message.data.encode(), status=200)
        if found.get("error"):
            raise reported(found["error"], plane=Plane.TEXT)
        block = count(found.get("index")) or 0
        match text(found.get("type")) or message.event:
            case "message_start":
                head = mapping(found.get("message"))
                self._counts |= _told(head.get("usage"))
                yield Started(id=text(head.get("id")), model=text(head.get("model")), created=None)
            case "content_block_start":
                yield from self._begin(block, mapping(found.get("content_block")))
            case "content_block_delta":
                yield from self._delta(block, mapping(found.get("delta")))
            case "content_block_stop" if block in self._silent_calls:
                # A call without arguments sends none; its JSON text is the empty object all the same.
                self._silent_calls.discard(block)
                yield ToolCallDelta(index=0, tool_index=self._calls[block], arguments="{}")
            case "message_delta":
                # The counts of a message_delta are cumulative.
                self._counts |= _told(found.get("usage"))
                word = text(mapping(found.get("delta")).get("stop_reason"))
                if word:
                    yield Finished(index=0, finish_reason=_FINISH.get(word, FinishReason.OTHER), finish_detail=word)
            case "message_stop":
                self.ended = True
                counted = usage(self._counts)
                if counted is not None:
                    yield counted

    def close(self) -> Iterator[Event]:
        """A message that never said message_stop is not complete."""
        yield from ()

    def _begin(self, block: int, content: Mapping[str, object]) -> Iterator[Event]:
        match content.get("type"):
            case "tool_use":
                self._calls[block] = len(self._calls)
                self._silent_calls.add(block)
                yield ToolCallDelta(
                    index=0, tool_index=self._calls[block], id=text(content.get("id")), name=text(content.get("name"))
                )
            case "redacted_thinking":
                yield ReasoningDelta(index=0, sealed=text(content.get("data")))
            case "text" if text(content.get("text")):
                yield TextDelta(index=0, text=text(content.get("text")))
            case "thinking" if text(content.get("thinking")):
                yield ReasoningDelta(index=0, text=text(content.get("thinking")))

    def _delta(self, block: int, delta: Mapping[str, object]) -> Iterator[Event]:
        match delta.get("type"):
            case "text_delta":
                yield TextDelta(index=0, text=text(delta.get("text")))
            case "thinking_delta":
                yield ReasoningDelta(index=0, text=text(delta.get("thinking")))
            case "signature_delta":
                yield ReasoningDelta(index=0, signature=text(delta.get("signature")))
            case "input_json_delta" if text(delta.get("partial_json")) and block in self._calls:
                self._silent_calls.discard(block)
                yield ToolCallDelta(index=0, tool_index=self._calls[block], arguments=text(delta.get("partial_json")))


def _told(found: object) -> dict[str, object]:
    return {name: value for name, value in mapping(found).items() if value is not None}
