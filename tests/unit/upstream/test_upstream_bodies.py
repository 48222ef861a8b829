"""What each dialect's upstream is sent for a conversation."""

import json
from typing import Any

import msgspec
import pytest

from services.domain.errors import InvalidRequest
from services.domain.model import Operation
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
from services.upstream.dialects.table import DIALECTS, dialect_of

CHAT, RESPONSES, MESSAGES = Operation.CHAT_COMPLETIONS, Operation.RESPONSES, Operation.MESSAGES
EVERY = pytest.mark.parametrize("operation", list(DIALECTS))
SCHEMA = '{ "type":"object", "properties":{"z":{"const":12345678901234567890},"a":{"const":1.0}} }'
PIXEL = Image(url="data:image/png;base64,AAAA", detail="high")
LINK = Image(url="https://cdn.test/a.png")


def turn(role: Role, *parts: Part, name: str = "") -> Message:
    return Message(role=role, parts=parts, name=name)


HELLO = turn(Role.USER, Text("hello"))


def written(operation: Operation, *messages: Message, model: str = "m", stream: bool = False, **fields: Any) -> bytes:
    asked = Conversation(model=model, messages=messages or (HELLO,), **fields)
    return msgspec.json.encode(dialect_of(operation).body(model, asked, stream=stream))


def body(operation: Operation, *messages: Message, model: str = "m", stream: bool = False, **fields: Any) -> Any:
    return json.loads(written(operation, *messages, model=model, stream=stream, **fields))


def violations(operation: Operation, *messages: Message, **fields: Any) -> list[str]:
    with pytest.raises(InvalidRequest) as caught:
        written(operation, *messages, **fields)
    return [violation.field for violation in caught.value.violations]


def test_a_bare_conversation_is_a_bare_body() -> None:
    assert body(CHAT) == {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
    assert body(MESSAGES) == {
        "model": "m",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}],
        "max_tokens": 8192,
    }
    assert body(RESPONSES) == {
        "model": "m",
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}],
        "store": False,
    }


@EVERY
def test_a_stream_is_asked_for(operation: Operation) -> None:
    assert body(operation, stream=True)["stream"] is True
    assert "stream" not in body(operation)


def test_a_chat_stream_asks_for_usage() -> None:
    assert body(CHAT, stream=True)["stream_options"] == {"include_usage": True}


@EVERY
def test_schemas_are_embedded_byte_for_byte(operation: Operation) -> None:
    form = ResponseFormat(name="reply", schema=SCHEMA, description="d", strict=True)
    text = written(operation, tools=(Tool(name="t", parameters=SCHEMA),), response_format=form).decode()
    assert text.count(SCHEMA) == 2


@EVERY
@pytest.mark.parametrize("schema", ["{", "[]", "1", "not json", "[" * 5000])
def test_a_broken_schema_is_named(operation: Operation, schema: str) -> None:
    assert violations(operation, tools=(Tool(name="t"), Tool(name="u", parameters=schema))) == ["tools[1].parameters_json"]
    form = ResponseFormat(name="reply", schema=schema)
    assert violations(operation, response_format=form) == ["response_format.json_schema.schema_json"]


@EVERY
def test_further_keys_are_put_in_but_never_over_a_typed_one(operation: Operation) -> None:
    assert body(operation, extra={"logit_bias": {"1": 2}})["logit_bias"] == {"1": 2}
    assert violations(operation, temperature=1.0, extra={"temperature": 2, "model": "x", "stream": True}) == [
        "extra.temperature",
        "extra.model",
        "extra.stream",
    ]


def test_every_field_of_a_chat() -> None:
    made = body(
        CHAT,
        tools=(Tool(name="t", description="d", parameters="{}", strict=False),),
        tool_choice=ToolChoice(name="t"),
        parallel_tool_calls=False,
        response_format=ResponseFormat(),
        effort="low",
        temperature=0.0,
        top_p=0.5,
        top_k=3,
        stop=("a", "b"),
        seed=0,
        presence_penalty=-1.0,
        frequency_penalty=1.0,
        n=2,
        metadata={"k": "v"},
        user="u",
        service_tier="flex",
        max_output_tokens=5,
    )
    assert made == {
        "model": "m",
        "messages": [{"role": "user", "content": "hello"}],
        "tools": [{"type": "function", "function": {"name": "t", "description": "d", "parameters": {}, "strict": False}}],
        "tool_choice": {"type": "function", "function": {"name": "t"}},
        "parallel_tool_calls": False,
        "response_format": {"type": "json_object"},
        "reasoning_effort": "low",
        "temperature": 0.0,
        "top_p": 0.5,
        "top_k": 3,
        "stop": ["a", "b"],
        "seed": 0,
        "presence_penalty": -1.0,
        "frequency_penalty": 1.0,
        "n": 2,
        "metadata": {"k": "v"},
        "user": "u",
        "service_tier": "flex",
        "max_tokens": 5,
    }


@pytest.mark.parametrize(
    ("model", "key"),
    [
        ("gpt-5", "max_completion_tokens"),
        ("o4-mini", "max_completion_tokens"),
        ("deepseek-v4-pro", "max_tokens"),
        ("claude-sonnet-4-6", "max_tokens"),
    ],
)
def test_the_limit_has_the_name_that_the_models_vendor_knows(model: str, key: str) -> None:
    made = body(CHAT, model=model, max_output_tokens=7)
    assert [name for name in made if name.startswith("max_")] == [key]


@pytest.mark.parametrize(("budget", "effort"), [(0, "minimal"), (1024, "low"), (8192, "medium"), (30_000, "high")])
def test_a_thinking_budget_is_the_nearest_effort_where_none_are_counted(budget: int, effort: str) -> None:
    assert body(CHAT, budget_tokens=budget)["reasoning_effort"] == effort
    assert body(RESPONSES, budget_tokens=budget)["reasoning"] == {"effort": effort}
    assert body(CHAT, budget_tokens=budget, effort="none")["reasoning_effort"] == "none"


def test_every_kind_of_part_in_a_chat() -> None:
    made = body(
        CHAT,
        turn(Role.DEVELOPER, Text("be kind")),
        turn(
            Role.USER,
            Text("look"),
            PIXEL,
            LINK,
            Audio(content=b"\0", format="wav"),
            File(content=b"\0", mime_type="application/pdf", filename="a.pdf"),
            name="ann",
        ),
        turn(Role.ASSISTANT, Reasoning(text="hm"), Text("ok"), ToolCall(id="c1", name="t", arguments='{"a": 1')),
        turn(Role.TOOL, ToolResult(tool_call_id="c1", text="r1", images=(LINK,))),
        turn(Role.TOOL, ToolResult(tool_call_id="c2", text="r2")),
        turn(Role.ASSISTANT, Refusal("no")),
    )["messages"]
    link = {"type": "image_url", "image_url": {"url": "https://cdn.test/a.png"}}
    assert made == [
        {"role": "developer", "content": "be kind"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "look"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "high"}},
                link,
                {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="}},
            ],
            "name": "ann",
        },
        {
            "role": "assistant",
            "content": "ok",
            "reasoning_content": "hm",
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "t", "arguments": '{"a": 1'}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "r1"},
        {"role": "tool", "tool_call_id": "c2", "content": "r2"},
        {"role": "user", "content": [link]},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
    ]


def test_only_an_assistant_calls_tools_in_a_chat() -> None:
    assert violations(CHAT, turn(Role.USER, ToolCall(id="c", name="t", arguments="{}"))) == ["messages[0].parts[0]"]


def test_every_field_of_a_message() -> None:
    made = body(
        MESSAGES,
        turn(Role.SYSTEM, Text("a")),
        turn(Role.DEVELOPER, Text("b")),
        HELLO,
        tools=(Tool(name="t", description="d"),),
        tool_choice=ToolChoice(mode="required"),
        parallel_tool_calls=False,
        response_format=ResponseFormat(name="r", schema="{}"),
        effort="high",
        temperature=0.5,
        top_p=0.5,
        top_k=3,
        stop=("a",),
        n=1,
        presence_penalty=0.0,
        user="u",
        service_tier="default",
        max_output_tokens=5,
    )
    assert made == {
        "model": "m",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}],
        "max_tokens": 5,
        "system": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
        "tools": [{"name": "t", "input_schema": {"type": "object", "properties": {}}, "description": "d"}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": {}}},
        "temperature": 0.5,
        "top_p": 0.5,
        "top_k": 3,
        "stop_sequences": ["a"],
        "metadata": {"user_id": "u"},
        "service_tier": "standard_only",
    }


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"budget_tokens": 2000}, {"thinking": {"type": "enabled", "budget_tokens": 2000}, "max_tokens": 10192}),
        ({"budget_tokens": 0}, {"thinking": {"type": "disabled"}}),
        ({"effort": "none"}, {"thinking": {"type": "disabled"}}),
        ({"effort": "minimal"}, {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}),
        ({"effort": "low", "model": "claude-haiku-4-5"}, {"thinking": {"type": "enabled", "budget_tokens": 2048}}),
        (
            {"parallel_tool_calls": False, "tools": (Tool(name="t"),)},
            {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
        ),
        ({"tool_choice": ToolChoice(name="t")}, {"tool_choice": {"type": "tool", "name": "t"}}),
        ({"tool_choice": ToolChoice(mode="none"), "parallel_tool_calls": False}, {"tool_choice": {"type": "none"}}),
    ],
)
def test_thinking_and_choices_of_a_message(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    made = body(MESSAGES, **fields)
    assert {key: made[key] for key in expected} == expected


def test_every_kind_of_part_in_a_message() -> None:
    made = body(
        MESSAGES,
        turn(Role.USER, PIXEL, LINK, File(content=b"hi", mime_type="text/markdown", filename="a.md")),
        turn(Role.USER, File(content=b"\0", mime_type="application/pdf")),
        turn(
            Role.ASSISTANT,
            Reasoning(text="hm", signature="sig"),
            Reasoning(sealed="xx"),
            Reasoning(text="another model's"),
            Text("ok"),
            ToolCall(id="c1", name="t", arguments='{ "a": 1.0 }'),
            ToolCall(id="c2", name="t", arguments=""),
        ),
        turn(
            Role.TOOL,
            ToolResult(tool_call_id="c1", text="r1", images=(PIXEL,)),
            ToolResult(tool_call_id="c2", text="bad", is_error=True),
        ),
        turn(Role.USER, Text("go on")),
    )["messages"]
    pixel = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    assert made == [
        {
            "role": "user",
            "content": [
                pixel,
                {"type": "image", "source": {"type": "url", "url": "https://cdn.test/a.png"}},
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "hi"}, "title": "a.md"},
                {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AA=="}},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "sig"},
                {"type": "redacted_thinking", "data": "xx"},
                {"type": "text", "text": "ok"},
                {"type": "tool_use", "id": "c1", "name": "t", "input": {"a": 1.0}},
                {"type": "tool_use", "id": "c2", "name": "t", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "r1"}, pixel]},
                {"type": "tool_result", "tool_use_id": "c2", "content": "bad", "is_error": True},
                {"type": "text", "text": "go on"},
            ],
        },
    ]


def test_what_a_message_has_no_word_for_is_refused_by_name() -> None:
    assert violations(
        MESSAGES, n=2, seed=1, presence_penalty=1.0, frequency_penalty=1.0, metadata={"a": "b"}, service_tier="flex"
    ) == ["n", "seed", "presence_penalty", "frequency_penalty", "metadata", "service_tier"]
    assert violations(MESSAGES, response_format=ResponseFormat()) == ["response_format.json_object"]
    assert violations(MESSAGES, turn(Role.USER, Audio(content=b"", format="wav"))) == ["messages[0].parts[0].audio"]
    assert violations(MESSAGES, turn(Role.USER, File(content=b"", mime_type="image/x"))) == [
        "messages[0].parts[0].file.mime_type"
    ]
    assert violations(MESSAGES, turn(Role.ASSISTANT, ToolCall(id="c", name="t", arguments="{"))) == [
        "messages[0].parts[0].tool_call.arguments_json"
    ]


def test_every_field_of_a_response() -> None:
    made = body(
        RESPONSES,
        tools=(Tool(name="t", description="d", parameters="{}"),),
        tool_choice=ToolChoice(name="t"),
        parallel_tool_calls=True,
        response_format=ResponseFormat(name="r", schema="{}", strict=True),
        effort="high",
        reasoning_summary="auto",
        temperature=0.5,
        top_p=0.5,
        metadata={"k": "v"},
        user="u",
        service_tier="flex",
        max_output_tokens=50,
    )
    assert made == {
        "model": "m",
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}],
        "tools": [{"type": "function", "name": "t", "parameters": {}, "strict": False, "description": "d"}],
        "tool_choice": {"type": "function", "name": "t"},
        "parallel_tool_calls": True,
        "text": {"format": {"type": "json_schema", "name": "r", "schema": {}, "strict": True}},
        "reasoning": {"effort": "high", "summary": "auto"},
        "temperature": 0.5,
        "top_p": 0.5,
        "metadata": {"k": "v"},
        "user": "u",
        "service_tier": "flex",
        "max_output_tokens": 50,
        "store": False,
        "include": ["reasoning.encrypted_content"],
    }


def test_every_kind_of_part_in_a_response() -> None:
    made = body(
        RESPONSES,
        turn(Role.SYSTEM, Text("be kind")),
        turn(Role.USER, PIXEL, File(content=b"\0", mime_type="application/pdf", filename="a.pdf")),
        turn(
            Role.ASSISTANT,
            Reasoning(text="hm", sealed="xx", signature="rs_1"),
            Reasoning(text="unsealed"),
            Text("ok"),
            Refusal("no"),
            ToolCall(id="c1", name="t", arguments="{"),
        ),
        turn(Role.TOOL, ToolResult(tool_call_id="c1", text="r", images=(LINK,))),
        turn(Role.TOOL, ToolResult(tool_call_id="c1", text="r")),
    )["input"]
    assert made == [
        {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "be kind"}]},
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "high"},
                {"type": "input_file", "file_data": "data:application/pdf;base64,AA==", "filename": "a.pdf"},
            ],
        },
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "xx", "id": "rs_1"},
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "ok"}, {"type": "refusal", "refusal": "no"}],
        },
        {"type": "function_call", "call_id": "c1", "name": "t", "arguments": "{"},
        {
            "type": "function_call_output",
            "call_id": "c1",
            "output": [
                {"type": "input_text", "text": "r"},
                {"type": "input_image", "image_url": "https://cdn.test/a.png", "detail": "auto"},
            ],
        },
        {"type": "function_call_output", "call_id": "c1", "output": "r"},
    ]


def test_what_a_response_has_no_word_for_is_refused_by_name() -> None:
    assert violations(RESPONSES, n=2, seed=1, stop=("a",), top_k=1, presence_penalty=1.0, frequency_penalty=1.0) == [
        "n",
        "seed",
        "stop",
        "top_k",
        "presence_penalty",
        "frequency_penalty",
    ]
    assert violations(RESPONSES, turn(Role.USER, Audio(content=b"", format="wav"))) == ["messages[0].parts[0].audio"]
    assert body(RESPONSES, n=1, extra={"store": True})["store"] is True
