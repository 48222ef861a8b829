"""An answer as OpenAI's chat completion, whole or in chunks; pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from cli2api.v1 import text_pb2

from edge.dialects.question import Question, text_of
from edge.dialects.telling import Moment, Said, created, own_id

DONE: Final = Said(document="[DONE]")
FINISHES: Final[Mapping[int, str]] = {
    text_pb2.FINISH_REASON_LENGTH: "length",
    text_pb2.FINISH_REASON_TOOL_CALLS: "tool_calls",
    text_pb2.FINISH_REASON_CONTENT_FILTER: "content_filter",
}
"""All others are "stop": the dialect has no further word."""


def answer(found: text_pb2.GenerateResponse, asked: Question, moment: Moment) -> dict[str, Any]:
    """The chat.completion object."""
    frame = _frame(found, asked, moment, "chat.completion")
    choices = [
        {
            "index": each.index,
            "message": _message(each.message.parts),
            "logprobs": None,
            "finish_reason": FINISHES.get(each.finish_reason, "stop"),
        }
        for each in found.candidates
    ]
    return {**frame, "choices": choices, **({"usage": usage(found.usage)} if found.HasField("usage") else {})}


def usage(found: text_pb2.TokenUsage) -> dict[str, Any]:
    """Tokens, with both details."""
    return {
        "prompt_tokens": found.prompt_tokens,
        "completion_tokens": found.completion_tokens,
        "total_tokens": total(found),
        "prompt_tokens_details": {"cached_tokens": found.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": found.reasoning_tokens},
    }


def total(found: text_pb2.TokenUsage) -> int:
    """The upstream's own sum, else ours."""
    return found.total_tokens if found.HasField("total_tokens") else found.prompt_tokens + found.completion_tokens


class ChatStory:
    """Tells one streamed answer in chunks."""

    def __init__(self, asked: Question, moment: Moment) -> None:
        self._asked = asked
        self._moment = moment
        self._frame: dict[str, Any] = {}

    def tell(self, piece: text_pb2.StreamGenerateResponse) -> Iterator[Said]:
        """The chunks of one event; argument pieces keep the index of their call."""
        match piece.WhichOneof("event"):
            case "started":
                self._frame = _frame(piece.started, self._asked, self._moment, "chat.completion.chunk")
                for index in range(max(1, self._asked.request.n)):
                    yield self._chunk(index, {"role": "assistant", "content": ""})
            case "text":
                yield self._chunk(piece.text.index, {"content": piece.text.text})
            case "reasoning" if piece.reasoning.text:
                yield self._chunk(piece.reasoning.index, {"reasoning_content": piece.reasoning.text})
            case "refusal":
                yield self._chunk(piece.refusal.index, {"refusal": piece.refusal.text})
            case "tool_call":
                yield self._chunk(piece.tool_call.index, {"tool_calls": [_call_piece(piece.tool_call)]})
            case "finished":
                finish = FINISHES.get(piece.finished.finish_reason, "stop")
                yield self._chunk(piece.finished.index, {}, finish)
            case "usage" if self._asked.with_usage:
                yield Said(document={**self._frame, "choices": [], "usage": usage(piece.usage)})

    def end(self) -> Iterator[Said]:
        """The word that ends the stream."""
        yield DONE

    def fail(self, error: Any) -> Iterator[Said]:
        """A last chunk that SDKs raise; there is no [DONE]."""
        yield Said(document=error)

    def _chunk(self, index: int, delta: Mapping[str, Any], finish: str | None = None) -> Said:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
        return Said(document={**self._frame, "choices": [choice], **({"usage": None} if self._asked.with_usage else {})})


def _frame(
    found: text_pb2.GenerateResponse | text_pb2.AnswerStarted, asked: Question, moment: Moment, kind: str
) -> dict[str, Any]:
    return {
        "id": own_id("chatcmpl-", found.id, moment),
        "object": kind,
        "created": created(found, moment),
        "model": found.model or asked.request.model,
    }


def _message(parts: Sequence[text_pb2.Part]) -> dict[str, Any]:
    calls = [part.tool_call for part in parts if part.HasField("tool_call")]
    words, refusal = text_of(parts), "".join(part.refusal for part in parts)
    message: dict[str, Any] = {
        "role": "assistant",
        "content": words if words or not (calls or refusal) else None,
        "refusal": refusal or None,
    }
    if thoughts := "".join(part.reasoning.text for part in parts):
        message["reasoning_content"] = thoughts
    if calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments_json}}
            for call in calls
        ]
    return message


def _call_piece(piece: text_pb2.ToolCallDelta) -> dict[str, Any]:
    function = {"arguments": piece.arguments_json}
    if not (piece.id or piece.name):
        return {"index": piece.tool_index, "function": function}
    return {"index": piece.tool_index, "id": piece.id, "type": "function", "function": {"name": piece.name, **function}}
