"""OpenAI's Responses: a body read, an answer told whole or as numbered events."""

from collections.abc import Iterator
from typing import Any, Literal

from simulator.text.read import count_words, member, names_of, number, objects, refuse, strings, text_of
from simulator.text.reply import Ask, Call, Reply, Tool, Usage, words_of
from simulator.wire import Body, Json, dump

_PARTS = ("input_text", "input_image", "input_file", "input_audio", "output_text", "refusal", "text")
_ROLES = ("system", "developer", "user", "assistant")
_BUILT_IN = ("web_search", "web_search_preview", "file_search", "code_interpreter", "image_generation")
_ITEMS = ("message", "function_call", "function_call_output", "reasoning")
_ARGUMENT_PIECE = 8
UsageNames = Literal["openai", "docs"]


def read(body: Body, seed: str) -> Ask:
    """The conversation in a Responses body. Raises Refused as OpenAI would."""
    number(body, "temperature", 0, 2)
    number(body, "top_p", 0, 1)
    number(body, "max_output_tokens", 16, whole=True)
    if body.get("previous_response_id") is not None:
        message = f"Previous response with id '{body['previous_response_id']}' not found."
        raise refuse("previous_response_id", message, code="previous_response_not_found")
    items = _items(body.get("input"))
    tools = _tools(body.get("tools"))
    texts = [
        text_of(item.get("content"), f"input[{index}].content", _PARTS) for index, item in enumerate(items) if _is_user(item)
    ]
    results: list[str] = []
    for item in reversed(items):
        if item["type"] != "function_call_output":
            break
        output = item.get("output")
        results.insert(0, output if isinstance(output, str) else text_of(output, "input.output", _PARTS))
    return Ask(
        model=body["model"],
        text=texts[-1] if texts else "",
        tool_results=tuple(results),
        words=count_words(body.get("instructions"))
        + sum(count_words(item.get("content") or item.get("output") or item.get("arguments")) for item in items),
        tools=tools,
        choice=_choice(body.get("tool_choice")),
        parallel=body.get("parallel_tool_calls") is not False,
        thinks=member(body, "reasoning").get("effort") not in (None, "none"),
        schema=_schema(member(member(body, "text"), "format")),
        max_tokens=body.get("max_output_tokens"),
        seed=seed,
    )


def whole(body: Body, answer: Reply, created: int, names: UsageNames) -> dict[str, Json]:
    """The response object, finished. As MuleRun does, it repeats the text as `output_text`."""
    cut = answer.finish == "length"
    return {
        **_frame(body, answer, created, "incomplete" if cut else "completed"),
        "completed_at": None if cut else created,
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "output": [item for item, _ in _output(body, answer)],
        "output_text": answer.text,
        "usage": _usage(answer.usage, names),
    }


def events(body: Body, answer: Reply, created: int, names: UsageNames) -> Iterator[bytes]:
    """The same answer as events that are numbered from 0 without a gap."""
    for sequence_number, (kind, members) in enumerate(_story(body, answer, created, names)):
        yield b"event: %b\ndata: %b\n\n" % (kind.encode(), dump({"type": kind, "sequence_number": sequence_number, **members}))


def _story(body: Body, answer: Reply, created: int, names: UsageNames) -> Iterator[tuple[str, dict[str, Json]]]:
    started: Json = {**_frame(body, answer, created, "in_progress"), "output": [], "usage": None}
    yield "response.created", {"response": started}
    yield "response.in_progress", {"response": started}
    for index, (item, source) in enumerate(_output(body, answer)):
        place: dict[str, Json] = {"item_id": item["id"], "output_index": index}
        yield "response.output_item.added", {"output_index": index, "item": _empty(item)}
        if isinstance(source, Call):
            yield from _call_story(source, place)
        elif item["type"] == "message":
            yield from _text_story(answer, place)
        elif item["summary"]:
            yield from _summary_story(answer, place)
        yield "response.output_item.done", {"output_index": index, "item": item}
    last = whole(body, answer, created, names)
    yield f"response.{last['status']}", {"response": last}


def _text_story(answer: Reply, place: dict[str, Json]) -> Iterator[tuple[str, dict[str, Json]]]:
    where = {**place, "content_index": 0}
    yield "response.content_part.added", {**where, "part": _part("")}
    for chunk in answer.chunks:
        yield "response.output_text.delta", {**where, "delta": chunk, "logprobs": []}
    yield "response.output_text.done", {**where, "text": answer.text, "logprobs": []}
    yield "response.content_part.done", {**where, "part": _part(answer.text)}


def _summary_story(answer: Reply, place: dict[str, Json]) -> Iterator[tuple[str, dict[str, Json]]]:
    where = {**place, "summary_index": 0}
    yield "response.reasoning_summary_part.added", {**where, "part": {"type": "summary_text", "text": ""}}
    for word in words_of(answer.reasoning):
        yield "response.reasoning_summary_text.delta", {**where, "delta": word}
    yield "response.reasoning_summary_text.done", {**where, "text": answer.reasoning}
    yield "response.reasoning_summary_part.done", {**where, "part": {"type": "summary_text", "text": answer.reasoning}}


def _call_story(call: Call, place: dict[str, Json]) -> Iterator[tuple[str, dict[str, Json]]]:
    for start in range(0, len(call.arguments), _ARGUMENT_PIECE):
        yield "response.function_call_arguments.delta", {**place, "delta": call.arguments[start : start + _ARGUMENT_PIECE]}
    yield "response.function_call_arguments.done", {**place, "name": call.name, "arguments": call.arguments}


def _output(body: Body, answer: Reply) -> Iterator[tuple[dict[str, Json], Call | None]]:
    if answer.reasoning:
        shown: list[Json] = [{"type": "summary_text", "text": answer.reasoning}]
        reasoning: dict[str, Json] = {
            "id": f"rs_{answer.id}",
            "type": "reasoning",
            "summary": shown if member(body, "reasoning").get("summary") else [],
        }
        if "reasoning.encrypted_content" in strings(body, "include"):
            reasoning["encrypted_content"] = f"sealed-{answer.id}"
        yield reasoning, None
    if not answer.calls:
        status = "incomplete" if answer.finish == "length" else "completed"
        yield (
            {"id": f"msg_{answer.id}", "type": "message", "status": status, "role": "assistant", "content": [_part(answer.text)]},
            None,
        )
    for call in answer.calls:
        yield (
            {
                "id": f"fc_{call.id}",
                "type": "function_call",
                "status": "completed",
                "call_id": f"call_{call.id}",
                "name": call.name,
                "arguments": call.arguments,
            },
            call,
        )


def _empty(item: dict[str, Json]) -> dict[str, Json]:
    """The item as it is announced, before anything is in it."""
    blank: dict[str, Json] = {"summary": [], "content": [], "arguments": "", "status": "in_progress"}
    return {key: blank.get(key, value) for key, value in item.items()}


def _part(text: str) -> dict[str, Json]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _frame(body: Body, answer: Reply, created: int, status: str) -> dict[str, Json]:
    return {
        "id": f"resp_{answer.id}",
        "object": "response",
        "created_at": created,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "model": body["model"],
        "parallel_tool_calls": body.get("parallel_tool_calls") is not False,
        "previous_response_id": None,
        "reasoning": body.get("reasoning") or {"effort": None, "summary": None},
        "store": body.get("store", True),
        "temperature": body.get("temperature", 1.0),
        "text": body.get("text") or {"format": {"type": "text"}},
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": body.get("tools") or [],
        "top_p": body.get("top_p", 1.0),
        "truncation": "disabled",
        "metadata": body.get("metadata") or {},
    }


def _usage(usage: Usage, names: UsageNames) -> dict[str, Json]:
    before, after = ("input", "output") if names == "openai" else ("prompt", "completion")
    return {
        f"{before}_tokens": usage.prompt,
        f"{before}_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": 0},
        f"{after}_tokens": usage.completion,
        f"{after}_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.total,
    }


def _items(given: Any) -> list[dict[str, Any]]:
    if isinstance(given, str) and given:
        return [{"type": "message", "role": "user", "content": given}]
    items = [{"type": "message", **item} for item in objects(given, "input")]
    called = [item.get("call_id") for item in items if item["type"] == "function_call"]
    for index, item in enumerate(items):
        if item["type"] not in _ITEMS:
            raise refuse(f"input[{index}].type", f"Invalid value: {item['type']!r}. Supported values are: {', '.join(_ITEMS)}.")
        if item["type"] == "message" and item.get("role") not in _ROLES:
            raise refuse(
                f"input[{index}].role", f"Invalid value: {item.get('role')!r}. Supported values are: {', '.join(_ROLES)}."
            )
        if item["type"] == "function_call_output" and item.get("call_id") not in called:
            raise refuse("input", f"No tool call found for function call output with call_id {item.get('call_id')}.")
    return items


def _is_user(item: dict[str, Any]) -> bool:
    return (item["type"], item.get("role")) == ("message", "user")


def _tools(given: Any) -> tuple[Tool, ...]:
    offered = objects(given or [], "tools", least=0)
    for index, tool in enumerate(offered):
        if tool.get("type") != "function" and tool.get("type") not in _BUILT_IN:
            raise refuse(f"tools[{index}].type", f"Invalid value: {tool.get('type')!r}.")
    functions = [tool for tool in offered if tool["type"] == "function"]
    names_of(functions, "tools")
    return tuple(Tool(name=tool["name"], schema=tool.get("parameters")) for tool in functions)


def _choice(choice: Any) -> str:
    return f"={choice.get('name')}" if isinstance(choice, dict) else str(choice or "auto")


def _schema(form: Body) -> Json:
    kind = form.get("type")
    if kind == "json_schema":
        schema: Json = form.get("schema")
        if not isinstance(schema, dict):
            raise refuse("text.format.schema", "Missing required parameter: 'text.format.schema'.")
        return schema
    return True if kind == "json_object" else None
