"""An OpenAI response, whole or as a stream of events, in our words."""

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

_CUT: Final = {"max_output_tokens": FinishReason.LENGTH, "content_filter": FinishReason.CONTENT_FILTER}


def answer(reply: Mapping[str, object]) -> Answer:
    """The whole answer. Raises a Failure where the response failed or is not finished."""
    if reply.get("error"):
        raise reported(reply["error"], plane=Plane.TEXT)
    if text(reply.get("status")) not in ("completed", "incomplete", "") or not isinstance(reply.get("output"), list):
        raise UpstreamUnavailable("MuleRun answered a response that is not complete")
    parts = tuple(part for item in items(reply.get("output")) for part in _parts(mapping(item)))
    reason, detail = _finish(reply)
    return Answer(
        id=text(reply.get("id")),
        model=text(reply.get("model")),
        created=number(reply.get("created_at")),
        candidates=(
            Candidate(index=0, message=Message(role=Role.ASSISTANT, parts=parts), finish_reason=reason, finish_detail=detail),
        ),
        usage=usage(mapping(reply.get("usage"))),
    )


def usage(counts: Mapping[str, object]) -> TokenUsage | None:
    """Tokens as a response counts them; MuleRun has been seen to use the names of chat completions here."""
    if not counts:
        return None
    read = mapping(counts.get("input_tokens_details") or counts.get("prompt_tokens_details"))
    written = mapping(counts.get("output_tokens_details") or counts.get("completion_tokens_details"))
    return TokenUsage(
        prompt_tokens=count(counts.get("input_tokens", counts.get("prompt_tokens"))),
        completion_tokens=count(counts.get("output_tokens", counts.get("completion_tokens"))),
        total_tokens=count(counts.get("total_tokens")),
        cached_tokens=count(read.get("cached_tokens")),
        cache_write_tokens=count(read.get("cache_write_tokens")),
        reasoning_tokens=count(written.get("reasoning_tokens")),
    )


def _finish(reply: Mapping[str, object]) -> tuple[FinishReason, str]:
    word = text(mapping(reply.get("incomplete_details")).get("reason"))
    if word or text(reply.get("status")) == "incomplete":
        return _CUT.get(word, FinishReason.OTHER), word or "incomplete"
    calls = any(mapping(item).get("type") == "function_call" for item in items(reply.get("output")))
    return (FinishReason.TOOL_CALLS if calls else FinishReason.STOP), "completed"


def _parts(item: Mapping[str, object]) -> Iterator[Part]:
    match item.get("type"):
        case "message":
            for part in map(mapping, items(item.get("content"))):
                if part.get("type") == "refusal":
                    yield Refusal(text(part.get("refusal")))
                elif text(part.get("text")):
                    yield Text(text(part.get("text")))
        case "function_call":
            yield ToolCall(id=text(item.get("call_id")), name=text(item.get("name")), arguments=text(item.get("arguments")))
        case "reasoning":
            thoughts = items(item.get("summary")) or items(item.get("content"))
            words = "\n\n".join(text(mapping(thought).get("text")) for thought in thoughts)
            sealed = text(item.get("encrypted_content"))
            if words or sealed:
                yield Reasoning(text=words, sealed=sealed, signature=text(item.get("id")) if sealed else "")


class ResponsesReader:
    """Reads the events of one streamed response."""

    def __init__(self) -> None:
        self.ended = False
        self._calls: dict[int, int] = {}
        self._argued: set[int] = set()
        self._thoughts: set[tuple[int, int]] = set()

    def read(self, message: ServerSentEvent) -> Iterator[Event]:
        """What one event says. Raises a Failure where the response failed."""
        if self.ended or message.data.strip() == "[DONE]":
            return
        found = decoded(message.data.encode(), status=200)
        response, item = mapping(found.get("response")), mapping(found.get("item"))
        place, delta = count(found.get("output_index")) or 0, text(found.get("delta"))
        match text(found.get("type")) or message.event:
            case "response.created":
                yield Started(
                    id=text(response.get("id")), model=text(response.get("model")), created=number(response.get("created_at"))
                )
            case "response.output_text.delta":
                yield TextDelta(index=0, text=delta)
            case "response.refusal.delta":
                yield RefusalDelta(index=0, text=delta)
            case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
                yield from self._thought(found, place, delta)
            case "response.output_item.added" if item.get("type") == "function_call":
                self._calls[place] = len(self._calls)
                yield ToolCallDelta(
                    index=0, tool_index=self._calls[place], id=text(item.get("call_id")), name=text(item.get("name"))
                )
            case "response.function_call_arguments.delta" if place in self._calls:
                self._argued.add(place)
                yield ToolCallDelta(index=0, tool_index=self._calls[place], arguments=delta)
            case "response.output_item.done":
                yield from self._done(item, place)
            case "response.completed" | "response.incomplete":
                self.ended = True
                reason, detail = _finish(response)
                yield Finished(index=0, finish_reason=reason, finish_detail=detail)
                counted = usage(mapping(response.get("usage")))
                if counted is not None:
                    yield counted
            case "response.failed":
                raise reported(response.get("error"), plane=Plane.TEXT)
            case "error":
                raise reported(found.get("error") or found, plane=Plane.TEXT)

    def close(self) -> Iterator[Event]:
        """A response that never said that it is completed is not."""
        yield from ()

    def _thought(self, found: Mapping[str, object], place: int, delta: str) -> Iterator[Event]:
        """Thoughts of one item are parted by an empty line, as in the whole answer."""
        key = (place, count(found.get("summary_index", found.get("content_index"))) or 0)
        later = key not in self._thoughts and any(item == place for item, _ in self._thoughts)
        self._thoughts.add(key)
        yield ReasoningDelta(index=0, text=f"\n\n{delta}" if later else delta)

    def _done(self, item: Mapping[str, object], place: int) -> Iterator[Event]:
        sealed = text(item.get("encrypted_content"))
        if item.get("type") == "reasoning" and sealed:
            yield ReasoningDelta(index=0, sealed=sealed, signature=text(item.get("id")))
        if item.get("type") == "function_call" and place in self._calls and place not in self._argued:
            # Short arguments may come only with the finished item.
            self._argued.add(place)
            yield ToolCallDelta(index=0, tool_index=self._calls[place], arguments=text(item.get("arguments")))
