"""How odd answers and streams of Messages and Responses upstreams are read."""

from typing import Any

import pytest

from services.domain.errors import OutOfCredits, UpstreamUnavailable
from services.domain.text import (
    Finished,
    FinishReason,
    Reasoning,
    ReasoningDelta,
    Refusal,
    RefusalDelta,
    Started,
    Text,
    TokenUsage,
    ToolCall,
    ToolCallDelta,
)
from services.upstream.dialects.messages_answer import answer as message
from services.upstream.dialects.responses_answer import answer as response
from tests.conversations import MESSAGES, RESPONSES, read


def test_a_whole_message_has_its_blocks_in_order() -> None:
    found = message(
        {
            "id": "msg",
            "model": "m",
            "stop_reason": "tool_use",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "sig"},
                {"type": "redacted_thinking", "data": "xx"},
                {"type": "text", "text": "ok"},
                {"type": "tool_use", "id": "c1", "name": "t", "input": {"b": 1, "a": 2}},
                {"type": "tool_use", "id": "c2", "name": "t", "input": {}},
                {"type": "server_tool_use"},
            ],
            "usage": {"input_tokens": 3, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 5, "output_tokens": 6},
        }
    )
    assert found.candidates[0].message.parts == (
        Reasoning(text="hm", signature="sig"),
        Reasoning(sealed="xx"),
        Text("ok"),
        ToolCall(id="c1", name="t", arguments='{"b":1,"a":2}'),
        ToolCall(id="c2", name="t", arguments="{}"),
    )
    assert found.candidates[0].finish_reason is FinishReason.TOOL_CALLS
    assert found.usage == TokenUsage(
        prompt_tokens=12, completion_tokens=6, total_tokens=18, cached_tokens=4, cache_write_tokens=5
    )


def test_a_streamed_message_keeps_signatures_seals_and_calls_without_arguments() -> None:
    events, ended = read(
        MESSAGES,
        {"type": "message_start", "message": {"id": "msg", "model": "m", "usage": {"input_tokens": 3, "output_tokens": 1}}},
        {"type": "ping"},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "sig"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "redacted_thinking", "data": "xx"}},
        {"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use", "id": "c1", "name": "t", "input": {}}},
        {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": ""}},
        {"type": "content_block_stop", "index": 2},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9, "input_tokens": None}},
        {"type": "message_stop"},
    )
    assert events == [
        Started(id="msg", model="m", created=None),
        ReasoningDelta(index=0, text="hm"),
        ReasoningDelta(index=0, signature="sig"),
        ReasoningDelta(index=0, sealed="xx"),
        ToolCallDelta(index=0, tool_index=0, id="c1", name="t"),
        ToolCallDelta(index=0, tool_index=0, arguments="{}"),
        Finished(index=0, finish_reason=FinishReason.TOOL_CALLS, finish_detail="tool_use"),
        TokenUsage(prompt_tokens=3, completion_tokens=9, total_tokens=12),
    ]
    assert ended


def test_a_message_stream_that_fails_is_named() -> None:
    with pytest.raises(UpstreamUnavailable, match="Overloaded"):
        read(MESSAGES, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})


def test_a_whole_response_has_its_items_in_order() -> None:
    found = response(
        {
            "id": "resp",
            "model": "m",
            "created_at": 7,
            "status": "incomplete",
            "incomplete_details": {"reason": "max_output_tokens"},
            "output": [
                {"type": "reasoning", "id": "rs", "summary": [{"text": "a"}, {"text": "b"}], "encrypted_content": "xx"},
                {"type": "reasoning", "id": "rs", "summary": []},
                {"type": "message", "content": [{"type": "output_text", "text": "ok"}, {"type": "refusal", "refusal": "no"}]},
                {"type": "function_call", "call_id": "c1", "name": "t", "arguments": "{"},
                {"type": "web_search_call"},
            ],
            "usage": {"prompt_tokens": 3, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 2}},
        }
    )
    (candidate,) = found.candidates
    assert candidate.message.parts == (
        Reasoning(text="a\n\nb", sealed="xx", signature="rs"),
        Text("ok"),
        Refusal("no"),
        ToolCall(id="c1", name="t", arguments="{"),
    )
    assert (candidate.finish_reason, candidate.finish_detail) == (FinishReason.LENGTH, "max_output_tokens")
    assert found.usage == TokenUsage(prompt_tokens=3, completion_tokens=4, cached_tokens=2)


@pytest.mark.parametrize(
    "reply",
    [{"status": "failed", "error": {"code": "server_error", "message": "m"}}, {"status": "in_progress"}, {"status": "cancelled"}],
)
def test_a_response_that_is_not_complete_is_no_answer(reply: dict[str, Any]) -> None:
    with pytest.raises(UpstreamUnavailable):
        response(reply)


def test_a_streamed_response_parts_thoughts_and_takes_late_arguments_and_seals() -> None:
    events, ended = read(
        RESPONSES,
        {"type": "response.created", "response": {"id": "resp", "model": "m", "created_at": 7}},
        {"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "a"},
        {"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 1, "delta": "b"},
        {"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 1, "delta": "c"},
        {
            "type": "response.output_item.done",
            "output_index": 0,
            "item": {"type": "reasoning", "id": "rs", "encrypted_content": "x"},
        },
        {
            "type": "response.output_item.added",
            "output_index": 1,
            "item": {"type": "function_call", "call_id": "c1", "name": "t"},
        },
        {"type": "response.output_item.done", "output_index": 1, "item": {"type": "function_call", "arguments": "{}"}},
        {"type": "response.refusal.delta", "delta": "no"},
        {"type": "response.completed", "response": {"status": "completed", "output": [{"type": "function_call"}], "usage": {}}},
    )
    assert events == [
        Started(id="resp", model="m", created=7.0),
        ReasoningDelta(index=0, text="a"),
        ReasoningDelta(index=0, text="\n\nb"),
        ReasoningDelta(index=0, text="c"),
        ReasoningDelta(index=0, sealed="x", signature="rs"),
        ToolCallDelta(index=0, tool_index=0, id="c1", name="t"),
        ToolCallDelta(index=0, tool_index=0, arguments="{}"),
        RefusalDelta(index=0, text="no"),
        Finished(index=0, finish_reason=FinishReason.TOOL_CALLS, finish_detail="completed"),
    ]
    assert ended


@pytest.mark.parametrize(
    "chunk",
    [
        {"type": "response.failed", "response": {"error": {"code": "insufficient_quota", "message": "pay"}}},
        {"type": "error", "code": "insufficient_quota", "message": "pay"},
    ],
)
def test_a_response_stream_that_fails_is_named(chunk: dict[str, Any]) -> None:
    with pytest.raises(OutOfCredits, match="pay"):
        read(RESPONSES, chunk)
