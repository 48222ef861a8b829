"""OpenAI's chat completion request as a question; pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from cli2api.v1 import text_pb2

from edge.dialects.fields import Fields, WrongField
from edge.dialects.question import NO_COUNTERPART, Question, Turns, document, from_base64, picture, schema

CALLERS_WORDS: Final[Mapping[str, str]] = {
    "max_output_tokens": "max_completion_tokens",
    "reasoning.effort": "reasoning_effort",
    "tools[].name": "tools[].function.name",
    "tools[].parameters_json": "tools[].function.parameters",
    "tool_choice.name": "tool_choice.function.name",
    "response_format.json_schema.schema_json": "response_format.json_schema.schema",
}
"""The contract's field names that this dialect calls otherwise; the parts of messages are found by their places."""

_ROLES: Final = {
    "system": text_pb2.ROLE_SYSTEM,
    "developer": text_pb2.ROLE_DEVELOPER,
    "user": text_pb2.ROLE_USER,
    "assistant": text_pb2.ROLE_ASSISTANT,
    "tool": text_pb2.ROLE_TOOL,
}
MODES: Final = {
    "auto": text_pb2.ToolChoice.MODE_AUTO,
    "none": text_pb2.ToolChoice.MODE_NONE,
    "required": text_pb2.ToolChoice.MODE_REQUIRED,
}


def question(body: Mapping[str, Any]) -> Question:
    """What a body of POST /v1/chat/completions asks. Raises WrongField."""
    fields = Fields(body)
    stream, with_usage = _stream(fields)
    turns = Turns()
    for message in fields.sections("messages"):
        _message(message, turns)
    fields.neutral("store", False, why="no answer is kept here")
    fields.neutral("logprobs", False, why=NO_COUNTERPART)
    fields.neutral("top_logprobs", 0, why=NO_COUNTERPART)
    fields.neutral("logit_bias", {}, why=NO_COUNTERPART)
    fields.neutral("modalities", ["text"], why="only text is answered")
    fields.neutral("verbosity", "medium", why=NO_COUNTERPART)
    request = text_pb2.GenerateRequest(
        model=fields.required("model", "the name of a text model; GET /v1/models lists them"),
        messages=turns.messages,
        tools=[_tool(tool) for tool in fields.sections("tools")],
        tool_choice=_tool_choice(fields),
        parallel_tool_calls=fields.flag("parallel_tool_calls"),
        response_format=_response_format(fields),
        max_output_tokens=_limit(fields),
        temperature=fields.number("temperature"),
        top_p=fields.number("top_p"),
        top_k=fields.whole("top_k"),
        stop=fields.texts("stop"),
        seed=fields.whole("seed", bits=64),
        presence_penalty=fields.number("presence_penalty"),
        frequency_penalty=fields.number("frequency_penalty"),
        n=fields.whole("n"),
        metadata=metadata(fields),
        user=fields.text("user"),
        service_tier=fields.text("service_tier"),
    )
    if effort := fields.text("reasoning_effort"):
        request.reasoning.effort = effort
    # Both of OpenAI's dialects know these under the same names.
    request.extra.CopyFrom(Fields({name: fields.any(name) for name in ("prompt_cache_key", "safety_identifier")}).rest())
    fields.end(NO_COUNTERPART)
    places = turns.places | ({"max_output_tokens": "max_tokens"} if body.get("max_tokens") is not None else {})
    return Question(request=request, stream=stream, with_usage=with_usage, places=places)


def metadata(fields: Fields) -> dict[str, str]:
    """Labels, each a text."""
    found = fields.any("metadata") or {}
    if not isinstance(found, Mapping) or not all(isinstance(value, str) for value in found.values()):
        raise fields.wrong("metadata", "takes an object of texts")
    return dict(found)


def sound(fields: Fields) -> text_pb2.Part:
    """The sound of an `input_audio` object."""
    content = from_base64(fields.required("data", "the sound as base64"), fields.place("data"))
    return text_pb2.Part(audio=text_pb2.AudioPart(content=content, format=fields.choice("format", "wav", "mp3")))


def _stream(fields: Fields) -> tuple[bool, bool]:
    stream, options = bool(fields.flag("stream")), fields.section("stream_options")
    if options is None:
        return stream, False
    if not stream:
        raise WrongField("stream_options", "is only for streams; leave it out or set stream")
    options.ignore("include_obfuscation")
    with_usage = bool(options.flag("include_usage"))
    options.end(NO_COUNTERPART)
    return stream, with_usage


def _message(message: Fields, turns: Turns) -> None:
    role = message.one_of("role", *_ROLES)
    parts = [(message.at, part) for part in _reasoning(message)] if role == "assistant" else []
    parts += _content(message, role)
    if role == "assistant":
        parts += _calls(message)
        message.neutral("audio", why=NO_COUNTERPART)
        message.neutral("function_call", why="it is OpenAI's retired form of tool_calls")
        message.ignore("annotations")
    if role == "tool":
        call_id = message.required("tool_call_id", "the id of the call that this answers")
        words = "".join(part.text for _, part in parts)
        parts = [(message.at, text_pb2.Part(tool_result=text_pb2.ToolResult(tool_call_id=call_id, text=words)))]
    if not parts:
        raise message.wrong("content", "required")
    name = message.text("name")
    message.end(NO_COUNTERPART)
    turns.say(_ROLES[role], parts, at=message.at, name=name)


def _reasoning(message: Fields) -> list[text_pb2.Part]:
    words = message.text("reasoning_content")
    return [text_pb2.Part(reasoning=text_pb2.Reasoning(text=words))] if words else []


def _content(message: Fields, role: str) -> list[tuple[str, text_pb2.Part]]:
    content, place = message.any("content"), message.place("content")
    refusal = message.text("refusal") if role == "assistant" else ""
    said = [(message.place("refusal"), text_pb2.Part(refusal=refusal))] if refusal else []
    if content is None or isinstance(content, str):
        # An assistant that only calls tools says nothing; an empty text would be refused by some models.
        if not content and (content is None or role == "assistant"):
            return said
        return [(place, text_pb2.Part(text=content)), *said]
    parts = Fields({"content": content}, at=message.at).sections("content")
    return [*((part.at, _part(part, role)) for part in parts), *said]


def _part(part: Fields, role: str) -> text_pb2.Part:
    allowed = {"user": ("text", "image_url", "input_audio", "file"), "assistant": ("text", "refusal")}.get(role, ("text",))
    kind = part.one_of("type", *allowed)
    match kind:
        case "text":
            made = text_pb2.Part(text=part.text("text"))
        case "refusal":
            made = text_pb2.Part(refusal=part.text("refusal"))
        case _:
            inner = part.section(kind)
            if inner is None:
                raise part.wrong(kind, "required")
            made = _medium(kind, inner)
            inner.end(NO_COUNTERPART)
    part.end(NO_COUNTERPART)
    return made


def _medium(kind: str, inner: Fields) -> text_pb2.Part:
    if kind == "image_url":
        detail = inner.choice("detail", "auto", "low", "high")
        return picture(inner.required("url", "where the picture is"), detail, inner.place("url"))
    if kind == "input_audio":
        return sound(inner)
    inner.neutral("file_id", why="there is no file store; send the file itself as file_data")
    name = inner.text("filename")
    return document(inner.required("file_data", "the file as a data URL"), name, inner.place("file_data"))


def _calls(message: Fields) -> Iterator[tuple[str, text_pb2.Part]]:
    for call in message.sections("tool_calls"):
        function = _function(call)
        made = text_pb2.ToolCall(
            id=call.required("id", "pairs the call with its result"),
            name=function.required("name", "the tool that was called"),
            arguments_json=function.text("arguments"),
        )
        call.ignore("index")
        function.end(NO_COUNTERPART)
        call.end(NO_COUNTERPART)
        yield call.at, text_pb2.Part(tool_call=made)


def _function(holder: Fields) -> Fields:
    holder.choice("type", "function")
    function = holder.section("function")
    if function is None:
        raise holder.wrong("function", "required")
    return function


def _tool(tool: Fields) -> text_pb2.Tool:
    function = _function(tool)
    made = text_pb2.Tool(
        name=function.required("name", "what the model calls it by"),
        description=function.text("description"),
        parameters_json=schema(function, "parameters"),
        strict=function.flag("strict"),
    )
    function.end(NO_COUNTERPART)
    tool.end(NO_COUNTERPART)
    return made


def _tool_choice(fields: Fields) -> text_pb2.ToolChoice | None:
    choice = fields.any("tool_choice")
    if choice is None:
        return None
    if isinstance(choice, str):
        if choice not in MODES:
            raise WrongField("tool_choice", f"takes {', '.join(MODES)} or a function")
        return text_pb2.ToolChoice(mode=MODES[choice])
    named = Fields({"tool_choice": choice}).section("tool_choice")
    function = _function(named) if named else Fields({})
    made = text_pb2.ToolChoice(name=function.required("name", "the tool to call"))
    function.end(NO_COUNTERPART)
    return made


def _response_format(fields: Fields) -> text_pb2.ResponseFormat | None:
    form = fields.section("response_format")
    kind = form.choice("type", "text", "json_object", "json_schema") if form else "text"
    if form is None or kind == "text":
        return None
    if kind == "json_object":
        return text_pb2.ResponseFormat(json_object=text_pb2.ResponseFormat.JsonObject())
    described = form.section("json_schema")
    if described is None:
        raise form.wrong("json_schema", "required")
    return text_pb2.ResponseFormat(json_schema=json_schema(described))


def json_schema(described: Fields) -> text_pb2.ResponseFormat.JsonSchema:
    """The schema that an answer has to fit. Raises WrongField."""
    made = text_pb2.ResponseFormat.JsonSchema(
        name=described.required("name", "what the schema is called"),
        schema_json=schema(described, "schema"),
        description=described.text("description"),
        strict=described.flag("strict"),
    )
    if not made.schema_json:
        raise described.wrong("schema", "required: a JSON Schema")
    described.end(NO_COUNTERPART)
    return made


def _limit(fields: Fields) -> int | None:
    current, retired = fields.whole("max_completion_tokens"), fields.whole("max_tokens")
    if current is not None and retired is not None:
        raise WrongField("max_tokens", "says the same as max_completion_tokens; send one of them")
    return retired if current is None else current
