"""An answer as Anthropic's message, whole or as a stream of named events; pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from cli2api.v1 import text_pb2

from edge.dialects import thoughts
from edge.dialects.question import Question
from edge.dialects.telling import Moment, Said, own_id

_STOPS: Final[Mapping[int, str]] = {
    text_pb2.FINISH_REASON_LENGTH: "max_tokens",
    text_pb2.FINISH_REASON_TOOL_CALLS: "tool_use",
    text_pb2.FINISH_REASON_CONTENT_FILTER: "refusal",
}
"""All others are "end_turn": the dialect has no further word."""


def answer(found: text_pb2.GenerateResponse, asked: Question, moment: Moment) -> dict[str, Any]:
    """The message object."""
    first = found.candidates[0] if found.candidates else text_pb2.Candidate()
    blocks = [block for part in first.message.parts for block in _blocks(part)]
    stops = {"stop_reason": _STOPS.get(first.finish_reason, "end_turn"), "stop_sequence": None}
    return {**_frame(found, asked, moment), "content": blocks, **stops, "usage": usage(found.usage)}


def usage(found: text_pb2.TokenUsage) -> dict[str, Any]:
    """Tokens as Anthropic counts them: what the cache read and wrote stands beside the rest of the input."""
    counted = {
        "input_tokens": max(0, found.prompt_tokens - found.cached_tokens - found.cache_write_tokens),
        "cache_creation_input_tokens": found.cache_write_tokens,
        "cache_read_input_tokens": found.cached_tokens,
        "output_tokens": found.completion_tokens,
    }
    return counted | ({"output_tokens_details": {"thinking_tokens": found.reasoning_tokens}} if found.reasoning_tokens else {})


class MessageStory:
    """Tells one streamed answer block by block: one ends where the next begins.

    A piece that comes late for a block that has ended, as parallel calls could send it, still goes out under that block's index:
    nothing is held back, and readers that collect by index miss nothing.
    """

    def __init__(self, asked: Question, moment: Moment) -> None:
        self._asked = asked
        self._moment = moment
        self._blocks = 0
        self._open = ""
        self._calls: dict[int, int] = {}
        self._stop = "end_turn"
        self._usage = text_pb2.TokenUsage()

    def tell(self, piece: text_pb2.StreamGenerateResponse) -> Iterator[Said]:
        """The events of one event of the contract."""
        match piece.WhichOneof("event"):
            case "started":
                opening = {**_frame(piece.started, self._asked, self._moment), "content": []}
                silent = {"stop_reason": None, "stop_sequence": None, "usage": usage(text_pb2.TokenUsage())}
                yield _event("message_start", message={**opening, **silent})
            case "text" if piece.text.text:
                yield from self._words("text", {"type": "text", "text": ""}, {"type": "text_delta", "text": piece.text.text})
            case "refusal" if piece.refusal.text:
                delta = {"type": "text_delta", "text": piece.refusal.text}
                yield from self._words("text", {"type": "text", "text": ""}, delta)
            case "reasoning":
                yield from self._thought(piece.reasoning)
            case "tool_call":
                yield from self._call(piece.tool_call)
            case "finished":
                self._stop = _STOPS.get(piece.finished.finish_reason, "end_turn")
            case "usage":
                self._usage = piece.usage

    def end(self) -> Iterator[Said]:
        """Why the model stopped, and what it cost."""
        yield from self._close()
        delta = {"stop_reason": self._stop, "stop_sequence": None}
        yield _event("message_delta", delta=delta, usage=usage(self._usage))
        yield _event("message_stop")

    def fail(self, error: Any) -> Iterator[Said]:
        """An `error` event."""
        yield Said(event="error", document=error)

    def _thought(self, piece: text_pb2.ReasoningDelta) -> Iterator[Said]:
        opening = {"type": "thinking", "thinking": "", "signature": ""}
        if piece.text:
            yield from self._words("thinking", opening, {"type": "thinking_delta", "thinking": piece.text})
        packed = thoughts.signature(text_pb2.Reasoning(signature=piece.signature, sealed=piece.sealed))
        if piece.sealed and not piece.signature and not piece.text:
            yield from self._close()
            yield self._start({"type": "redacted_thinking", "data": piece.sealed})
            yield from self._close()
        elif packed:
            yield from self._words("thinking", opening, {"type": "signature_delta", "signature": packed})

    def _call(self, piece: text_pb2.ToolCallDelta) -> Iterator[Said]:
        if piece.tool_index not in self._calls:
            yield from self._close()
            self._calls[piece.tool_index] = self._blocks
            yield self._start({"type": "tool_use", "id": piece.id, "name": piece.name, "input": {}})
        if piece.arguments_json:
            delta = {"type": "input_json_delta", "partial_json": piece.arguments_json}
            yield _event("content_block_delta", index=self._calls[piece.tool_index], delta=delta)

    def _words(self, kind: str, opening: Mapping[str, Any], delta: Mapping[str, Any]) -> Iterator[Said]:
        if self._open != kind:
            yield from self._close()
            yield self._start(opening)
        yield _event("content_block_delta", index=self._blocks - 1, delta=delta)

    def _start(self, block: Mapping[str, Any]) -> Said:
        self._open = str(block["type"])
        self._blocks += 1
        return _event("content_block_start", index=self._blocks - 1, content_block=block)

    def _close(self) -> Iterator[Said]:
        if self._open:
            self._open = ""
            yield _event("content_block_stop", index=self._blocks - 1)


def _event(name: str, /, **members: Any) -> Said:
    return Said(event=name, document={"type": name, **members})


def _frame(found: text_pb2.GenerateResponse | text_pb2.AnswerStarted, asked: Question, moment: Moment) -> dict[str, Any]:
    return {
        "id": own_id("msg_", found.id, moment),
        "type": "message",
        "role": "assistant",
        "model": found.model or asked.request.model,
    }


def _blocks(part: text_pb2.Part) -> Iterator[dict[str, Any]]:
    match part.WhichOneof("kind"):
        case "text" | "refusal":
            yield {"type": "text", "text": part.text or part.refusal}
        case "image":
            yield {"type": "text", "text": f"![image]({part.image.url})"}
        case "reasoning" if part.reasoning.sealed and not (part.reasoning.text or part.reasoning.signature):
            yield {"type": "redacted_thinking", "data": part.reasoning.sealed}
        case "reasoning":
            yield {"type": "thinking", "thinking": part.reasoning.text, "signature": thoughts.signature(part.reasoning)}
        case "tool_call":
            call = part.tool_call
            yield {"type": "tool_use", "id": call.id, "name": call.name, "input": _arguments(call.arguments_json)}


def _arguments(written: str) -> dict[str, Any]:
    """The arguments as an object, which this dialect needs; what the model wrote is kept as text where it is none."""
    try:
        found = json.loads(written or "{}", parse_constant=_no_constant)
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {"arguments": written}


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
