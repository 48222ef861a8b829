"""What a chat upstream is sent for a conversation, and what holds for every dialect."""

import pytest

from services.domain.model import Operation
from services.domain.text import (
    Audio,
    File,
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
from tests.conversations import CHAT, EVERY, LINK, MESSAGES, PIXEL, RESPONSES, SCHEMA, body, turn, violations, written


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
