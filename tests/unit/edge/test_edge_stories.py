"""What the core tells of an answer, told again in each dialect."""

import pytest
from cli2api.v1 import text_pb2
from hypothesis import given
from hypothesis import strategies as st

from edge.dialects import (
    chat_answer,
    chat_request,
    messages_answer,
    messages_request,
    responses_answer,
    responses_request,
    responses_story,
    thoughts,
)
from edge.dialects.telling import Said, Story
from edge.voices import ResponsesVoice, written
from tests.bodies import BODIES, NOW

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
