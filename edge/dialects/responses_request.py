"""OpenAI's Responses request as a question; pure. Only what one call can hold: nothing is kept between calls."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from cli2api.v1 import text_pb2

from edge.dialects.chat_request import MODES, json_schema, metadata
from edge.dialects.fields import Fields, WrongField
from edge.dialects.question import NO_COUNTERPART, STATELESS, Question, Turns, document, picture, schema
from edge.dialects.thoughts import from_encrypted_content

CALLERS_WORDS: Final[Mapping[str, str]] = {
    "messages": "input",
    "tools[].parameters_json": "tools[].parameters",
    "response_format": "text.format",
    "response_format.json_object": "text.format",
    "response_format.json_schema.name": "text.format.name",
    "response_format.json_schema.schema_json": "text.format.schema",
    "extra.verbosity": "text.verbosity",
}
"""The contract's field names that this dialect calls otherwise; the items of the input are found by their places."""

_ROLES: Final = {
    "user": text_pb2.ROLE_USER,
    "system": text_pb2.ROLE_SYSTEM,
    "developer": text_pb2.ROLE_DEVELOPER,
    "assistant": text_pb2.ROLE_ASSISTANT,
}
_ITEMS: Final = ("message", "function_call", "function_call_output", "reasoning")
_SEALED_REASONING: Final = "reasoning.encrypted_content"
_STATE: Final = ("previous_response_id", "conversation", "prompt", "context_management")
_Parts: TypeAlias = list[tuple[str, text_pb2.Part]]


def question(body: Mapping[str, Any]) -> Question:
    """What a body of POST /v1/responses asks. Raises WrongField."""
    fields = Fields(body)
    for name in _STATE:
        fields.neutral(name, why=STATELESS)
    fields.neutral("store", False, why=STATELESS)
    fields.neutral("background", False, why=STATELESS)
    fields.neutral("truncation", "disabled", why=NO_COUNTERPART)
    fields.neutral("top_logprobs", 0, why=NO_COUNTERPART)
    fields.ignore("stream_options")
    for index, wanted in enumerate(fields.texts("include")):
        if wanted != _SEALED_REASONING:
            raise WrongField(f"include[{index}]", f'takes "{_SEALED_REASONING}" only, not "{wanted}"')
    turns = Turns()
    if instructions := fields.text("instructions"):
        turns.say(text_pb2.ROLE_SYSTEM, [("instructions", text_pb2.Part(text=instructions))], at="instructions")
    _read_input(fields, turns)
    hints = {name: fields.any(name) for name in ("prompt_cache_key", "safety_identifier")}
    form, verbosity = _text(fields)
    request = text_pb2.GenerateRequest(
        model=fields.required("model", "the name of a text model; GET /v1/models lists them"),
        messages=turns.messages,
        tools=[_tool(tool) for tool in fields.sections("tools")],
        tool_choice=_tool_choice(fields),
        parallel_tool_calls=fields.flag("parallel_tool_calls"),
        response_format=form,
        reasoning=_reasoning_options(fields),
        max_output_tokens=fields.whole("max_output_tokens"),
        temperature=fields.number("temperature"),
        top_p=fields.number("top_p"),
        metadata=metadata(fields),
        user=fields.text("user"),
        service_tier=fields.text("service_tier"),
    )
    # Chat completions know these under the same names.
    request.extra.CopyFrom(Fields({**hints, "verbosity": verbosity or None}).rest())
    stream = bool(fields.flag("stream"))
    fields.end(NO_COUNTERPART)
    return Question(request=request, stream=stream, body=body, places=turns.places)


def wants_sealed(asked: Question) -> bool:
    """The caller wants reasoning in a form that it can send back."""
    return _SEALED_REASONING in (asked.body.get("include") or ())


def _read_input(fields: Fields, turns: Turns) -> None:
    given = fields.any("input")
    if given is None or given in ("", []):
        raise WrongField("input", "required: a text, or a list of items")
    if isinstance(given, str):
        turns.say(text_pb2.ROLE_USER, [("input", text_pb2.Part(text=given))], at="input")
        return
    for item in Fields({"input": given}).sections("input"):
        kind = item.choice("type", *_ITEMS)
        item.ignore("id")
        item.ignore("status")
        role, parts = _read_item(kind, item)
        item.end(NO_COUNTERPART)
        # What the assistant thought, said and called in one turn are items of their own here, and one message everywhere else.
        turns.say(role, parts, at=item.at, join=role == text_pb2.ROLE_ASSISTANT)


def _read_item(kind: str, item: Fields) -> tuple[text_pb2.Role.ValueType, _Parts]:
    match kind:
        case "message":
            role = item.one_of("role", *_ROLES)
            item.ignore("phase")
            return _ROLES[role], list(_content(item, "content", role))
        case "function_call":
            call = text_pb2.ToolCall(
                id=item.required("call_id", "pairs the call with its output"),
                name=item.required("name", "the tool that was called"),
                arguments_json=item.text("arguments"),
            )
            return text_pb2.ROLE_ASSISTANT, [(item.at, text_pb2.Part(tool_call=call))]
        case "function_call_output":
            result = text_pb2.ToolResult(tool_call_id=item.required("call_id", "the id of the call that this answers"))
            for place, part in _content(item, "output", "user"):
                if part.HasField("image"):
                    result.images.append(part.image)
                elif part.HasField("text"):
                    result.text += part.text
                else:
                    raise WrongField(place, "a tool's output takes text and pictures only")
            return text_pb2.ROLE_TOOL, [(item.at, text_pb2.Part(tool_result=result))]
    return text_pb2.ROLE_ASSISTANT, [(item.at, text_pb2.Part(reasoning=_reasoning(item)))]


def _reasoning(item: Fields) -> text_pb2.Reasoning:
    thoughts = [*item.sections("summary"), *item.sections("content")]
    words = "\n\n".join(thought.text("text") for thought in thoughts)
    found = from_encrypted_content(words, item.text("encrypted_content"))
    if found is None:
        raise item.wrong("encrypted_content", "was sealed by another model, which alone can read it; leave the item out")
    return found


def _content(item: Fields, name: str, role: str) -> Iterator[tuple[str, text_pb2.Part]]:
    content = item.any(name)
    if content is None:
        raise item.wrong(name, "required")
    if isinstance(content, str):
        yield item.place(name), text_pb2.Part(text=content)
        return
    for part in Fields({name: content}, at=item.at).sections(name):
        allowed = ("output_text", "refusal") if role == "assistant" else ("input_text", "input_image", "input_file")
        match part.one_of("type", *allowed):
            case "refusal":
                made = text_pb2.Part(refusal=part.text("refusal"))
            case "input_image":
                made = _image(part)
            case "input_file":
                made = _file(part)
            case _:
                part.ignore("annotations")
                part.ignore("logprobs")
                made = text_pb2.Part(text=part.text("text"))
        part.end(NO_COUNTERPART)
        yield part.at, made


def _image(part: Fields) -> text_pb2.Part:
    part.neutral("file_id", why="there is no file store; send the picture itself as a data URL")
    detail = part.choice("detail", "auto", "low", "high")
    return picture(part.required("image_url", "where the picture is"), detail, part.place("image_url"))


def _file(part: Fields) -> text_pb2.Part:
    for name in ("file_id", "file_url"):
        part.neutral(name, why="documents are not fetched here; send the file itself as file_data")
    written = part.required("file_data", "the file as a data URL")
    return document(written, part.text("filename"), part.place("file_data"))


def _tool(tool: Fields) -> text_pb2.Tool:
    kind = tool.text("type")
    if kind != "function":
        raise tool.wrong("type", f'takes "function" only, not "{kind}": OpenAI runs its built-in tools for its own models')
    made = text_pb2.Tool(
        name=tool.required("name", "what the model calls it by"),
        description=tool.text("description"),
        parameters_json=schema(tool, "parameters"),
        strict=tool.flag("strict"),
    )
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
    named = Fields({"tool_choice": choice}).section("tool_choice") or Fields({})
    named.one_of("type", "function")
    made = text_pb2.ToolChoice(name=named.required("name", "the tool to call"))
    named.end(NO_COUNTERPART)
    return made


def _reasoning_options(fields: Fields) -> text_pb2.ReasoningOptions | None:
    options = fields.section("reasoning")
    if options is None:
        return None
    made = text_pb2.ReasoningOptions(
        effort=options.text("effort"), summary=options.text("summary") or options.text("generate_summary")
    )
    options.end(NO_COUNTERPART)
    return made


def _text(fields: Fields) -> tuple[text_pb2.ResponseFormat | None, str]:
    """The form of the answer, and how wordy it is."""
    text = fields.section("text")
    if text is None:
        return None, ""
    form, verbosity = text.section("format"), text.text("verbosity")
    text.end(NO_COUNTERPART)
    kind = form.choice("type", "text", "json_object", "json_schema") if form else "text"
    if form is None or kind == "text":
        return None, verbosity
    if kind == "json_object":
        return text_pb2.ResponseFormat(json_object=text_pb2.ResponseFormat.JsonObject()), verbosity
    return text_pb2.ResponseFormat(json_schema=json_schema(form)), verbosity
