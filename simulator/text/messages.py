"""Anthropic's Messages: a body read, an answer told whole or as named events."""

import json
from collections.abc import Iterator
from typing import Any

from simulator.text.read import count_words, member, names_of, number, objects, refuse, strings, text_of
from simulator.text.reply import Ask, Reply, Tool, Usage, words_of
from simulator.wire import Body, Json, dump

_PARTS = ("text", "image", "document", "tool_use", "tool_result", "thinking", "redacted_thinking")
_STOP_REASON = {"stop": "end_turn", "stop_sequence": "stop_sequence", "length": "max_tokens", "tool_calls": "tool_use"}
_LEAST_BUDGET = 1024
_ARGUMENT_PIECE = 8


def read(body: Body, seed: str, *, counting: bool = False) -> Ask:
    """The conversation in a Messages body, without max_tokens if only `counting`. Raises Refused as Anthropic would."""
    turns = objects(body.get("messages"), "messages")
    if not counting and body.get("max_tokens") is None:
        raise refuse("max_tokens", "max_tokens: Field required")
    number(body, "max_tokens", 1, whole=True)
    number(body, "temperature", 0, 1)
    thinks = _thinks(body)
    _check_turns(turns)
    tools = [tool for tool in objects(body.get("tools") or [], "tools", least=0) if tool.get("type", "custom") == "custom"]
    names_of(tools, "tools")
    texts = [text_of(turn.get("content"), f"messages.{index}.content", _PARTS) for index, turn in enumerate(turns)]
    users = [text for turn, text in zip(turns, texts, strict=True) if turn["role"] == "user" and text]
    choice, parallel = _choice(member(body, "tool_choice"))
    return Ask(
        model=body["model"],
        text=users[-1] if users else "",
        tool_results=_results(turns[-1]) if turns[-1]["role"] == "user" else (),
        words=count_words(body.get("system")) + sum(count_words(turn.get("content")) for turn in turns),
        tools=tuple(Tool(name=tool["name"], schema=tool.get("input_schema")) for tool in tools),
        choice=choice,
        parallel=parallel,
        thinks=thinks,
        schema=_schema(body),
        max_tokens=body.get("max_tokens"),
        stops=strings(body, "stop_sequences"),
        seed=seed,
    )


def whole(body: Body, answer: Reply) -> dict[str, Json]:
    """The message object."""
    return {
        **_frame(body, answer),
        "content": list(_blocks(answer)),
        "stop_reason": _STOP_REASON[answer.finish],
        "stop_sequence": answer.stop,
        "usage": _usage(answer.usage, answer.usage.completion),
    }


def events(body: Body, answer: Reply) -> Iterator[bytes]:
    """The same answer as events, each with its name on the `event:` line."""
    for kind, members in _story(body, answer):
        yield b"event: %b\ndata: %b\n\n" % (kind.encode(), dump({"type": kind, **members}))


def _story(body: Body, answer: Reply) -> Iterator[tuple[str, dict[str, Json]]]:
    opening: Json = {
        **_frame(body, answer),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _usage(answer.usage, 1),
    }
    yield "message_start", {"message": opening}
    for index, block in enumerate(_blocks(answer)):
        yield "content_block_start", {"index": index, "content_block": _empty(block)}
        if index == 0:
            yield "ping", {}
        for delta in _deltas(block, answer):
            yield "content_block_delta", {"index": index, "delta": delta}
        yield "content_block_stop", {"index": index}
    ending: Json = {"stop_reason": _STOP_REASON[answer.finish], "stop_sequence": answer.stop}
    yield "message_delta", {"delta": ending, "usage": _usage(answer.usage, answer.usage.completion)}
    yield "message_stop", {}


def _blocks(answer: Reply) -> Iterator[dict[str, Json]]:
    if answer.reasoning:
        yield {"type": "thinking", "thinking": answer.reasoning, "signature": f"signed-{answer.id}"}
    if answer.text or not (answer.calls or answer.reasoning):
        yield {"type": "text", "text": answer.text}
    for call in answer.calls:
        yield {"type": "tool_use", "id": f"toolu_{call.id}", "name": call.name, "input": _arguments(call.arguments)}


def _empty(block: dict[str, Json]) -> dict[str, Json]:
    blank: dict[str, Json] = {"thinking": "", "signature": "", "text": "", "input": {}}
    return {key: blank.get(key, value) if key != "type" else value for key, value in block.items()}


def _deltas(block: dict[str, Json], answer: Reply) -> Iterator[dict[str, Json]]:
    if block["type"] == "text":
        for chunk in answer.chunks:
            yield {"type": "text_delta", "text": chunk}
    elif block["type"] == "thinking":
        for word in words_of(answer.reasoning):
            yield {"type": "thinking_delta", "thinking": word}
        yield {"type": "signature_delta", "signature": block["signature"]}
    else:
        written = next(call.arguments for call in answer.calls if f"toolu_{call.id}" == block["id"])
        for start in range(0, len(written), _ARGUMENT_PIECE):
            yield {"type": "input_json_delta", "partial_json": written[start : start + _ARGUMENT_PIECE]}


def _arguments(written: str) -> Json:
    arguments: Json = json.loads(written)
    return arguments


def _frame(body: Body, answer: Reply) -> dict[str, Json]:
    return {"id": f"msg_{answer.id}", "type": "message", "role": "assistant", "model": body["model"]}


def _usage(usage: Usage, output: int) -> dict[str, Json]:
    """Anthropic counts cached input apart from the rest."""
    return {
        "input_tokens": usage.prompt - usage.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": output,
        "service_tier": "standard",
    }


def _thinks(body: Body) -> bool:
    thinking = member(body, "thinking")
    kind = thinking.get("type", "disabled")
    if kind == "enabled":
        number(thinking, "budget_tokens", _LEAST_BUDGET, whole=True)
        budget = thinking.get("budget_tokens")
        if budget is None:
            raise refuse("thinking", "thinking.enabled.budget_tokens: Field required")
        if budget >= (body.get("max_tokens") or budget + 1):
            raise refuse("max_tokens", "`max_tokens` must be greater than `thinking.budget_tokens`.")
    elif kind not in ("adaptive", "disabled"):
        raise refuse("thinking", f"thinking.type: {kind!r} is none of enabled, adaptive, disabled")
    return bool(kind != "disabled")


def _check_turns(turns: list[dict[str, Any]]) -> None:
    """A tool's result must answer a call of the turn before it."""
    called: set[str] = set()
    for index, turn in enumerate(turns):
        if turn.get("role") not in ("user", "assistant"):
            raise refuse(
                f"messages.{index}.role", f"messages.{index}.role: {turn.get('role')!r} is neither 'user' nor 'assistant'"
            )
        content = turn.get("content")
        if not content:
            raise refuse(f"messages.{index}.content", f"messages.{index}.content: Field required")
        parts = [] if isinstance(content, str) else objects(content, f"messages.{index}.content")
        for part in parts:
            if part.get("type") == "tool_result" and str(part.get("tool_use_id")) not in called:
                message = f"unexpected `tool_use_id` found in `tool_result` blocks: {part.get('tool_use_id')}"
                raise refuse(f"messages.{index}.content", f"messages.{index}.content: {message}")
        called = {str(part.get("id")) for part in parts if part.get("type") == "tool_use"}


def _results(turn: dict[str, Any]) -> tuple[str, ...]:
    parts = turn["content"] if isinstance(turn["content"], list) else []
    return tuple(
        text_of(part.get("content"), "tool_result.content", _PARTS) for part in parts if part.get("type") == "tool_result"
    )


def _choice(choice: dict[str, Any]) -> tuple[str, bool]:
    word = {"auto": "auto", "any": "required", "none": "none", "tool": f"={choice.get('name')}"}.get(
        str(choice.get("type", "auto"))
    )
    if word is None:
        raise refuse("tool_choice", f"tool_choice.type: {choice.get('type')!r} is none of auto, any, tool, none")
    return word, not choice.get("disable_parallel_tool_use")


def _schema(body: Body) -> Json:
    form = member(member(body, "output_config"), "format") or member(body, "output_format")
    schema: Json = form.get("schema") if form.get("type") == "json_schema" else None
    return schema
