"""An answer as OpenAI's response object, and the items that it is made of; pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from cli2api.v1 import text_pb2

from edge.dialects import thoughts
from edge.dialects.chat_answer import total
from edge.dialects.question import Question, text_of
from edge.dialects.responses_request import wants_sealed
from edge.dialects.telling import Moment, created, own_id

_CUTS: Final[Mapping[int, str]] = {
    text_pb2.FINISH_REASON_LENGTH: "max_output_tokens",
    text_pb2.FINISH_REASON_CONTENT_FILTER: "content_filter",
}
"""Why a response is incomplete; after any other reason it is complete."""

_REPEATED: Final[Mapping[str, Any]] = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "service_tier": None,
    "temperature": None,
    "tool_choice": "auto",
    "tools": [],
    "top_p": None,
    "user": None,
}
"""What a response repeats of its request, and what it says where the request was silent."""


def answer(found: text_pb2.GenerateResponse, asked: Question, moment: Moment) -> dict[str, Any]:
    """The response object, finished."""
    first = found.candidates[0] if found.candidates else text_pb2.Candidate()
    output = list(_items(first.message.parts, asked, own_id("", found.id, moment)))
    return finished(frame(found, asked, moment), output, first.finish_reason, found.usage)


def frame(found: text_pb2.GenerateResponse | text_pb2.AnswerStarted, asked: Question, moment: Moment) -> dict[str, Any]:
    """The response object as it begins."""
    repeated = {name: silent if asked.body.get(name) is None else asked.body[name] for name, silent in _REPEATED.items()}
    return {
        "id": own_id("resp_", found.id, moment),
        "object": "response",
        "created_at": created(found, moment),
        "status": "in_progress",
        "background": False,
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "model": found.model or asked.request.model,
        "output": [],
        "previous_response_id": None,
        "store": False,
        "truncation": "disabled",
        "usage": None,
        **repeated,
        "reasoning": {"effort": None, "summary": None, **(asked.body.get("reasoning") or {})},
        "text": {"format": {"type": "text"}, **(asked.body.get("text") or {})},
    }


def finished(
    begun: Mapping[str, Any], output: Sequence[Mapping[str, Any]], reason: int, counted: text_pb2.TokenUsage
) -> dict[str, Any]:
    """The response object as it ends."""
    cut = _CUTS.get(reason)
    return {
        **begun,
        "status": "incomplete" if cut else "completed",
        "completed_at": None if cut else begun["created_at"],
        "incomplete_details": {"reason": cut} if cut else None,
        "output": output,
        "usage": usage(counted),
    }


def usage(found: text_pb2.TokenUsage) -> dict[str, Any]:
    """Tokens, with both details, which this dialect must have."""
    return {
        "input_tokens": found.prompt_tokens,
        "input_tokens_details": {"cached_tokens": found.cached_tokens, "cache_write_tokens": found.cache_write_tokens},
        "output_tokens": found.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": found.reasoning_tokens},
        "total_tokens": total(found),
    }


def message_item(item_id: str, content: Sequence[Mapping[str, Any]], *, status: str = "completed") -> dict[str, Any]:
    """What the assistant said."""
    return {"id": item_id, "type": "message", "status": status, "role": "assistant", "content": content}


def call_item(item_id: str, call_id: str, name: str, arguments: str, *, status: str = "completed") -> dict[str, Any]:
    """A call that the assistant wants made."""
    return {
        "id": item_id,
        "type": "function_call",
        "status": status,
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
    }


def reasoning_item(item_id: str, found: text_pb2.Reasoning, asked: Question) -> dict[str, Any]:
    """What the assistant thought; with its proof, where the caller wants to send it back."""
    item: dict[str, Any] = {
        "id": item_id,
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": found.text}] if found.text else [],
    }
    proof = thoughts.encrypted_content(found)
    return item | ({"encrypted_content": proof} if proof and wants_sealed(asked) else {})


def text_part(words: str) -> dict[str, Any]:
    """Words of a message."""
    return {"type": "output_text", "text": words, "annotations": [], "logprobs": []}


def refusal_part(words: str) -> dict[str, Any]:
    """A refusal in a message."""
    return {"type": "refusal", "refusal": words}


def _items(parts: Sequence[text_pb2.Part], asked: Question, core: str) -> Iterator[dict[str, Any]]:
    """Neighbouring words make one message. `core` is what the ids of the items are made of."""
    content: list[dict[str, Any]] = []
    place = 0
    for part in parts:
        kind = part.WhichOneof("kind")
        if kind in {"tool_call", "reasoning"} and content:
            yield message_item(f"msg_{core}_{place}", content)
            content, place = [], place + 1
        match kind:
            case "tool_call":
                call = part.tool_call
                yield call_item(f"fc_{core}_{place}", call.id, call.name, call.arguments_json)
                place += 1
            case "reasoning":
                yield reasoning_item(f"rs_{core}_{place}", part.reasoning, asked)
                place += 1
            case "refusal":
                content.append(refusal_part(part.refusal))
            case _:
                content.append(text_part(text_of([part])))
    if content:
        yield message_item(f"msg_{core}_{place}", content)
