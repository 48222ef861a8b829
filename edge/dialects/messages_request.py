"""Anthropic's Messages request as a question; pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from cli2api.v1 import text_pb2

from edge.dialects.fields import Fields, Value, WrongField
from edge.dialects.question import Question, Turns, from_base64, picture, schema, to_json
from edge.dialects.thoughts import from_signature

CALLERS_WORDS: Final[Mapping[str, str]] = {
    "max_output_tokens": "max_tokens",
    "stop": "stop_sequences",
    "user": "metadata.user_id",
    "reasoning.effort": "output_config.effort",
    "reasoning.budget_tokens": "thinking.budget_tokens",
    "parallel_tool_calls": "tool_choice.disable_parallel_tool_use",
    "tools[].parameters_json": "tools[].input_schema",
    "response_format": "output_config.format",
    "response_format.json_schema.schema_json": "output_config.format.schema",
}
"""The contract's field names that this dialect calls otherwise; the blocks of messages are found by their places."""

_MODES: Final = {
    "auto": text_pb2.ToolChoice.MODE_AUTO,
    "any": text_pb2.ToolChoice.MODE_REQUIRED,
    "none": text_pb2.ToolChoice.MODE_NONE,
}
_TIERS: Final = {"": "", "auto": "auto", "standard_only": "default"}
_USER_BLOCKS: Final = ("text", "image", "document", "tool_result")
_ASSISTANT_BLOCKS: Final = ("text", "thinking", "redacted_thinking", "tool_use")
_ONLY_CLAUDE: Final = "only Claude models have it"
_FORMAT_NAME: Final = "answer"
"""This dialect's schemas have no name of their own."""


def question(body: Mapping[str, Any]) -> Question:
    """What a body of POST /v1/messages asks. Raises WrongField."""
    fields = Fields(body)
    fields.ignore("cache_control")
    turns = Turns()
    if system := [(place, text_pb2.Part(text=words)) for place, words in _texts(fields, "system")]:
        turns.say(text_pb2.ROLE_SYSTEM, system, at="system")
    for message in fields.sections("messages"):
        _message(message, turns)
    limit = fields.whole("max_tokens")
    if limit is None:
        raise WrongField("max_tokens", "required: the most tokens that the answer may have")
    choice, parallel = _tool_choice(fields)
    request = text_pb2.GenerateRequest(
        model=fields.required("model", "the name of a text model; GET /v1/models lists them"),
        messages=turns.messages,
        tools=[_tool(tool) for tool in fields.sections("tools")],
        tool_choice=choice,
        parallel_tool_calls=parallel,
        max_output_tokens=limit,
        temperature=fields.number("temperature"),
        top_p=fields.number("top_p"),
        top_k=fields.whole("top_k"),
        stop=fields.texts("stop_sequences"),
        user=_user(fields),
        service_tier=_TIERS[fields.choice("service_tier", *_TIERS)],
    )
    _think(fields, request)
    stream = bool(fields.flag("stream"))
    fields.end(_ONLY_CLAUDE)
    return Question(request=request, stream=stream, places=turns.places)


def _message(message: Fields, turns: Turns) -> None:
    role = message.one_of("role", "user", "assistant")
    content = message.any("content")
    if not content:
        raise message.wrong("content", "required")
    message.end(_ONLY_CLAUDE)
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    blocks = Fields({"content": content}, at=message.at).sections("content")
    if role == "assistant":
        turns.say(text_pb2.ROLE_ASSISTANT, [(block.at, _assistant_part(block)) for block in blocks], at=message.at)
        return
    # The results of tools have a role of their own in the contract; they stand before the words of the same turn.
    parts = [(block.at, _user_part(block)) for block in blocks]
    results = [pair for pair in parts if pair[1].HasField("tool_result")]
    words = [pair for pair in parts if not pair[1].HasField("tool_result")]
    if results:
        turns.say(text_pb2.ROLE_TOOL, results, at=message.at)
    if words:
        turns.say(text_pb2.ROLE_USER, words, at=message.at)


def _assistant_part(block: Fields) -> text_pb2.Part:
    kind = block.one_of("type", *_ASSISTANT_BLOCKS)
    block.ignore("cache_control")
    match kind:
        case "text":
            block.ignore("citations")
            made = text_pb2.Part(text=block.text("text"))
        case "thinking":
            made = text_pb2.Part(reasoning=from_signature(block.text("thinking"), block.text("signature")))
        case "redacted_thinking":
            made = text_pb2.Part(reasoning=text_pb2.Reasoning(sealed=block.required("data", "the sealed thinking")))
        case _:
            block.ignore("caller")
            arguments = block.any("input")
            if not isinstance(arguments, Mapping):
                raise block.wrong("input", "required: an object with the arguments")
            call = text_pb2.ToolCall(
                id=block.required("id", "pairs the call with its result"),
                name=block.required("name", "the tool that was called"),
                arguments_json=to_json(arguments, block.place("input")),
            )
            made = text_pb2.Part(tool_call=call)
    block.end(_ONLY_CLAUDE)
    return made


def _user_part(block: Fields) -> text_pb2.Part:
    kind = block.one_of("type", *_USER_BLOCKS)
    block.ignore("cache_control")
    match kind:
        case "text":
            made = text_pb2.Part(text=block.text("text"))
            block.ignore("citations")
        case "image":
            made = _image(block)
        case "document":
            made = _document(block)
        case _:
            made = _result(block)
    block.end(_ONLY_CLAUDE)
    return made


def _source(block: Fields, *kinds: str) -> tuple[Fields, str]:
    source = block.section("source")
    if source is None:
        raise block.wrong("source", "required")
    return source, source.one_of("type", *kinds)


def _image(block: Fields) -> text_pb2.Part:
    source, kind = _source(block, "base64", "url")
    if kind == "url":
        made = picture(source.required("url", "where the picture is"), "", source.place("url"))
    else:
        content = from_base64(source.required("data", "the picture as base64"), source.place("data"))
        mime_type = source.required("media_type", 'as in "image/png"')
        made = text_pb2.Part(image=text_pb2.ImagePart(content=content, mime_type=mime_type))
    source.end(_ONLY_CLAUDE)
    return made


def _document(block: Fields) -> text_pb2.Part:
    source, kind = _source(block, "base64", "text")
    data = source.required("data", "the document itself")
    mime_type = source.required("media_type", 'as in "application/pdf"')
    source.end(_ONLY_CLAUDE)
    content = from_base64(data, source.place("data")) if kind == "base64" else data.encode()
    if citations := block.section("citations"):
        citations.neutral("enabled", False, why=_ONLY_CLAUDE)
    return text_pb2.Part(file=text_pb2.FilePart(content=content, mime_type=mime_type, filename=block.text("title")))


def _result(block: Fields) -> text_pb2.Part:
    result = text_pb2.ToolResult(
        tool_call_id=block.required("tool_use_id", "the id of the call that this answers"), is_error=bool(block.flag("is_error"))
    )
    content: Value = block.any("content") or ""
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    words = []
    for inner in Fields({"content": content}, at=block.at).sections("content"):
        kind = inner.one_of("type", "text", "image")
        inner.ignore("cache_control")
        if kind == "text":
            words.append(inner.text("text"))
        else:
            result.images.append(_image(inner).image)
        inner.end(_ONLY_CLAUDE)
    result.text = "\n".join(words)
    return text_pb2.Part(tool_result=result)


def _texts(fields: Fields, name: str) -> Iterator[tuple[str, str]]:
    value = fields.any(name)
    if isinstance(value, str):
        value = [{"type": "text", "text": value}] if value else []
    for block in Fields({name: value}).sections(name):
        block.one_of("type", "text")
        block.ignore("cache_control")
        block.ignore("citations")
        words = block.text("text")
        block.end(_ONLY_CLAUDE)
        yield block.at, words


def _tool(tool: Fields) -> text_pb2.Tool:
    tool.choice("type", "custom")
    tool.ignore("cache_control")
    tool.ignore("eager_input_streaming")
    made = text_pb2.Tool(
        name=tool.required("name", "what the model calls it by"),
        description=tool.text("description"),
        parameters_json=schema(tool, "input_schema"),
        strict=tool.flag("strict"),
    )
    tool.end(_ONLY_CLAUDE)
    return made


def _tool_choice(fields: Fields) -> tuple[text_pb2.ToolChoice | None, bool | None]:
    choice = fields.section("tool_choice")
    if choice is None:
        return None, None
    kind = choice.one_of("type", *_MODES, "tool")
    alone = choice.flag("disable_parallel_tool_use")
    if kind == "tool":
        made = text_pb2.ToolChoice(name=choice.required("name", "the tool to call"))
    else:
        made = text_pb2.ToolChoice(mode=_MODES[kind])
    choice.end(_ONLY_CLAUDE)
    return made, None if alone is None else not alone


def _user(fields: Fields) -> str:
    metadata = fields.section("metadata")
    if metadata is None:
        return ""
    user = metadata.text("user_id")
    metadata.end(_ONLY_CLAUDE)
    return user


def _think(fields: Fields, request: text_pb2.GenerateRequest) -> None:
    """How much to think, and the form of the answer, which stand side by side in this dialect.

    Thinking that is disabled is thinking that is not asked for: most models know no word against it.
    """
    thinking, config = fields.section("thinking"), fields.section("output_config")
    if thinking is not None and thinking.one_of("type", "enabled", "adaptive", "disabled") != "disabled":
        budget = thinking.whole("budget_tokens")
        if budget is not None:
            request.reasoning.budget_tokens = budget
        if thinking.choice("display", "", "summarized", "omitted") == "summarized":
            request.reasoning.summary = "auto"
    if thinking is not None:
        thinking.end(_ONLY_CLAUDE)
    if config is None:
        return
    if effort := config.text("effort"):
        request.reasoning.effort = effort
    if form := config.section("format"):
        form.one_of("type", "json_schema")
        written = schema(form, "schema")
        if not written:
            raise form.wrong("schema", "required: a JSON Schema")
        described = text_pb2.ResponseFormat.JsonSchema(name=_FORMAT_NAME, schema_json=written)
        request.response_format.json_schema.CopyFrom(described)
        form.end(_ONLY_CLAUDE)
    config.end(_ONLY_CLAUDE)
