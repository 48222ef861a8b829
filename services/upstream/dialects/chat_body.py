"""A conversation as the body of an OpenAI chat completion.

Two wishes have no word of their own here: a thinking budget is sent as the nearest effort, and a summary of the reasoning cannot
be asked for, so it is left out.
"""

import re
from base64 import b64encode
from typing import Final

from services.domain.errors import InvalidRequest, Violation
from services.domain.text import (
    Audio,
    Conversation,
    File,
    Image,
    Message,
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
from services.upstream.dialects.pieces import data_url, effort_for, embedded, given, with_extra

_RESERVED: Final = frozenset({"model", "messages", "stream", "stream_options"})
_OPENAI_MODEL: Final = re.compile(r"(?:gpt-|chatgpt-|o\d)")


def body(model: str, asked: Conversation, *, stream: bool) -> dict[str, object]:
    """The JSON body; the schemas in it are the caller's own text. Raises InvalidRequest naming the field that does not fit."""
    # OpenAI's reasoning models refuse max_tokens, and other vendors know nothing else.
    limit = "max_completion_tokens" if _OPENAI_MODEL.match(model) else "max_tokens"
    made: dict[str, object] = {"model": model, "messages": _messages(asked.messages)}
    made |= given(
        tools=[_tool(tool, index) for index, tool in enumerate(asked.tools)],
        tool_choice=_choice(asked.tool_choice),
        parallel_tool_calls=asked.parallel_tool_calls,
        response_format=_form(asked.response_format),
        reasoning_effort=asked.effort or effort_for(asked.budget_tokens),
        temperature=asked.temperature,
        top_p=asked.top_p,
        top_k=asked.top_k,
        stop=list(asked.stop),
        seed=asked.seed,
        presence_penalty=asked.presence_penalty,
        frequency_penalty=asked.frequency_penalty,
        n=asked.n,
        metadata=dict(asked.metadata),
        user=asked.user,
        service_tier=asked.service_tier,
    )
    made |= given(**{limit: asked.max_output_tokens})
    if stream:
        made |= {"stream": True, "stream_options": {"include_usage": True}}
    return with_extra(made, asked.extra, reserved=_RESERVED)


def _messages(messages: tuple[Message, ...]) -> list[dict[str, object]]:
    made: list[dict[str, object]] = []
    pictures: list[dict[str, object]] = []
    for index, message in enumerate(messages):
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        # Tool messages carry words only. A tool's pictures follow as a user's, after the last result: results must not be parted.
        made += [{"role": "tool", "tool_call_id": result.tool_call_id, "content": result.text} for result in results]
        pictures += [_image(image) for result in results for image in result.images]
        if len(results) == len(message.parts):
            continue
        if pictures:
            made.append({"role": "user", "content": pictures})
            pictures = []
        made.append(_assistant(message) if message.role is Role.ASSISTANT else _turn(message, index))
    if pictures:
        made.append({"role": "user", "content": pictures})
    return made


def _turn(message: Message, index: int) -> dict[str, object]:
    content: list[dict[str, object]] = []
    for place, part in enumerate(message.parts):
        match part:
            case Text():
                content.append({"type": "text", "text": part.text})
            case Image():
                content.append(_image(part))
            case Audio():
                sound = {"data": b64encode(part.content).decode(), "format": part.format}
                content.append({"type": "input_audio", "input_audio": sound})
            case File():
                file = given(filename=part.filename, file_data=data_url(part.mime_type, part.content))
                content.append({"type": "file", "file": file})
            case ToolResult():
                continue
            case ToolCall() | Reasoning() | Refusal():
                raise InvalidRequest.of(
                    Violation(f"messages[{index}].parts[{place}]", "only an assistant's message can hold this")
                )
    return {"role": message.role.value, "content": _plain(content), **given(name=message.name)}


def _assistant(message: Message) -> dict[str, object]:
    content: list[dict[str, object]] = []
    for part in message.parts:
        match part:
            case Text():
                content.append({"type": "text", "text": part.text})
            case Refusal():
                content.append({"type": "refusal", "refusal": part.text})
            case Image():
                content.append(_image(part))
            case _:
                continue
    calls = [
        {"id": part.id, "type": "function", "function": {"name": part.name, "arguments": part.arguments}}
        for part in message.parts
        if isinstance(part, ToolCall)
    ]
    reasoning = "".join(part.text for part in message.parts if isinstance(part, Reasoning))
    return {
        "role": "assistant",
        "content": _plain(content) if content else None,
        **given(name=message.name, reasoning_content=reasoning, tool_calls=calls),
    }


def _plain(content: list[dict[str, object]]) -> object:
    """A lone text goes as a string, which every upstream reads."""
    return content[0]["text"] if len(content) == 1 and content[0]["type"] == "text" else content


def _image(image: Image) -> dict[str, object]:
    return {"type": "image_url", "image_url": {"url": image.url, **given(detail=image.detail)}}


def _tool(tool: Tool, index: int) -> dict[str, object]:
    schema = embedded(tool.parameters, f"tools[{index}].parameters_json") if tool.parameters else None
    function = given(name=tool.name, description=tool.description, parameters=schema, strict=tool.strict)
    return {"type": "function", "function": function}


def _choice(choice: ToolChoice | None) -> object:
    if choice is None:
        return None
    return {"type": "function", "function": {"name": choice.name}} if choice.name else choice.mode


def _form(form: ResponseFormat | None) -> object:
    if form is None:
        return None
    if not form.schema:
        return {"type": "json_object"}
    schema = embedded(form.schema, "response_format.json_schema.schema_json")
    described = given(name=form.name, description=form.description, schema=schema, strict=form.strict)
    return {"type": "json_schema", "json_schema": described}
