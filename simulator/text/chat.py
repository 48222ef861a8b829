"""OpenAI's chat completions: a body read, an answer told whole or in chunks."""

from collections.abc import Iterator
from typing import Any

from simulator.text.read import count_words, flag, member, names_of, number, objects, refuse, strings, text_of
from simulator.text.reply import Ask, Reply, Tool, Usage, nth, words_of
from simulator.wire import Body, Json, dump

_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_PARTS = ("text", "image_url", "input_audio", "file", "refusal")
_FINISH = {"stop": "stop", "stop_sequence": "stop", "length": "length", "tool_calls": "tool_calls"}
_ARGUMENT_PIECE = 8
PICTURE_MODEL = "gemini-2.5-flash-image-preview"
"""Answers only in a stream, with a picture in it."""
PICTURE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="  # one pixel, a whole PNG
)


def read(body: Body, seed: str) -> Ask:
    """The conversation in a chat body. Raises Refused as OpenAI would."""
    messages = objects(body.get("messages"), "messages")
    _check(body)
    _check_turns(messages)
    tools = [member(tool, "function") for tool in objects(body.get("tools") or [], "tools", least=0)]
    names_of(tools, "tools.function")
    texts = [
        text_of(message.get("content"), f"messages[{index}].content", _PARTS)
        for index, message in enumerate(messages)
        if message["role"] == "user"
    ]
    results: list[str] = []
    for message in reversed(messages):
        if message["role"] != "tool":
            break
        results.insert(0, text_of(message.get("content"), "messages.content", _PARTS))
    return Ask(
        model=body["model"],
        text=texts[-1] if texts else "",
        tool_results=tuple(results),
        words=count_words([message.get("content") for message in messages]),
        tools=tuple(Tool(name=tool["name"], schema=tool.get("parameters")) for tool in tools),
        choice=_choice(body.get("tool_choice")),
        parallel=body.get("parallel_tool_calls") is not False,
        thinks=body.get("reasoning_effort") not in (None, "none"),
        schema=_schema(member(body, "response_format")),
        max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        stops=strings(body, "stop"),
        seed=seed,
    )


def whole(body: Body, answer: Reply, created: int) -> dict[str, Json]:
    """The chat.completion object."""
    choices: list[Json] = [
        {"index": index, "message": _message(nth(answer, index)), "logprobs": None, "finish_reason": _FINISH[answer.finish]}
        for index in range(body.get("n") or 1)
    ]
    return {**_frame(body, answer, created, "chat.completion"), "choices": choices, "usage": _usage(answer.usage)}


def events(body: Body, answer: Reply, created: int) -> Iterator[bytes]:
    """The same answer as server-sent events, word by word, with [DONE] at the end."""
    frame = _frame(body, answer, created, "chat.completion.chunk")
    with_usage = bool(member(body, "stream_options").get("include_usage"))
    silent: dict[str, Json] = {"usage": None} if with_usage else {}
    for index in range(body.get("n") or 1):
        for delta, finish in _deltas(nth(answer, index), body["model"]):
            choice: Json = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
            yield _event({**frame, "choices": [choice], **silent})
    if with_usage or body["model"] == PICTURE_MODEL:
        yield _event({**frame, "choices": [], "usage": _usage(answer.usage)})
    yield b"data: [DONE]\n\n"


def _check(body: Body) -> None:
    number(body, "temperature", 0, 2)
    number(body, "top_p", 0, 1)
    number(body, "n", 1, 8, whole=True)
    for key in ("max_tokens", "max_completion_tokens"):
        number(body, key, 1, whole=True)
    if body.get("stream_options") is not None and not flag(body, "stream"):
        raise refuse("stream_options", "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
    if body["model"] == PICTURE_MODEL and not flag(body, "stream"):
        raise refuse("stream", f"Model '{PICTURE_MODEL}' is only served with 'stream' set to true.")


def _check_turns(messages: list[dict[str, Any]]) -> None:
    """A tool's answer must follow the call that it answers."""
    called: set[str] = set()
    for index, message in enumerate(messages):
        role = message.get("role")
        if not isinstance(role, str) or role not in _ROLES:
            raise refuse(f"messages[{index}].role", f"Invalid value: {role!r}. Supported values are: {', '.join(_ROLES)}.")
        if role == "assistant":
            called = {str(call.get("id")) for call in objects(message.get("tool_calls") or [], "messages.tool_calls", least=0)}
        elif role == "tool" and str(message.get("tool_call_id")) not in called:
            raise refuse(
                f"messages[{index}].role",
                "Invalid parameter: messages with role 'tool' must be a response to a preceding message with 'tool_calls'.",
            )


def _choice(choice: Any) -> str:
    if isinstance(choice, dict):
        return f"={member(choice, 'function').get('name')}"
    return str(choice or "auto")


def _schema(form: Body) -> Json:
    kind = form.get("type")
    if kind == "json_schema":
        schema: Json = member(form, "json_schema").get("schema")
        if not isinstance(schema, dict):
            raise refuse(
                "response_format.json_schema.schema", "Missing required parameter: 'response_format.json_schema.schema'."
            )
        return schema
    return True if kind == "json_object" else None


def _frame(body: Body, answer: Reply, created: int, kind: str) -> dict[str, Json]:
    return {
        "id": f"chatcmpl-{answer.id}",
        "object": kind,
        "created": created,
        "model": body["model"],
        "service_tier": "default",
        "system_fingerprint": "fp_simulator",
    }


def _message(answer: Reply) -> dict[str, Json]:
    message: dict[str, Json] = {
        "role": "assistant",
        "content": None if answer.calls else answer.text,
        "refusal": None,
        "annotations": [],
    }
    if answer.reasoning:
        message["reasoning_content"] = answer.reasoning
    if answer.calls:
        message["tool_calls"] = [
            {"id": f"call_{call.id}", "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in answer.calls
        ]
    return message


def _deltas(answer: Reply, model: str) -> Iterator[tuple[dict[str, Json], str | None]]:
    yield {"role": "assistant", "content": None if answer.calls else "", "refusal": None}, None
    if answer.reasoning:
        for word in words_of(answer.reasoning):
            yield {"reasoning_content": word}, None
    for chunk in answer.chunks:
        yield {"content": chunk}, None
    if model == PICTURE_MODEL:
        yield {"content": [{"type": "image_url", "image_url": {"url": PICTURE}}]}, None
    for index, call in enumerate(answer.calls):
        opening: Json = {
            "index": index,
            "id": f"call_{call.id}",
            "type": "function",
            "function": {"name": call.name, "arguments": ""},
        }
        yield {"tool_calls": [opening]}, None
        for start in range(0, len(call.arguments), _ARGUMENT_PIECE):
            piece = call.arguments[start : start + _ARGUMENT_PIECE]
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}, None
    yield {}, _FINISH[answer.finish]


def _usage(usage: Usage) -> dict[str, Json]:
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.total,
        "prompt_tokens_details": {"cached_tokens": usage.cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning, "audio_tokens": 0},
    }


def _event(chunk: dict[str, Json]) -> bytes:
    return b"data: " + dump(chunk) + b"\n\n"
