"""A conversation as the body of an Anthropic message.

What this dialect must have and a conversation may lack is filled in here: `max_tokens`, alternating turns, JSON arguments.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from services.domain.errors import InvalidRequest, Violation
from services.domain.text import (
    Audio,
    Conversation,
    File,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    ResponseFormat,
    Role,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from services.upstream.dialects.pieces import data_url, embedded, given, inline, refuse, with_extra

DEFAULT_MAX_TOKENS: Final = 8192

_RESERVED: Final = frozenset({"model", "messages", "system", "max_tokens", "stream"})
_MODES: Final = {"auto": "auto", "none": "none", "required": "any"}
_TIERS: Final = {"auto": "auto", "default": "standard_only"}
_EFFORTS: Final = {"minimal": "low"}
_BUDGETS: Final = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384}
"""Thinking tokens for an effort, for the models that know budgets only."""
_SYSTEM_ROLES: Final = frozenset({Role.SYSTEM, Role.DEVELOPER})
_EMPTY_SCHEMA: Final = msgspec.Raw(b'{"type":"object","properties":{}}')


def body(model: str, asked: Conversation, *, stream: bool) -> dict[str, object]:
    """The JSON body; schemas and tool arguments are the caller's own text. Raises InvalidRequest naming what does not fit."""
    refuse(
        "the Messages dialect",
        n=asked.n if asked.n != 1 else None,
        seed=asked.seed,
        presence_penalty=asked.presence_penalty or None,
        frequency_penalty=asked.frequency_penalty or None,
        metadata=asked.metadata,
        service_tier=asked.service_tier if asked.service_tier not in _TIERS else "",
    )
    budget = _budget(model, asked)
    made: dict[str, object] = {
        "model": model,
        "messages": _turns(asked.messages),
        "max_tokens": asked.max_output_tokens or (budget or 0) + DEFAULT_MAX_TOKENS,
    }
    made |= given(
        system=_system(asked.messages),
        tools=[_tool(tool, index) for index, tool in enumerate(asked.tools)],
        tool_choice=_choice(asked),
        thinking=_thinking(asked, budget),
        output_config=given(effort=_effort(asked, budget), format=_form(asked.response_format)),
        temperature=asked.temperature,
        top_p=asked.top_p,
        top_k=asked.top_k,
        stop_sequences=list(asked.stop),
        metadata=given(user_id=asked.user),
        service_tier=_TIERS.get(asked.service_tier, ""),
    )
    if stream:
        made["stream"] = True
    return with_extra(made, asked.extra, reserved=_RESERVED)


def _system(messages: tuple[Message, ...]) -> list[dict[str, object]]:
    """All standing instructions, in order: the dialect has one place for them."""
    return [
        {"type": "text", "text": part.text}
        for message in messages
        if message.role in _SYSTEM_ROLES
        for part in message.parts
        if isinstance(part, Text)
    ]


def _turns(messages: tuple[Message, ...]) -> list[dict[str, object]]:
    """User and assistant in turn; neighbours of one role become one turn, the results of tools first."""
    turns: list[tuple[str, list[dict[str, object]]]] = []
    for index, message in enumerate(messages):
        if message.role in _SYSTEM_ROLES:
            continue
        role = "assistant" if message.role is Role.ASSISTANT else "user"
        blocks = [
            block for place, part in enumerate(message.parts) for block in _blocks(part, f"messages[{index}].parts[{place}]")
        ]
        if turns and turns[-1][0] == role:
            turns[-1][1].extend(blocks)
        else:
            turns.append((role, blocks))
    return [
        {"role": role, "content": sorted(blocks, key=lambda block: block["type"] != "tool_result")}
        for role, blocks in turns
        if blocks
    ]


def _blocks(part: Part, field: str) -> Iterator[dict[str, object]]:
    match part:
        case Text() | Refusal():
            yield {"type": "text", "text": part.text}
        case Image():
            yield _image(part)
        case File():
            yield _file(part, field)
        case ToolCall():
            arguments = embedded(part.arguments, f"{field}.tool_call.arguments_json") if part.arguments.strip() else {}
            yield {"type": "tool_use", "id": part.id, "name": part.name, "input": arguments}
        case ToolResult():
            yield _result(part)
        case Reasoning():
            # Thinking is taken back only with its signature, or sealed; other models' thoughts are not Claude's to read.
            if part.sealed:
                yield {"type": "redacted_thinking", "data": part.sealed}
            elif part.signature:
                yield {"type": "thinking", "thinking": part.text, "signature": part.signature}
        case Audio():
            raise InvalidRequest.of(Violation(f"{field}.audio", "the Messages dialect takes no sound"))


def _image(image: Image) -> dict[str, object]:
    pair = inline(image.url)
    if pair is None:
        return {"type": "image", "source": {"type": "url", "url": image.url}}
    return {"type": "image", "source": {"type": "base64", "media_type": pair[0], "data": pair[1]}}


def _file(file: File, field: str) -> dict[str, object]:
    if file.mime_type == "application/pdf":
        encoded = data_url(file.mime_type, file.content).partition(",")[2]
        source = {"type": "base64", "media_type": file.mime_type, "data": encoded}
    elif file.mime_type.startswith("text/"):
        source = {"type": "text", "media_type": "text/plain", "data": file.content.decode(errors="replace")}
    else:
        raise InvalidRequest.of(Violation(f"{field}.file.mime_type", "the Messages dialect takes application/pdf and text/*"))
    return {"type": "document", "source": source, **given(title=file.filename)}


def _result(result: ToolResult) -> dict[str, object]:
    words: list[dict[str, object]] = [{"type": "text", "text": result.text}] if result.text else []
    content: object = [*words, *map(_image, result.images)] if result.images else result.text
    return {
        "type": "tool_result",
        "tool_use_id": result.tool_call_id,
        "content": content,
        **given(is_error=result.is_error or None),
    }


def _tool(tool: Tool, index: int) -> dict[str, object]:
    schema = embedded(tool.parameters, f"tools[{index}].parameters_json") if tool.parameters else _EMPTY_SCHEMA
    return {"name": tool.name, "input_schema": schema, **given(description=tool.description, strict=tool.strict)}


def _choice(asked: Conversation) -> dict[str, object]:
    choice = asked.tool_choice
    alone = asked.parallel_tool_calls is False
    if choice is None:
        return {"type": "auto", "disable_parallel_tool_use": True} if alone and asked.tools else {}
    named: dict[str, object] = {"type": "tool", "name": choice.name} if choice.name else _mode(choice)
    return named | ({"disable_parallel_tool_use": True} if alone and named.get("type") != "none" else {})


def _mode(choice: ToolChoice) -> dict[str, object]:
    return {"type": _MODES[choice.mode]} if choice.mode in _MODES else {}


def _budget(model: str, asked: Conversation) -> int | None:
    if asked.budget_tokens is None and model.startswith("claude-haiku"):
        return _BUDGETS.get(asked.effort)
    return asked.budget_tokens or None


def _thinking(asked: Conversation, budget: int | None) -> dict[str, object]:
    if asked.effort == "none" or asked.budget_tokens == 0:
        return {"type": "disabled"}
    if budget is not None:
        return {"type": "enabled", "budget_tokens": budget}
    return {"type": "adaptive"} if asked.effort else {}


def _effort(asked: Conversation, budget: int | None) -> str:
    return "" if budget is not None or asked.effort == "none" else _EFFORTS.get(asked.effort, asked.effort)


def _form(form: ResponseFormat | None) -> dict[str, object]:
    if form is None:
        return {}
    if not form.schema:
        raise InvalidRequest.of(
            Violation("response_format.json_object", "has no counterpart in the Messages dialect; give a json_schema")
        )
    return {"type": "json_schema", "schema": embedded(form.schema, "response_format.json_schema.schema_json")}
