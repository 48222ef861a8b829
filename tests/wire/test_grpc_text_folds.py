"""Every feature of a typed conversation in every dialect that an upstream speaks: the stream folds into the unary answer."""

import json
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any, Final

import grpc.aio
import pytest
import pytest_asyncio
from cli2api.v1 import text_pb2
from cli2api_client import afold, assistant, system, user
from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct

from tests.core import World, fails, world

IN_ONE_LOOP: Final = pytest.mark.asyncio(loop_scope="module")
CHAT, RESPONSES, MESSAGES = "gpt-5", "openai/gpt-5.3-codex", "claude-sonnet-4-6"
PATHS: Final = {CHAT: "/v1/chat/completions", RESPONSES: "/vendors/openai/v1/responses", MESSAGES: "/v1/messages"}
"""A model of each dialect, and where MuleRun serves it."""
EVERY_DIALECT: Final = pytest.mark.parametrize("model", list(PATHS))
CITY: Final = '{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}'
PIXEL: Final = bytes.fromhex("89504e470d0a1a0a0000000d49484452")
FINISHES: Final = text_pb2.FinishReason


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="gateway")
async def _gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[World, None]:
    async with world(Path(tmp_path_factory.mktemp("folds"))) as made:
        yield made


def tool(name: str) -> text_pb2.Tool:
    return text_pb2.Tool(name=name, description=f"Tells the {name[4:]}.", parameters_json=CITY)


def asks(*messages: text_pb2.Message, **fields: Any) -> text_pb2.GenerateRequest:
    return text_pb2.GenerateRequest(messages=messages, **fields)


def called(call_id: str, city: str) -> text_pb2.Part:
    call = text_pb2.ToolCall(id=call_id, name="get_weather", arguments_json=json.dumps({"city": city}))
    return text_pb2.Part(tool_call=call)


def result(call_id: str, words: str) -> text_pb2.Part:
    return text_pb2.Part(tool_result=text_pb2.ToolResult(tool_call_id=call_id, text=words))


def says(words: str) -> Callable[[text_pb2.Candidate], None]:
    def holds(candidate: text_pb2.Candidate) -> None:
        assert [part.text for part in candidate.message.parts] == [words]
        assert candidate.finish_reason == FINISHES.FINISH_REASON_STOP

    return holds


def makes_both_calls(candidate: text_pb2.Candidate) -> None:
    calls = [part.tool_call for part in candidate.message.parts]
    assert [(call.name, json.loads(call.arguments_json)) for call in calls] == [
        ("get_weather", {"city": "Oslo"}),
        ("get_news", {"city": "Bergen"}),
    ]
    assert len({call.id for call in calls if call.id}) == 2
    assert candidate.finish_reason == FINISHES.FINISH_REASON_TOOL_CALLS


def makes_one_call(candidate: text_pb2.Candidate) -> None:
    [part] = candidate.message.parts
    assert part.tool_call.name == "get_weather"
    assert candidate.finish_reason == FINISHES.FINISH_REASON_TOOL_CALLS


def calls_nothing(candidate: text_pb2.Candidate) -> None:
    assert {part.WhichOneof("kind") for part in candidate.message.parts} == {"text"}


def fits_the_schema(candidate: text_pb2.Candidate) -> None:
    [part] = candidate.message.parts
    assert set(json.loads(part.text)) == {"city"}
    assert candidate.finish_reason == FINISHES.FINISH_REASON_STOP


def was_cut(candidate: text_pb2.Candidate) -> None:
    [part] = candidate.message.parts
    assert len(part.text.split()) == 16
    assert candidate.finish_reason == FINISHES.FINISH_REASON_LENGTH


def thought(candidate: text_pb2.Candidate) -> None:
    kinds = [part.WhichOneof("kind") for part in candidate.message.parts]
    assert kinds == ["reasoning", "text"]
    reasoning = candidate.message.parts[0].reasoning
    assert reasoning.text or reasoning.sealed


PICTURE: Final = text_pb2.Message(
    role=text_pb2.ROLE_USER,
    parts=[text_pb2.Part(text="what is it"), text_pb2.Part(image=text_pb2.ImagePart(content=PIXEL, mime_type="image/png"))],
)
TURNS: Final = (system("Be brief."), user("hello"), assistant("Yes?"), user("one two three"))
BOTH: Final = user('call get_weather {"city": "Oslo"} call get_news {"city": "Bergen"}')
TOOLS: Final = [tool("get_weather"), tool("get_news")]
ANSWERED: Final = (
    user("call get_weather"),
    text_pb2.Message(role=text_pb2.ROLE_ASSISTANT, parts=[called("call_1", "Oslo"), called("call_2", "Bergen")]),
    text_pb2.Message(role=text_pb2.ROLE_TOOL, parts=[result("call_1", "sun"), result("call_2", "rain")]),
)
SCHEMA: Final = text_pb2.ResponseFormat(
    json_schema=text_pb2.ResponseFormat.JsonSchema(name="place", schema_json=CITY, strict=True)
)
SCENES: Final[dict[str, tuple[text_pb2.GenerateRequest, Callable[[text_pb2.Candidate], None]]]] = {
    "several turns": (asks(*TURNS), says("You said: one two three")),
    "a picture": (asks(PICTURE), says("You said: what is it")),
    "parallel calls": (asks(BOTH, tools=TOOLS), makes_both_calls),
    "one call at a time": (asks(BOTH, tools=TOOLS, parallel_tool_calls=False), makes_one_call),
    "a tool by name": (asks(user("hello"), tools=TOOLS, tool_choice=text_pb2.ToolChoice(name="get_weather")), makes_one_call),
    "no tool": (asks(BOTH, tools=TOOLS, tool_choice=text_pb2.ToolChoice(mode=text_pb2.ToolChoice.MODE_NONE)), calls_nothing),
    "results of tools": (asks(*ANSWERED, tools=TOOLS), says("The tool said: sun / rain")),
    "structured output": (asks(user("where"), response_format=SCHEMA), fits_the_schema),
    "a limit": (asks(user("word " * 20), max_output_tokens=16), was_cut),
    "reasoning": (asks(user("why"), reasoning=text_pb2.ReasoningOptions(effort="high", summary="auto")), thought),
}


@IN_ONE_LOOP
@EVERY_DIALECT
@pytest.mark.parametrize("scene", list(SCENES))
async def test_a_folded_stream_is_the_unary_answer(gateway: World, model: str, scene: str) -> None:
    request, holds = SCENES[scene]
    whole = text_pb2.GenerateRequest()
    whole.CopyFrom(request)
    whole.model = model

    unary = await gateway.text.Generate(whole)
    folded = await afold(gateway.text.StreamGenerate(streamed(whole)))

    assert [each.path for each in gateway.upstream.requests[-2:]] == [PATHS[model]] * 2
    assert len(unary.candidates) == 1
    holds(unary.candidates[0])
    assert unary.usage.completion_tokens > 0
    assert told(folded) == told(unary)


Body = dict[str, Any]
KNOBS: Final[dict[str, tuple[Any, dict[str, Callable[[Body], Any]]]]] = {
    "temperature": (0.5, dict.fromkeys(PATHS, lambda body: body["temperature"])),
    "top_p": (0.25, dict.fromkeys(PATHS, lambda body: body["top_p"])),
    "user": (
        "u-1",
        {
            CHAT: lambda body: body["user"],
            RESPONSES: lambda body: body["user"],
            MESSAGES: lambda body: body["metadata"]["user_id"],
        },
    ),
    "service_tier": ("auto", dict.fromkeys(PATHS, lambda body: body["service_tier"])),
    "metadata": ({"team": "a"}, dict.fromkeys((CHAT, RESPONSES), lambda body: body["metadata"])),
    "stop": (["three"], {CHAT: lambda body: body["stop"], MESSAGES: lambda body: body["stop_sequences"]}),
    "seed": (7, {CHAT: lambda body: body["seed"]}),
    "top_k": (5, {CHAT: lambda body: body["top_k"], MESSAGES: lambda body: body["top_k"]}),
    "presence_penalty": (0.5, {CHAT: lambda body: body["presence_penalty"]}),
    "frequency_penalty": (0.5, {CHAT: lambda body: body["frequency_penalty"]}),
}
"""What a field is set to, and where it stands in the upstream's body; a dialect that is not named has no word for it."""


@IN_ONE_LOOP
@EVERY_DIALECT
@pytest.mark.parametrize("knob", list(KNOBS))
async def test_every_knob_is_turned_or_refused_by_name(gateway: World, model: str, knob: str) -> None:
    value, places = KNOBS[knob]
    fields: dict[str, Any] = {knob: value}
    request = text_pb2.GenerateRequest(model=model, messages=[user("hello")], **fields)
    if model in places:
        await gateway.text.Generate(request)
        assert places[model](sent(gateway)) == value
    else:
        refused = await fails(gateway.text.Generate(request))
        assert (refused.info.reason, refused.message.split(":")[0]) == ("INVALID_REQUEST", knob)


@IN_ONE_LOOP
@EVERY_DIALECT
async def test_parameters_that_the_contract_does_not_name_reach_the_upstream(gateway: World, model: str) -> None:
    further = Struct()
    further.update({"new_knob": {"depth": [1, "two", None]}, "flag": True})

    await gateway.text.Generate(text_pb2.GenerateRequest(model=model, messages=[user("hello")], extra=further))
    unary = sent(gateway)
    await afold(gateway.text.StreamGenerate(text_pb2.StreamGenerateRequest(model=model, messages=[user("hello")], extra=further)))
    stream = sent(gateway)

    for body in (unary, stream):
        assert (body["new_knob"], body["flag"]) == ({"depth": [1, "two", None]}, True)


@IN_ONE_LOOP
@EVERY_DIALECT
async def test_a_further_parameter_that_has_a_typed_field_is_refused_by_name(gateway: World, model: str) -> None:
    further = Struct()
    further.update({"model": "another"})
    request = text_pb2.GenerateRequest(model=model, messages=[user("hello")], extra=further)

    refused = await fails(gateway.text.Generate(request))

    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.message.startswith("extra.model: ")


def test_a_request_for_a_stream_has_the_fields_of_a_request_for_the_whole() -> None:
    whole, stream = (
        {(field.number, field.name, field.type, field.is_repeated, field.has_presence) for field in each.DESCRIPTOR.fields}
        for each in (text_pb2.GenerateRequest, text_pb2.StreamGenerateRequest)
    )
    assert whole == stream


def sent(gateway: World) -> Body:
    """The body of the last call that reached the upstream."""
    body: Any = gateway.upstream.requests[-1].json
    return dict(body)


def streamed(request: text_pb2.GenerateRequest) -> text_pb2.StreamGenerateRequest:
    """The same question, under the same numbers."""
    return text_pb2.StreamGenerateRequest.FromString(request.SerializeToString())


def told(answer: text_pb2.GenerateResponse) -> Any:
    """All that an answer says, but for ids and the moment, which each call has of its own."""
    said = json_format.MessageToDict(answer)
    calls = [part["toolCall"] for one in said["candidates"] for part in one["message"]["parts"] if "toolCall" in part]
    for each in (said, *calls):
        assert each.pop("id")
    for call in calls:
        # Where the upstream gives an object and no text, each way writes it down with spaces of its own.
        call["argumentsJson"] = json.loads(call["argumentsJson"])
    for reasoning in (part["reasoning"] for one in said["candidates"] for part in one["message"]["parts"] if "reasoning" in part):
        reasoning |= {proof: len(reasoning[proof]) for proof in ("signature", "sealed") if proof in reasoning}
    said.pop("createTime", None)
    return said
