"""How odd answers and streams of a chat upstream are read."""

from typing import Any

import pytest

from services.domain.text import (
    Event,
    Finished,
    FinishReason,
    Image,
    Reasoning,
    ReasoningDelta,
    Refusal,
    RefusalDelta,
    Started,
    Text,
    TextDelta,
    TokenUsage,
    ToolCall,
    ToolCallDelta,
)
from services.upstream.dialects.chat_answer import answer as chat
from tests.conversations import CHAT, read


def delta(index: int = 0, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"id": "c", "model": "m", "choices": [{"index": index, "delta": fields, "finish_reason": finish}]}


def calls(*pieces: dict[str, Any]) -> list[Event]:
    return read(CHAT, *(delta(tool_calls=[piece]) for piece in pieces))[0][1:]


def test_a_whole_chat_has_its_parts_in_order() -> None:
    found = chat(
        {
            "id": "c",
            "model": "m",
            "created": 7,
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "tool_calls",
                    "message": {
                        "content": "ok",
                        "reasoning_content": "hm",
                        "refusal": "no",
                        "tool_calls": [{"id": "c1", "function": {"name": "t", "arguments": '{"a": 1'}}],
                    },
                },
                {
                    "finish_reason": "eos",
                    "message": {"content": [{"type": "image_url", "image_url": {"url": "AAAA"}}, {"text": "pic"}]},
                },
            ],
        }
    )
    first, second = found.candidates
    assert (found.id, found.model, found.created, found.usage) == ("c", "m", 7.0, None)
    assert first.message.parts == (
        Reasoning(text="hm"),
        Text("ok"),
        Refusal("no"),
        ToolCall(id="c1", name="t", arguments='{"a": 1'),
    )
    assert (first.index, first.finish_reason) == (0, FinishReason.TOOL_CALLS)
    assert second.message.parts == (Image(url="data:image/png;base64,AAAA"), Text("pic"))
    assert (second.index, second.finish_reason, second.finish_detail) == (1, FinishReason.OTHER, "eos")


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, None),
        ({}, None),
        ({"prompt_tokens": 3}, TokenUsage(prompt_tokens=3)),
        ({"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 0}}, TokenUsage(prompt_tokens=3, cached_tokens=0)),
        ({"prompt_tokens": 3, "prompt_cache_hit_tokens": 2}, TokenUsage(prompt_tokens=3, cached_tokens=2)),
        (
            {"completion_tokens": 5, "total_tokens": 8, "completion_tokens_details": {"reasoning_tokens": 4}},
            TokenUsage(completion_tokens=5, total_tokens=8, reasoning_tokens=4),
        ),
        ({"prompt_tokens": "3", "completion_tokens": -1, "total_tokens": True}, TokenUsage()),
    ],
)
def test_usage_that_is_not_told_is_not_zero(usage: Any, expected: TokenUsage | None) -> None:
    assert chat({"choices": [{}], "usage": usage}).usage == expected


def test_calls_that_repeat_their_id_have_it_once() -> None:
    assert calls(
        {"index": 0, "id": "a", "function": {"name": "t", "arguments": ""}},
        {"index": 0, "id": "a", "function": {"name": "t", "arguments": "{"}},
        {"index": 1, "id": "b", "function": {"name": "u", "arguments": "{}"}},
        {"index": 0, "id": "a", "function": {"arguments": "}"}},
    ) == [
        ToolCallDelta(index=0, tool_index=0, id="a", name="t"),
        ToolCallDelta(index=0, tool_index=0, arguments="{"),
        ToolCallDelta(index=0, tool_index=1, id="b", name="u", arguments="{}"),
        ToolCallDelta(index=0, tool_index=0, arguments="}"),
    ]


def test_calls_without_an_index_are_told_apart_by_id() -> None:
    found = calls(
        {"id": "a", "function": {"name": "t", "arguments": "1"}},
        {"function": {"arguments": "2"}},
        {"id": "b", "function": {"name": "u"}},
        {"function": {"arguments": "3"}},
        {"id": "a", "function": {"arguments": "4"}},
    )
    assert [(piece.tool_index, piece.id, piece.arguments) for piece in found if isinstance(piece, ToolCallDelta)] == [
        (0, "a", "1"),
        (0, "", "2"),
        (1, "b", ""),
        (1, "", "3"),
        (0, "", "4"),
    ]


def test_several_answers_end_each_on_their_own_and_usage_comes_last() -> None:
    usage = {"prompt_tokens": 1}
    events, ended = read(
        CHAT,
        delta(0, content="a") | {"usage": {"prompt_tokens": 9}},
        delta(1, content="b", reasoning="hm", refusal="no"),
        delta(0, "stop"),
        delta(1, "length"),
        delta(1, "length"),
        {"choices": [], "usage": usage},
        "[DONE]",
        delta(0, content="late"),
    )
    assert events == [
        Started(id="c", model="m", created=None),
        TextDelta(index=0, text="a"),
        ReasoningDelta(index=1, text="hm"),
        TextDelta(index=1, text="b"),
        RefusalDelta(index=1, text="no"),
        Finished(index=0, finish_reason=FinishReason.STOP, finish_detail="stop"),
        Finished(index=1, finish_reason=FinishReason.LENGTH, finish_detail="length"),
        TokenUsage(prompt_tokens=1),
    ]
    assert ended


def test_a_chat_stream_is_complete_with_done_or_with_every_reason() -> None:
    assert read(CHAT, delta(content="a"), delta(finish="stop"))[1]
    assert not read(CHAT, delta(0, "stop"), delta(1, content="b"))[1]
    assert not read(CHAT, delta(content="a"))[1]
    assert not read(CHAT)[1]


def test_a_picture_in_a_chat_stream_goes_on_as_markdown() -> None:
    events, _ = read(CHAT, delta(content=[{"type": "image_url", "image_url": {"url": "AAAA"}}]))
    assert events[1:] == [TextDelta(index=0, text="![image](data:image/png;base64,AAAA)")]
