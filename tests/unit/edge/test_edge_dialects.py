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
    chat_request,
    completions,
    messages_request,
    responses_request,
)
from edge.dialects.fields import WrongField
from edge.dialects.question import Question
from tests.bodies import BODIES

READERS: dict[str, Callable[[Mapping[str, Any]], object]] = {
    "chat": chat_request.question,
    "completions": completions.questions,
    "responses": responses_request.question,
    "messages": messages_request.question,
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
