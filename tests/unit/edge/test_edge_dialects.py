"""The pure mappings between the callers' dialects and the contract: what is kept, what is renamed, what is refused."""

import contextlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from cli2api.v1 import text_pb2
from hypothesis import given
from hypothesis import strategies as st

from edge.dialects import (
    chat_answer,
    chat_request,
    completions,
    messages_answer,
    messages_request,
    responses_answer,
    responses_request,
    responses_story,
    thoughts,
)
from edge.dialects.fields import WrongField
from edge.dialects.question import Question
from edge.dialects.telling import Moment, Said, Story
from edge.voices import ResponsesVoice, written

NOW = Moment(request_id="req1", now=1_790_000_000)
READERS: dict[str, Callable[[Mapping[str, Any]], object]] = {
    "chat": chat_request.question,
    "completions": completions.questions,
    "responses": responses_request.question,
    "messages": messages_request.question,
}
BODIES: dict[str, dict[str, Any]] = {
    "chat": {
        "model": "m",
        "messages": [
            {"role": "developer", "content": "rules"},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}}]},
            {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c", "content": "ok"},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"b": 1, "a": 2}, "strict": True}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}}},
        "stream": True,
        "stream_options": {"include_usage": True},
        "reasoning_effort": "low",
        "stop": "x",
        "seed": 1 << 60,
    },
    "completions": {"model": "m", "prompt": ["a", "b"], "stop": ["x"], "echo": True, "n": 2, "logit_bias": {"5": 3}},
    "responses": {
        "model": "m",
        "instructions": "rules",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call", "call_id": "d", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "ok"},
        ],
        "tools": [{"type": "function", "name": "f", "parameters": {"b": 1, "a": 2}}],
        "text": {"format": {"type": "json_schema", "name": "s", "schema": {"type": "object"}}, "verbosity": "low"},
        "reasoning": {"effort": "low", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
    },
    "messages": {
        "model": "m",
        "max_tokens": 5,
        "system": [{"type": "text", "text": "rules", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {"b": 1, "a": 2}}]},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "see"},
                    {"type": "tool_result", "tool_use_id": "c", "content": "ok", "is_error": True},
                ],
            },
        ],
        "tools": [{"name": "f", "input_schema": {"b": 1, "a": 2}}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}},
    },
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def parts(request: text_pb2.GenerateRequest) -> list[list[str | None]]:
    return [[part.WhichOneof("kind") for part in message.parts] for message in request.messages]


def test_chat_becomes_a_question() -> None:
    asked = chat_request.question(BODIES["chat"])

    assert asked.stream
    assert asked.with_usage
    assert [message.role for message in asked.request.messages] == [
        text_pb2.ROLE_DEVELOPER,
        text_pb2.ROLE_USER,
        text_pb2.ROLE_ASSISTANT,
        text_pb2.ROLE_TOOL,
    ]
    assert parts(asked.request) == [["text"], ["image"], ["tool_call"], ["tool_result"]]
    assert asked.request.messages[1].parts[0].image.detail == text_pb2.IMAGE_DETAIL_LOW
    assert asked.request.tools[0].parameters_json == '{"b":1,"a":2}'
    assert asked.request.seed == 1 << 60
    assert asked.streamed().messages == asked.request.messages


def test_what_an_assistant_does_in_one_turn_is_one_message() -> None:
    asked = responses_request.question(BODIES["responses"])

    assert parts(asked.request) == [["text"], ["text"], ["reasoning", "tool_call", "tool_call"], ["tool_result"]]
    assert asked.field_of("messages[2].parts[2].tool_call.arguments_json", {}) == "input[3]"
    assert asked.field_of("messages[3]", {}) == "input[4]"


def test_results_of_tools_stand_before_the_words_of_their_turn() -> None:
    asked = messages_request.question(BODIES["messages"])

    assert [message.role for message in asked.request.messages] == [
        text_pb2.ROLE_SYSTEM,
        text_pb2.ROLE_USER,
        text_pb2.ROLE_ASSISTANT,
        text_pb2.ROLE_TOOL,
        text_pb2.ROLE_USER,
    ]
    assert asked.request.messages[2].parts[0].tool_call.arguments_json == '{"b":1,"a":2}'
    assert asked.request.messages[3].parts[0].tool_result.is_error
    assert asked.request.parallel_tool_calls is False
    assert asked.request.reasoning.budget_tokens == 1024


@pytest.mark.parametrize(
    ("words", "contract", "callers"),
    [
        (chat_request.CALLERS_WORDS, "max_output_tokens", "max_completion_tokens"),
        (chat_request.CALLERS_WORDS, "tools[3].parameters_json", "tools[3].function.parameters"),
        (messages_request.CALLERS_WORDS, "tools[3].parameters_json", "tools[3].input_schema"),
        (messages_request.CALLERS_WORDS, "stop", "stop_sequences"),
        (responses_request.CALLERS_WORDS, "response_format.json_schema.schema_json", "text.format.schema"),
        (responses_request.CALLERS_WORDS, "temperature", "temperature"),
    ],
)
def test_a_field_of_the_contract_is_told_by_the_callers_name(words: Mapping[str, str], contract: str, callers: str) -> None:
    assert Question(request=text_pb2.GenerateRequest(), stream=False).field_of(contract, words) == callers


@pytest.mark.parametrize(
    ("dialect", "change", "field"),
    [
        ("chat", {"logprobs": True}, "logprobs"),
        ("chat", {"logit_bias": {"1": 2}}, "logit_bias"),
        ("chat", {"modalities": ["text", "audio"]}, "modalities"),
        ("chat", {"web_search_options": {}}, "web_search_options"),
        ("chat", {"functions": []}, "functions"),
        ("chat", {"messages": [{"role": "function", "content": "x"}]}, "messages[0].role"),
        ("chat", {"messages": [{"role": "assistant"}]}, "messages[0].content"),
        ("chat", {"messages": [{"role": "system", "content": [{"type": "image_url"}]}]}, "messages[0].content[0].type"),
        ("chat", {"tools": [{"type": "custom", "custom": {}}]}, "tools[0].type"),
        ("chat", {"tool_choice": "some"}, "tool_choice"),
        ("chat", {"max_tokens": 1, "max_completion_tokens": 1}, "max_tokens"),
        ("chat", {"stream": False}, "stream_options"),
        ("responses", {"include": ["file_search_call.results"]}, "include[0]"),
        ("responses", {"input": [{"type": "item_reference", "id": "x"}]}, "input[0].type"),
        ("responses", {"input": [{"type": "reasoning", "encrypted_content": "gAAAA"}]}, "input[0].encrypted_content"),
        ("responses", {"input": []}, "input"),
        ("responses", {"prompt": {"id": "p"}}, "prompt"),
        ("responses", {"text": {"format": {"type": "json_schema", "name": "s"}}}, "text.format.schema"),
        ("messages", {"max_tokens": None}, "max_tokens"),
        ("messages", {"messages": [{"role": "user", "content": [{"type": "search_result"}]}]}, "messages[0].content[0].type"),
        ("messages", {"thinking": {"type": "enabled", "budget_tokens": "x"}}, "thinking.budget_tokens"),
        ("messages", {"context_management": {}}, "context_management"),
        ("completions", {"prompt": None}, "prompt"),
        ("completions", {"prompt": ["x"] * 21}, "prompt"),
    ],
)
def test_what_cannot_be_said_is_refused_by_the_callers_name(dialect: str, change: dict[str, Any], field: str) -> None:
    with pytest.raises(WrongField) as caught:
        READERS[dialect](BODIES[dialect] | change)

    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field}: ")


@pytest.mark.parametrize("dialect", READERS)
@given(place=st.integers(0, 200), name=st.text(max_size=5), value=JSON)
def test_a_hostile_body_is_read_or_refused(dialect: str, place: int, name: str, value: Any) -> None:
    body = json.loads(json.dumps(BODIES[dialect]))
    spots = list(_spots(body))
    holder, key = spots[place % len(spots)]
    holder[key] = value
    if isinstance(holder, dict):
        holder[name] = value
    with contextlib.suppress(WrongField):
        READERS[dialect](body)


def _spots(value: Any) -> Any:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in list(inner):
        yield value, key
        yield from _spots(each)


@pytest.mark.parametrize("dialect", ["chat", "messages", "responses"])
def test_a_schema_that_is_nested_too_deeply_is_refused(dialect: str) -> None:
    deep: Any = {}
    for _ in range(5000):
        deep = {"properties": deep}
    tool = {"name": "f", "parameters": deep, "input_schema": deep}
    tools = {
        "chat": [{"type": "function", "function": {"name": "f", "parameters": deep}}],
        "messages": [tool | {"parameters": None}],
    }
    with pytest.raises(WrongField, match="nested too deeply"):
        READERS[dialect](BODIES[dialect] | {"tools": tools.get(dialect, [{**tool, "type": "function", "input_schema": None}])})


EVENTS = [
    text_pb2.StreamGenerateResponse(started=text_pb2.AnswerStarted(id="resp_9", model="them")),
    text_pb2.StreamGenerateResponse(reasoning=text_pb2.ReasoningDelta(text="hm")),
    text_pb2.StreamGenerateResponse(reasoning=text_pb2.ReasoningDelta(signature="proof")),
    text_pb2.StreamGenerateResponse(text=text_pb2.TextDelta(text="Hel")),
    text_pb2.StreamGenerateResponse(text=text_pb2.TextDelta(text="lo")),
    text_pb2.StreamGenerateResponse(tool_call=text_pb2.ToolCallDelta(tool_index=0, id="a", name="f")),
    text_pb2.StreamGenerateResponse(tool_call=text_pb2.ToolCallDelta(tool_index=1, id="b", name="g")),
    text_pb2.StreamGenerateResponse(tool_call=text_pb2.ToolCallDelta(tool_index=0, arguments_json='{"x":')),
    text_pb2.StreamGenerateResponse(tool_call=text_pb2.ToolCallDelta(tool_index=1, arguments_json="{}")),
    text_pb2.StreamGenerateResponse(tool_call=text_pb2.ToolCallDelta(tool_index=0, arguments_json="1}")),
    text_pb2.StreamGenerateResponse(finished=text_pb2.AnswerFinished(finish_reason=text_pb2.FINISH_REASON_TOOL_CALLS)),
    text_pb2.StreamGenerateResponse(
        usage=text_pb2.TokenUsage(
            prompt_tokens=10, completion_tokens=5, cached_tokens=4, cache_write_tokens=1, reasoning_tokens=2
        )
    ),
]


def story_of(story: Story) -> list[Said]:
    return [said for event in EVENTS for said in story.tell(event)] + list(story.end())


def test_calls_that_come_side_by_side_keep_their_items_in_responses() -> None:
    told = [
        said.document for said in story_of(responses_story.ResponseStory(responses_request.question(BODIES["responses"]), NOW))
    ]

    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    deltas = [event for event in told if event["type"] == "response.function_call_arguments.delta"]
    assert [(event["output_index"], event["delta"]) for event in deltas] == [(2, '{"x":'), (3, "{}"), (2, "1}")]
    output = told[-1]["response"]["output"]
    assert [item["type"] for item in output] == ["reasoning", "message", "function_call", "function_call"]
    assert output[0]["encrypted_content"] == "signed:proof"
    assert output[2]["arguments"] == '{"x":1}'
    assert told[-1]["response"]["usage"]["input_tokens_details"] == {"cached_tokens": 4, "cache_write_tokens": 1}


def test_calls_that_come_side_by_side_keep_their_blocks_in_messages() -> None:
    told = [said.document for said in story_of(messages_answer.MessageStory(messages_request.question(BODIES["messages"]), NOW))]

    starts = [event["content_block"]["type"] for event in told if event["type"] == "content_block_start"]
    assert starts == ["thinking", "text", "tool_use", "tool_use"]
    pieces = [(event["index"], event["delta"]["partial_json"]) for event in told if "partial_json" in event.get("delta", {})]
    assert pieces == [(2, '{"x":'), (3, "{}"), (2, "1}")]
    assert sorted(event["index"] for event in told if event["type"] == "content_block_stop") == [0, 1, 2, 3]
    assert told[-2]["delta"]["stop_reason"] == "tool_use"
    assert told[-2]["usage"]["input_tokens"] == 5


def test_chunks_of_chat_carry_the_calls_index_and_end_with_usage_and_done() -> None:
    told = story_of(chat_answer.ChatStory(chat_request.question(BODIES["chat"]), NOW))

    calls = [call for said in told[:-2] for call in said.document["choices"][0]["delta"].get("tool_calls", ())]
    assert [call["index"] for call in calls] == [0, 1, 0, 1, 0]
    assert [call.get("id") for call in calls] == ["a", "b", None, None, None]
    assert told[-2].document["usage"]["prompt_tokens_details"] == {"cached_tokens": 4}
    assert written(told[-1]) == b"data: [DONE]\n\n"


@pytest.mark.parametrize("cut", [1, 7, 30, 1000])
def test_the_number_of_an_error_event_follows_the_last_one_however_it_was_cut(cut: int) -> None:
    stream = b"".join(
        written(Said(event="x", document={"sequence_number": number, "delta": '"sequence_number": 77'})) for number in range(13)
    )
    voice = ResponsesVoice()
    for start in range(0, len(stream), cut):
        voice.hear(stream[start : start + cut])

    said = voice.failure({"error": {"message": "gone", "code": "upstream_unavailable", "param": None}})

    assert said.document["sequence_number"] == 13
    assert said.event == said.document["type"] == "error"


@given(words=st.text(max_size=5), proof=st.sampled_from(["", "rs_1"]), sealed=st.sampled_from(["", "x~y:z"]))
def test_reasoning_comes_back_as_it_went_through_messages(words: str, proof: str, sealed: str) -> None:
    reasoning = text_pb2.Reasoning(text=words, signature=proof, sealed=sealed)

    assert thoughts.from_signature(words, thoughts.signature(reasoning)) == reasoning


@pytest.mark.parametrize("reasoning", [{"signature": "proof"}, {"sealed": "closed"}, {}])
def test_reasoning_comes_back_as_it_went_through_responses(reasoning: dict[str, str]) -> None:
    found = text_pb2.Reasoning(text="hm", **reasoning)

    assert thoughts.from_encrypted_content("hm", thoughts.encrypted_content(found)) == found


@pytest.mark.parametrize(
    ("reason", "chat", "messages", "response"),
    [
        (text_pb2.FINISH_REASON_STOP, "stop", "end_turn", "completed"),
        (text_pb2.FINISH_REASON_LENGTH, "length", "max_tokens", "incomplete"),
        (text_pb2.FINISH_REASON_TOOL_CALLS, "tool_calls", "tool_use", "completed"),
        (text_pb2.FINISH_REASON_CONTENT_FILTER, "content_filter", "refusal", "incomplete"),
        (text_pb2.FINISH_REASON_OTHER, "stop", "end_turn", "completed"),
    ],
)
def test_why_a_model_stopped_is_told_in_each_dialect(
    reason: text_pb2.FinishReason.ValueType, chat: str, messages: str, response: str
) -> None:
    said = text_pb2.Message(role=text_pb2.ROLE_ASSISTANT, parts=[text_pb2.Part(text="hi")])
    found = text_pb2.GenerateResponse(candidates=[text_pb2.Candidate(message=said, finish_reason=reason)])

    assert chat_answer.answer(found, chat_request.question(BODIES["chat"]), NOW)["choices"][0]["finish_reason"] == chat
    assert messages_answer.answer(found, messages_request.question(BODIES["messages"]), NOW)["stop_reason"] == messages
    assert responses_answer.answer(found, responses_request.question(BODIES["responses"]), NOW)["status"] == response


def test_an_upstream_that_tells_no_id_and_no_time_gets_ours() -> None:
    told = chat_answer.answer(text_pb2.GenerateResponse(), chat_request.question(BODIES["chat"]), NOW)

    assert (told["id"], told["created"], told["model"]) == ("chatcmpl-req1", 1_790_000_000, "m")


def test_arguments_that_are_no_object_are_kept_as_text() -> None:
    call = text_pb2.ToolCall(id="c", name="f", arguments_json="[1")
    said = text_pb2.Message(role=text_pb2.ROLE_ASSISTANT, parts=[text_pb2.Part(tool_call=call)])
    found = text_pb2.GenerateResponse(candidates=[text_pb2.Candidate(message=said)])

    told = messages_answer.answer(found, messages_request.question(BODIES["messages"]), NOW)

    assert told["content"][0]["input"] == {"arguments": "[1"}
