"""How odd answers and streams of the three dialects are read."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.domain.errors import Failure, OutOfCredits, UpstreamUnavailable
from services.domain.model import Operation
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
from services.upstream.dialects.messages_answer import answer as message
from services.upstream.dialects.responses_answer import answer as response
from services.upstream.dialects.table import DIALECTS, dialect_of
from services.upstream.sse import ServerSentEvent

CHAT, RESPONSES, MESSAGES = Operation.CHAT_COMPLETIONS, Operation.RESPONSES, Operation.MESSAGES


def read(operation: Operation, *chunks: dict[str, Any] | str) -> tuple[list[Event], bool]:
    """The events of these chunks, and whether the answer is complete."""
    reader = dialect_of(operation).reader()
    events: list[Event] = []
    for chunk in chunks:
        data = chunk if isinstance(chunk, str) else json.dumps(chunk)
        events += reader.read(ServerSentEvent(event="", data=data))
    events += reader.close()
    return events, reader.ended


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


ENVELOPE_KEYS = [
    "id",
    "model",
    "choices",
    "index",
    "delta",
    "message",
    "content",
    "tool_calls",
    "function",
    "usage",
    "finish_reason",
    "type",
]
ITEM_KEYS = ["output", "response", "item", "output_index", "content_block", "error", "code", "text", "arguments", "stop_reason"]
KEYS = st.sampled_from([*ENVELOPE_KEYS, *ITEM_KEYS])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
MESSAGE_TYPES = [
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
]
RESPONSE_TYPES = [
    "response.created",
    "response.output_item.added",
    "response.output_item.done",
    "response.completed",
    "response.failed",
]
TYPES = st.sampled_from(
    [*MESSAGE_TYPES, *RESPONSE_TYPES, "function_call", "tool_use", "input_json_delta", "reasoning", "message", "text"]
)
STRANGE = st.recursive(
    LEAVES | TYPES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6), max_leaves=20
)
OBJECTS = st.dictionaries(KEYS, STRANGE, max_size=6)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(list(DIALECTS)), OBJECTS)
def test_no_answer_however_strange_breaks_a_dialect(operation: Operation, reply: dict[str, Any]) -> None:
    with contextlib.suppress(Failure):
        assert dialect_of(operation).answer(reply).candidates


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(list(DIALECTS)), st.lists(st.tuples(TYPES, OBJECTS), max_size=6))
def test_no_stream_however_strange_breaks_a_dialect(operation: Operation, chunks: list[tuple[str, dict[str, Any]]]) -> None:
    with contextlib.suppress(Failure):
        read(operation, *({"type": kind, **chunk} for kind, chunk in chunks))
