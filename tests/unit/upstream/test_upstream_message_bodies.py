"""What a Messages upstream is sent for a conversation."""

from typing import Any

import pytest

from services.domain.text import (
    Audio,
    File,
    Reasoning,
    ResponseFormat,
    Role,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from tests.conversations import HELLO, LINK, MESSAGES, PIXEL, body, turn, violations


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
