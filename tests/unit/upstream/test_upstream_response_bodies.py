"""What a Responses upstream is sent for a conversation."""

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
from tests.conversations import LINK, PIXEL, RESPONSES, body, turn, violations


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
