"""A conversation as the body of an OpenAI response. Nothing is kept upstream: reasoning travels sealed with the conversation."""

from collections.abc import Iterator
from typing import Final

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
from services.upstream.dialects.pieces import data_url, effort_for, embedded, given, refuse, with_extra

_RESERVED: Final = frozenset({"model", "input", "stream"})


def body(model: str, asked: Conversation, *, stream: bool) -> dict[str, object]:
    """The JSON body; the schemas in it are the caller's own text. Raises InvalidRequest naming the field that does not fit."""
    refuse(
        "the Responses dialect",
        n=asked.n if asked.n != 1 else None,
        seed=asked.seed,
        stop=asked.stop,
        top_k=asked.top_k,
        presence_penalty=asked.presence_penalty or None,
        frequency_penalty=asked.frequency_penalty or None,
    )
    made: dict[str, object] = {"model": model, "input": _input(asked.messages)}
    made |= given(
        tools=[_tool(tool, index) for index, tool in enumerate(asked.tools)],
        tool_choice=_choice(asked.tool_choice),
        parallel_tool_calls=asked.parallel_tool_calls,
        text=given(format=_form(asked.response_format)),
        reasoning=given(effort=asked.effort or effort_for(asked.budget_tokens), summary=asked.reasoning_summary),
        max_output_tokens=asked.max_output_tokens,
        temperature=asked.temperature,
        top_p=asked.top_p,
        metadata=dict(asked.metadata),
        user=asked.user,
        service_tier=asked.service_tier,
    )
    if "store" not in asked.extra:
        made["store"] = False
    if "include" not in asked.extra and "reasoning" in made:
        made["include"] = ["reasoning.encrypted_content"]
    if stream:
        made["stream"] = True
    return with_extra(made, asked.extra, reserved=_RESERVED)


def _input(messages: tuple[Message, ...]) -> list[dict[str, object]]:
    """Messages and, between them in their order, calls, their results and reasoning, which are items of their own here."""
    entries: list[dict[str, object]] = []
    for index, message in enumerate(messages):
        content: list[dict[str, object]] = []
        for place, part in enumerate(message.parts):
            item = _item(part)
            if item is None:
                content += _content(part, message.role, f"messages[{index}].parts[{place}]")
                continue
            entries += _spoken(message.role, content)
            entries += item
            content = []
        entries += _spoken(message.role, content)
    return entries


def _spoken(role: Role, content: list[dict[str, object]]) -> list[dict[str, object]]:
    who = Role.USER if role is Role.TOOL else role
    return [{"type": "message", "role": who.value, "content": content}] if content else []


def _item(part: Part) -> list[dict[str, object]] | None:
    """The items that the part is, or None where it belongs into a message."""
    match part:
        case ToolCall():
            return [{"type": "function_call", "call_id": part.id, "name": part.name, "arguments": part.arguments}]
        case ToolResult():
            words: list[dict[str, object]] = [{"type": "input_text", "text": part.text}] if part.text else []
            output: object = [*words, *map(_image, part.images)] if part.images else part.text
            return [{"type": "function_call_output", "call_id": part.tool_call_id, "output": output}]
        case Reasoning():
            # Only sealed reasoning can be read back; the item's id was kept as its signature.
            summary = [{"type": "summary_text", "text": part.text}] if part.text else []
            sealed = {"type": "reasoning", "summary": summary, "encrypted_content": part.sealed, **given(id=part.signature)}
            return [sealed] if part.sealed else []
        case _:
            return None


def _content(part: Part, role: Role, field: str) -> Iterator[dict[str, object]]:
    match part:
        case Text():
            yield {"type": "output_text" if role is Role.ASSISTANT else "input_text", "text": part.text}
        case Refusal():
            yield {"type": "refusal", "refusal": part.text}
        case Image():
            yield _image(part)
        case File():
            yield {
                "type": "input_file",
                "file_data": data_url(part.mime_type, part.content),
                **given(filename=part.filename),
            }
        case Audio():
            raise InvalidRequest.of(Violation(f"{field}.audio", "the Responses dialect takes no sound"))


def _image(image: Image) -> dict[str, object]:
    return {"type": "input_image", "image_url": image.url, "detail": image.detail or "auto"}


def _tool(tool: Tool, index: int) -> dict[str, object]:
    schema = embedded(tool.parameters, f"tools[{index}].parameters_json") if tool.parameters else None
    # This dialect takes an absent `strict` for true, and a schema written for the others would not fit.
    return {
        "type": "function",
        "name": tool.name,
        "parameters": schema,
        "strict": bool(tool.strict),
        **given(description=tool.description),
    }


def _choice(choice: ToolChoice | None) -> object:
    if choice is None:
        return None
    return {"type": "function", "name": choice.name} if choice.name else choice.mode


def _form(form: ResponseFormat | None) -> dict[str, object]:
    if form is None:
        return {}
    if not form.schema:
        return {"type": "json_object"}
    schema = embedded(form.schema, "response_format.json_schema.schema_json")
    return {"type": "json_schema", **given(name=form.name, description=form.description, schema=schema, strict=form.strict)}
