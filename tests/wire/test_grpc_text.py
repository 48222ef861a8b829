"""Text through the generated stubs: typed, streamed and relayed, against a simulated MuleRun."""

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import grpc
import pytest
from cli2api.v1 import text_pb2
from google.rpc import error_details_pb2

from simulator.faults import Fault
from tests.core import World, everything, fails, world

CHAT = text_pb2.RELAY_OPERATION_CHAT_COMPLETIONS


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncGenerator[World, None]:
    async with world(tmp_path) as made:
        yield made


def user(words: str) -> text_pb2.Message:
    return text_pb2.Message(role=text_pb2.ROLE_USER, parts=[text_pb2.Part(text=words)])


def weather() -> text_pb2.Tool:
    schema = '{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}'
    return text_pb2.Tool(name="get_weather", description="The weather of a city.", parameters_json=schema)


def relay(body: dict[str, Any], operation: text_pb2.RelayOperation.ValueType = CHAT) -> text_pb2.RelayRequest:
    return text_pb2.RelayRequest(operation=operation, model=str(body.get("model", "")), body=json.dumps(body).encode())


def chat(words: str, **more: Any) -> dict[str, Any]:
    return {"model": "gpt-5", "messages": [{"role": "user", "content": words}], **more}


@pytest.mark.parametrize("model", ["gpt-5", "claude-sonnet-4-6", "openai/gpt-5.3-codex"])
async def test_a_conversation_is_answered_whatever_its_upstream_speaks(gateway: World, model: str) -> None:
    answer = await gateway.text.Generate(text_pb2.GenerateRequest(model=model, messages=[user("hello there")]))
    (candidate,) = answer.candidates
    assert [part.text for part in candidate.message.parts] == ["You said: hello there"]
    assert candidate.finish_reason == text_pb2.FINISH_REASON_STOP
    assert candidate.message.role == text_pb2.ROLE_ASSISTANT
    assert answer.usage.prompt_tokens > 0
    assert answer.usage.completion_tokens > 0


async def test_a_streamed_answer_begins_grows_and_ends(gateway: World) -> None:
    request = text_pb2.StreamGenerateRequest(model="gpt-5", messages=[user("one two three")])
    events = await everything(gateway.text.StreamGenerate(request))
    kinds = [event.WhichOneof("event") for event in events]
    assert kinds[0] == "started"
    assert kinds[-2:] == ["finished", "usage"]
    assert kinds.count("text") > 1
    assert "".join(event.text.text for event in events if event.WhichOneof("event") == "text") == "You said: one two three"


async def test_a_tool_call_streams_with_its_index_and_id(gateway: World) -> None:
    request = text_pb2.StreamGenerateRequest(model="gpt-5", messages=[user("call get_weather")], tools=[weather()])
    events = await everything(gateway.text.StreamGenerate(request))
    pieces = [event.tool_call for event in events if event.WhichOneof("event") == "tool_call"]
    assert (pieces[0].name, pieces[0].tool_index) == ("get_weather", 0)
    assert pieces[0].id
    assert all(not piece.name and not piece.id for piece in pieces[1:])
    assert isinstance(json.loads("".join(piece.arguments_json for piece in pieces)), dict)
    (finished,) = [event.finished for event in events if event.WhichOneof("event") == "finished"]
    assert finished.finish_reason == text_pb2.FINISH_REASON_TOOL_CALLS


async def test_every_wrong_field_of_a_conversation_is_named_at_once(gateway: World) -> None:
    request = text_pb2.GenerateRequest(
        messages=[
            text_pb2.Message(parts=[text_pb2.Part()]),
            text_pb2.Message(role=text_pb2.ROLE_USER, parts=[text_pb2.Part(image=text_pb2.ImagePart(url="cat.png"))]),
        ],
        tools=[text_pb2.Tool(name="get weather", parameters_json="[")],
        temperature=3,
        n=0,
    )
    told = await fails(gateway.text.Generate(request))
    assert (told.code, told.info.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert {each.field for each in told.detail(error_details_pb2.BadRequest).field_violations} == {
        "model",
        "messages[0].role",
        "messages[0].parts[0]",
        "messages[1].parts[0].image.url",
        "tools[0].name",
        "tools[0].parameters_json",
        "temperature",
        "n",
    }
    assert gateway.upstream.requests == ()


async def test_an_unresolvable_prefix_is_an_invalid_argument(gateway: World) -> None:
    told = await fails(gateway.text.Generate(text_pb2.GenerateRequest(model="acme/gpt", messages=[user("x")])))
    assert (told.code, told.info.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MODEL_UNRESOLVED")


async def test_a_media_model_is_sent_to_its_own_service(gateway: World) -> None:
    told = await fails(gateway.text.Generate(text_pb2.GenerateRequest(model="gpt-image-2", messages=[user("x")])))
    assert (told.code, told.info.reason) == (grpc.StatusCode.UNIMPLEMENTED, "UNSUPPORTED")
    assert "GenerateImages" in told.message


async def test_a_throttled_answer_says_when_to_come_back(gateway: World) -> None:
    gateway.upstream.fault(Fault(status=429, retry_after=7), times=None)
    told = await fails(gateway.text.Generate(text_pb2.GenerateRequest(model="gpt-5", messages=[user("x")])))
    assert (told.code, told.info.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED")
    assert told.detail(error_details_pb2.RetryInfo).retry_delay.seconds == 7


async def test_a_stream_that_breaks_off_fails_after_its_pieces(gateway: World) -> None:
    gateway.upstream.fault(Fault(abort_after=3))
    call = gateway.text.StreamGenerate(text_pb2.StreamGenerateRequest(model="gpt-5", messages=[user("one two three four five")]))
    told = await fails(call)
    assert (told.code, told.info.reason) == (grpc.StatusCode.UNAVAILABLE, "UPSTREAM_UNAVAILABLE")


async def test_a_caller_that_leaves_a_typed_stream_stops_the_upstream(gateway: World) -> None:
    gateway.upstream.fault(Fault(hold="never", hold_after=3))
    call = gateway.text.StreamGenerate(text_pb2.StreamGenerateRequest(model="gpt-5", messages=[user("one two three")]))
    await anext(aiter(call))
    call.cancel()
    await gateway.upstream.wait_for(lambda: gateway.upstream.requests[0].aborted)


@pytest.mark.parametrize("method", ["Generate", "Relay", "RelayWhole"])
async def test_a_caller_that_leaves_before_the_first_byte_stops_the_upstream(gateway: World, method: str) -> None:
    gateway.upstream.fault(Fault(hold="never"))
    requests: dict[str, Any] = {
        "Generate": text_pb2.GenerateRequest(model="gpt-5", messages=[user("hello")]),
        "Relay": relay(chat("hello")),
        "RelayWhole": text_pb2.RelayWholeRequest(call=relay(chat("hello"))),
    }
    call: Any = getattr(gateway.text, method)(requests[method])
    await gateway.upstream.wait_for(lambda: gateway.upstream.held("never") == 1)
    call.cancel()
    await gateway.upstream.wait_for(lambda: gateway.upstream.requests[0].aborted)


async def test_a_relayed_call_is_a_head_and_the_upstream_s_bytes(gateway: World) -> None:
    body = chat("hello there", unknown_field=12345678901234567890)
    request = relay(body)
    request.headers.add(name="authorization", value="Bearer callers-own")
    request.headers.add(name="x-custom", value="kept")
    replies = await everything(gateway.text.Relay(request))
    head = replies[0].head
    assert head.status == 200
    assert {each.name.lower(): each.value for each in head.headers}["content-type"].startswith("application/json")
    answer = json.loads(b"".join(each.chunk for each in replies[1:]))
    assert answer["choices"][0]["message"]["content"] == "You said: hello there"
    (seen,) = gateway.upstream.requests
    assert seen.body == request.body
    assert seen.headers["x-custom"] == "kept"
    assert "callers-own" not in str(dict(seen.headers))


async def test_a_relayed_stream_passes_each_piece_as_it_comes(gateway: World) -> None:
    gateway.upstream.fault(Fault(hold="middle", hold_after=2))
    replies = aiter(gateway.text.Relay(relay(chat("one two three", stream=True))))
    assert (await anext(replies)).head.status == 200
    assert (await anext(replies)).chunk.startswith(b"data: ")
    gateway.upstream.release("middle")
    rest = b"".join([each.chunk async for each in replies])
    assert rest.endswith(b"data: [DONE]\n\n")


async def test_an_upstream_s_error_answer_is_relayed_as_it_is(gateway: World) -> None:
    gateway.upstream.fault(Fault(status=429, retry_after=7, body={"error": {"message": "slow"}}))
    replies = await everything(gateway.text.Relay(relay(chat("x"))))
    assert replies[0].head.status == 429
    assert {each.name.lower(): each.value for each in replies[0].head.headers}["retry-after"] == "7"
    assert json.loads(b"".join(each.chunk for each in replies[1:])) == {"error": {"message": "slow"}}


async def test_a_whole_relayed_answer_is_the_same_in_one_message(gateway: World) -> None:
    asked = relay(chat("hello there"))
    whole = await gateway.text.RelayWhole(text_pb2.RelayWholeRequest(call=asked))
    pieces = await everything(gateway.text.Relay(asked))
    first, second = (json.loads(body) for body in (whole.body, b"".join(each.chunk for each in pieces[1:])))
    assert (whole.head.status, first["choices"]) == (200, second["choices"])
    assert [seen.body for seen in gateway.upstream.requests] == [asked.body, asked.body]


async def test_a_whole_relayed_answer_keeps_an_upstream_s_error_and_names_missing_fields(gateway: World) -> None:
    gateway.upstream.fault(Fault(status=429, retry_after=7, body={"error": {"message": "slow"}}))
    told = await gateway.text.RelayWhole(text_pb2.RelayWholeRequest(call=relay(chat("x"))))
    assert (told.head.status, json.loads(told.body)) == (429, {"error": {"message": "slow"}})
    refused = await fails(gateway.text.RelayWhole(text_pb2.RelayWholeRequest()))
    assert [each.field for each in refused.detail(error_details_pb2.BadRequest).field_violations] == [
        "operation",
        "model",
        "body",
    ]


async def test_a_refusal_of_our_own_credential_is_not_relayed(gateway: World) -> None:
    gateway.upstream.fault(Fault(status=401), times=None)
    told = await fails(gateway.text.Relay(relay(chat("x"))))
    assert (told.code, told.info.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "UPSTREAM_CREDENTIAL")
    assert "upstream HTTP 401" in told.message


async def test_a_relay_without_its_fields_names_them(gateway: World) -> None:
    told = await fails(gateway.text.Relay(text_pb2.RelayRequest()))
    assert [each.field for each in told.detail(error_details_pb2.BadRequest).field_violations] == ["operation", "model", "body"]


async def test_many_callers_that_leave_leave_nothing_behind(gateway: World) -> None:
    gateway.upstream.fault(Fault(hold="never"), times=None)
    calls = [gateway.text.Relay(relay(chat("x", stream=True))) for _ in range(20)]
    waiting = [asyncio.ensure_future(everything(call)) for call in calls]
    await gateway.upstream.wait_for(lambda: gateway.upstream.held("never") == 20)
    for call in calls:
        call.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await gateway.upstream.wait_for(lambda: all(seen.aborted for seen in gateway.upstream.requests))
