"""An OpenAI chat completion, whole or in chunks, in our words. What the upstream left out stays unknown, never guessed."""

from collections.abc import Iterator, Mapping
from typing import Final

from services.domain.errors import UpstreamUnavailable
from services.domain.ports import Plane
from services.domain.text import (
    Answer,
    Candidate,
    Event,
    Finished,
    FinishReason,
    Image,
    Message,
    Part,
    Reasoning,
    ReasoningDelta,
    Refusal,
    RefusalDelta,
    Role,
    Started,
    Text,
    TextDelta,
    TokenUsage,
    ToolCall,
    ToolCallDelta,
)
from services.upstream.fields import count, decoded, items, mapping, number, text
from services.upstream.refusals import reported
from services.upstream.sse import ServerSentEvent

_FINISH: Final = {
    "stop": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.CONTENT_FILTER,
}


def answer(reply: Mapping[str, object]) -> Answer:
    """The whole answer. Raises a Failure where the reply holds an error or no answer at all."""
    if reply.get("error"):
        raise reported(reply["error"], plane=Plane.TEXT)
    choices = [mapping(choice) for choice in items(reply.get("choices"))]
    if not choices:
        raise UpstreamUnavailable("MuleRun answered a chat completion without choices")
    return Answer(
        id=text(reply.get("id")),
        model=text(reply.get("model")),
        created=number(reply.get("created")),
        candidates=tuple(_candidate(choice, place) for place, choice in enumerate(choices)),
        usage=usage(reply.get("usage")),
    )


def usage(found: object) -> TokenUsage | None:
    """Tokens as a chat completion counts them; None where it says nothing."""
    counts = mapping(found)
    if not counts:
        return None
    read = mapping(counts.get("prompt_tokens_details"))
    cached = read.get("cached_tokens")
    return TokenUsage(
        prompt_tokens=count(counts.get("prompt_tokens")),
        completion_tokens=count(counts.get("completion_tokens")),
        total_tokens=count(counts.get("total_tokens")),
        # DeepSeek counts its cache beside the details.
        cached_tokens=count(cached if cached is not None else counts.get("prompt_cache_hit_tokens")),
        cache_write_tokens=count(read.get("cache_write_tokens")),
        reasoning_tokens=count(mapping(counts.get("completion_tokens_details")).get("reasoning_tokens")),
    )


def _candidate(choice: Mapping[str, object], place: int) -> Candidate:
    message = mapping(choice.get("message"))
    word = text(choice.get("finish_reason"))
    reasoning = text(message.get("reasoning_content")) or text(message.get("reasoning"))
    refusal = text(message.get("refusal"))
    calls = [mapping(call) for call in items(message.get("tool_calls"))]
    parts: list[Part] = [
        *([Reasoning(text=reasoning)] if reasoning else []),
        *_content(message.get("content")),
        *([Refusal(refusal)] if refusal else []),
        *(_call(call) for call in calls),
    ]
    index = count(choice.get("index"))
    return Candidate(
        index=place if index is None else index,
        message=Message(role=Role.ASSISTANT, parts=tuple(parts)),
        finish_reason=_FINISH.get(word, FinishReason.OTHER),
        finish_detail=word,
    )


def _content(content: object) -> Iterator[Text | Image]:
    """Words, or a list of words and pictures; a picture may be bare base64."""
    if text(content):
        yield Text(text(content))
    for part in map(mapping, items(content)):
        url = text(mapping(part.get("image_url")).get("url"))
        if url:
            yield Image(url=url if url.startswith(("http://", "https://", "data:")) else f"data:image/png;base64,{url}")
        elif text(part.get("text")):
            yield Text(text(part.get("text")))


def _call(call: Mapping[str, object]) -> ToolCall:
    function = mapping(call.get("function"))
    return ToolCall(id=text(call.get("id")), name=text(function.get("name")), arguments=text(function.get("arguments")))


class ChatReader:
    """Reads the chunks of one streamed chat completion."""

    def __init__(self) -> None:
        self.ended = False
        self._started = False
        self._open: set[int] = set()
        self._finished: set[int] = set()
        self._calls: dict[int, dict[int, str]] = {}
        self._usage: TokenUsage | None = None

    def read(self, message: ServerSentEvent) -> Iterator[Event]:
        """The events of one chunk. Raises a Failure where the chunk reports an error."""
        if self.ended:
            return
        if message.data.strip() == "[DONE]":
            yield from self._end()
            return
        chunk = decoded(message.data.encode(), status=200)
        if chunk.get("error"):
            raise reported(chunk["error"], plane=Plane.TEXT)
        if not self._started:
            self._started = True
            yield Started(id=text(chunk.get("id")), model=text(chunk.get("model")), created=number(chunk.get("created")))
        # Some upstreams count on every chunk; the last count is the whole one.
        self._usage = usage(chunk.get("usage")) or self._usage
        for place, choice in enumerate(map(mapping, items(chunk.get("choices")))):
            index = count(choice.get("index"))
            yield from self._choice(choice, place if index is None else index)

    def close(self) -> Iterator[Event]:
        """The stream has ended; an upstream that finished every answer but did not say [DONE] has said enough."""
        if not self.ended and self._finished and not self._open:
            yield from self._end()

    def _end(self) -> Iterator[Event]:
        self.ended = True
        if self._usage is not None:
            yield self._usage

    def _choice(self, choice: Mapping[str, object], index: int) -> Iterator[Event]:
        delta = mapping(choice.get("delta"))
        if index not in self._finished:
            self._open.add(index)
        reasoning = text(delta.get("reasoning_content")) or text(delta.get("reasoning"))
        if reasoning:
            yield ReasoningDelta(index=index, text=reasoning)
        for part in _content(delta.get("content")):
            # A stream has no event for pictures, so one that comes in the midst of words goes on as Markdown.
            yield TextDelta(index=index, text=part.text if isinstance(part, Text) else f"![image]({part.url})")
        if text(delta.get("refusal")):
            yield RefusalDelta(index=index, text=text(delta.get("refusal")))
        for call in map(mapping, items(delta.get("tool_calls"))):
            yield self._call(call, index)
        word = text(choice.get("finish_reason"))
        if word and index not in self._finished:
            self._finished.add(index)
            self._open.discard(index)
            yield Finished(index=index, finish_reason=_FINISH.get(word, FinishReason.OTHER), finish_detail=word)

    def _call(self, call: Mapping[str, object], index: int) -> ToolCallDelta:
        """Only a call's first piece keeps id and name, since some upstreams repeat them.

        Where the upstream does not number its calls, an id that is new begins one, and a piece without id belongs to the last.
        """
        known = self._calls.setdefault(index, {})
        call_id, told = text(call.get("id")), count(call.get("index"))
        if told is None:
            same = next((slot for slot, other in known.items() if other == call_id), len(known))
            told = same if call_id else max(known, default=0)
        function = mapping(call.get("function"))
        arguments = text(function.get("arguments"))
        if told in known:
            return ToolCallDelta(index=index, tool_index=told, arguments=arguments)
        known[told] = call_id
        return ToolCallDelta(index=index, tool_index=told, id=call_id, name=text(function.get("name")), arguments=arguments)
