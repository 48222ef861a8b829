"""A text request becomes a conversation, answers and events become messages: nothing is lost on the way."""

import pytest
from cli2api.v1 import text_pb2
from google.protobuf.struct_pb2 import Struct

from services.api.answer import FINISHES, answer_to_proto, event_to_proto
from services.api.conversation import ROLES, conversation
from services.domain import text
from services.domain.errors import InvalidRequest
from services.domain.text import Answer, Candidate, FinishReason, Message, Role, TokenUsage

HELLO = text_pb2.Message(role=text_pb2.ROLE_USER, parts=[text_pb2.Part(text="hello")])


def request(**fields: object) -> text_pb2.GenerateRequest:
    return text_pb2.GenerateRequest(**{"model": "m", "messages": [HELLO], **fields})  # type: ignore[arg-type]


def fields_refused(given: text_pb2.GenerateRequest) -> set[str]:
    with pytest.raises(InvalidRequest) as refused:
        conversation(given)
    return {each.field for each in refused.value.violations}


def test_every_role_and_every_end_has_its_number() -> None:
    assert set(ROLES) == set(Role)
    assert set(FINISHES) == set(FinishReason)
    assert {*ROLES.values(), 0} == set(text_pb2.Role.values())
    assert {*FINISHES.values(), 0} == set(text_pb2.FinishReason.values())


def test_what_is_absent_is_left_to_the_upstream() -> None:
    asked = conversation(request())
    assert asked == text.Conversation(model="m", messages=(Message(role=Role.USER, parts=(text.Text("hello"),)),))


def test_both_requests_have_the_same_fields_under_the_same_numbers() -> None:
    def numbered(kind: type[text_pb2.GenerateRequest | text_pb2.StreamGenerateRequest]) -> dict[str, int]:
        return {field.name: field.number for field in kind.DESCRIPTOR.fields}

    assert numbered(text_pb2.GenerateRequest) == numbered(text_pb2.StreamGenerateRequest)


def test_everything_that_is_set_arrives() -> None:
    extra = Struct()
    extra.update({"verbosity": "low"})
    asked = conversation(
        request(
            tools=[text_pb2.Tool(name="look", description="d", parameters_json='{"b":1,"a":2}', strict=False)],
            tool_choice=text_pb2.ToolChoice(name="look"),
            parallel_tool_calls=False,
            response_format=text_pb2.ResponseFormat(
                json_schema=text_pb2.ResponseFormat.JsonSchema(name="n", schema_json='{"b":1,"a":2}', strict=True)
            ),
            reasoning=text_pb2.ReasoningOptions(effort="high", budget_tokens=0, summary="auto"),
            max_output_tokens=5,
            temperature=0,
            top_p=0.5,
            top_k=3,
            stop=["x"],
            seed=0,
            presence_penalty=-2,
            frequency_penalty=2,
            n=2,
            metadata={"a": "b"},
            user="u",
            service_tier="flex",
            extra=extra,
        )
    )
    assert asked.tools == (text.Tool(name="look", description="d", parameters='{"b":1,"a":2}', strict=False),)
    assert asked.tool_choice == text.ToolChoice(name="look")
    assert asked.response_format == text.ResponseFormat(name="n", schema='{"b":1,"a":2}', strict=True)
    assert (asked.effort, asked.budget_tokens, asked.reasoning_summary) == ("high", 0, "auto")
    assert (asked.parallel_tool_calls, asked.max_output_tokens, asked.temperature, asked.seed) == (False, 5, 0.0, 0)
    assert (asked.top_p, asked.top_k, asked.stop, asked.n) == (0.5, 3, ("x",), 2)
    assert (asked.presence_penalty, asked.frequency_penalty) == (-2, 2)
    assert (asked.metadata, asked.user, asked.service_tier, asked.extra) == ({"a": "b"}, "u", "flex", {"verbosity": "low"})


def test_every_part_arrives() -> None:
    part = text_pb2.Part
    given = text_pb2.Message(
        role=text_pb2.ROLE_TOOL,
        parts=[
            part(image=text_pb2.ImagePart(content=b"abc", mime_type="image/png", detail=text_pb2.IMAGE_DETAIL_LOW)),
            part(audio=text_pb2.AudioPart(content=b"abc", format="wav")),
            part(file=text_pb2.FilePart(content=b"abc", mime_type="application/pdf", filename="f")),
            part(tool_call=text_pb2.ToolCall(id="1", name="look", arguments_json="{broken")),
            part(tool_result=text_pb2.ToolResult(tool_call_id="1", text="seen", is_error=True)),
            part(reasoning=text_pb2.Reasoning(text="t", signature="s", sealed="x")),
            part(refusal="no"),
        ],
        name="ada",
    )
    (message,) = conversation(request(messages=[given])).messages
    assert message.name == "ada"
    assert message.parts == (
        text.Image(url="data:image/png;base64,YWJj", detail="low"),
        text.Audio(content=b"abc", format="wav"),
        text.File(content=b"abc", mime_type="application/pdf", filename="f"),
        text.ToolCall(id="1", name="look", arguments="{broken"),
        text.ToolResult(tool_call_id="1", text="seen", is_error=True),
        text.Reasoning(text="t", signature="s", sealed="x"),
        text.Refusal("no"),
    )


def test_parts_without_what_they_need_are_named() -> None:
    part = text_pb2.Part
    parts = [
        part(image=text_pb2.ImagePart()),
        part(audio=text_pb2.AudioPart(format="ogg")),
        part(file=text_pb2.FilePart()),
        part(tool_call=text_pb2.ToolCall()),
        part(tool_result=text_pb2.ToolResult()),
    ]
    here = "messages[0].parts"
    assert fields_refused(request(messages=[text_pb2.Message(role=text_pb2.ROLE_USER, parts=parts)])) == {
        f"{here}[0].image.content",
        f"{here}[0].image.mime_type",
        f"{here}[1].audio.content",
        f"{here}[1].audio.format",
        f"{here}[2].file.content",
        f"{here}[2].file.mime_type",
        f"{here}[3].tool_call.id",
        f"{here}[3].tool_call.name",
        f"{here}[4].tool_result",
        f"{here}[4].tool_result.tool_call_id",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", 2.1),
        ("temperature", float("nan")),
        ("top_p", -0.1),
        ("top_k", 0),
        ("n", 0),
        ("max_output_tokens", 0),
        ("presence_penalty", 2.5),
        ("frequency_penalty", float("inf")),
    ],
)
def test_a_number_out_of_its_range_is_named(name: str, value: float) -> None:
    assert fields_refused(request(**{name: value})) == {name}


@pytest.mark.parametrize("schema", ["", "[]", "nonsense", "[" * 100_000])
def test_a_schema_that_is_none_is_named(schema: str) -> None:
    form = text_pb2.ResponseFormat(json_schema=text_pb2.ResponseFormat.JsonSchema(name="n", schema_json=schema))
    assert fields_refused(request(response_format=form)) == {"response_format.json_schema.schema_json"}


def test_an_answer_arrives_whole() -> None:
    parts = (text.Text("a"), text.ToolCall(id="1", name="look", arguments="{}"), text.Reasoning(text="t"), text.Refusal("no"))
    candidate = Candidate(index=0, message=Message(role=Role.ASSISTANT, parts=parts), finish_reason=FinishReason.TOOL_CALLS)
    usage = TokenUsage(prompt_tokens=3, completion_tokens=0, cached_tokens=1)
    told = answer_to_proto(Answer(id="i", model="m", created=1.5, candidates=(candidate,), usage=usage))
    assert (told.id, told.model, told.create_time.ToMilliseconds()) == ("i", "m", 1500)
    assert [each.WhichOneof("kind") for each in told.candidates[0].message.parts] == ["text", "tool_call", "reasoning", "refusal"]
    assert told.candidates[0].finish_reason == text_pb2.FINISH_REASON_TOOL_CALLS
    assert told.usage.HasField("completion_tokens")
    assert not told.usage.HasField("reasoning_tokens")


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (text.Started(id="i", model="m", created=None), "started"),
        (text.TextDelta(index=1, text="a"), "text"),
        (text.ReasoningDelta(index=1, text="a", signature="s"), "reasoning"),
        (text.RefusalDelta(index=1, text="a"), "refusal"),
        (text.ToolCallDelta(index=1, tool_index=2, id="i", name="n", arguments="{"), "tool_call"),
        (text.Finished(index=1, finish_reason=FinishReason.OTHER, finish_detail="pause"), "finished"),
        (TokenUsage(total_tokens=3), "usage"),
    ],
)
def test_every_event_has_its_message(event: text.Event, name: str) -> None:
    told = event_to_proto(event)
    assert told.WhichOneof("event") == name
    if isinstance(event, text.ToolCallDelta):
        piece = told.tool_call
        assert (piece.index, piece.tool_index, piece.id, piece.name, piece.arguments_json) == (1, 2, "i", "n", "{")
