"""The anthropic SDK, over the real Envoy: with a model that speaks its dialect, and with one whose answers are translated."""

import asyncio
from typing import Final

import anthropic
import httpx2
import pytest
from anthropic.types import MessageParam, ToolParam

from simulator.faults import Fault
from tests.conformance.clients import CLOCK, WEATHER, Recipe, claude, claude_sync
from tests.wire.house import House

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

OWN: Final = "claude-sonnet-4-6"
OTHER: Final = "gpt-5"
both_models = pytest.mark.parametrize("model", [OWN, OTHER])
TOOLS: Final[list[ToolParam]] = [
    {"name": "weather", "input_schema": WEATHER},
    {"name": "clock", "input_schema": CLOCK},
]


def says(text: str) -> list[MessageParam]:
    """A conversation of one turn."""
    return [{"role": "user", "content": text}]


@both_models
async def test_a_message_is_answered(home: House, model: str) -> None:
    async with claude(home) as sdk:
        message = await sdk.messages.create(model=model, max_tokens=100, system="Be brief.", messages=says("good morning"))

    assert [block.text for block in message.content if block.type == "text"] == ["You said: good morning"]
    assert (message.type, message.role, message.model, message.stop_reason) == ("message", "assistant", model, "end_turn")
    assert message.usage.output_tokens == 4
    assert message.usage.input_tokens + (message.usage.cache_read_input_tokens or 0) == 4


@both_models
async def test_a_message_streams_into_the_helper(home: House, model: str) -> None:
    async with claude(home) as sdk, sdk.messages.stream(model=model, max_tokens=100, messages=says("piece by piece")) as stream:
        pieces = [text async for text in stream.text_stream]
        final = await stream.get_final_message()

    assert "".join(pieces) == "You said: piece by piece"
    assert len(pieces) > 3
    assert final.stop_reason == "end_turn"
    assert final.usage.output_tokens == 5


@both_models
async def test_tools_are_called_side_by_side_and_their_answers_are_heard(home: House, model: str) -> None:
    turns = says("call weather and clock")
    async with claude(home) as sdk:
        asked = await sdk.messages.create(model=model, max_tokens=100, messages=turns, tools=TOOLS)
        calls = [block for block in asked.content if block.type == "tool_use"]
        turns += [
            {"role": "assistant", "content": [{"type": "tool_use", "id": c.id, "name": c.name, "input": c.input} for c in calls]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": c.id, "content": f"{c.name} ok"} for c in calls]},
        ]
        told = await sdk.messages.create(model=model, max_tokens=100, messages=turns, tools=TOOLS)

    assert asked.stop_reason == "tool_use"
    assert [(call.name, call.input) for call in calls] == [("weather", {"city": "Lisbon", "days": 3}), ("clock", {"zone": "UTC"})]
    assert [block.text for block in told.content if block.type == "text"] == ["The tool said: weather ok / clock ok"]


@both_models
async def test_tool_arguments_stream_in_pieces(home: House, model: str) -> None:
    async with (
        claude(home) as sdk,
        sdk.messages.stream(model=model, max_tokens=100, messages=says("call weather and clock"), tools=TOOLS) as stream,
    ):
        pieces = [event.partial_json async for event in stream if event.type == "input_json"]
        final = await stream.get_final_message()

    assert "".join(pieces) == '{"city": "Lisbon", "days": 3}{"zone": "UTC"}'
    assert len(pieces) > 4
    assert [block.input for block in final.content if block.type == "tool_use"] == [
        {"city": "Lisbon", "days": 3},
        {"zone": "UTC"},
    ]


@both_models
async def test_a_limit_and_a_stop_sequence_end_an_answer(home: House, model: str) -> None:
    async with claude(home) as sdk:
        cut = await sdk.messages.create(model=model, max_tokens=3, messages=says("one two three"))
        stopped = await sdk.messages.create(model=model, max_tokens=100, messages=says("one two three"), stop_sequences=["two"])

    assert cut.stop_reason == "max_tokens"
    assert [block.text for block in stopped.content if block.type == "text"] == ["You said: one "]


async def test_thinking_streams_before_the_text(home: House) -> None:
    async with (
        claude(home) as sdk,
        sdk.messages.stream(
            model=OWN, max_tokens=2000, messages=says("think"), thinking={"type": "enabled", "budget_tokens": 1024}
        ) as stream,
    ):
        final = await stream.get_final_message()

    assert [block.type for block in final.content] == ["thinking", "text"]
    assert final.content[0].type == "thinking"
    assert final.content[0].signature.startswith("signed-")


async def test_a_structured_answer_is_parsed_into_the_callers_class(home: House) -> None:
    async with claude(home) as sdk:
        answer = await sdk.messages.parse(model=OWN, max_tokens=100, messages=says("a recipe"), output_format=Recipe)

    assert answer.parsed_output == Recipe(title="title", steps=["steps"])


async def test_tokens_are_counted(home: House) -> None:
    async with claude(home) as sdk:
        counted = await sdk.messages.count_tokens(model=OWN, messages=says("four words are here"))

    assert counted.input_tokens == 4


@both_models
async def test_a_missing_limit_is_refused_in_anthropics_shape(home: House, model: str) -> None:
    body = {"model": model, "messages": says("hello")}
    async with home.http.post("/v1/messages", json=body, headers={"anthropic-version": "2023-06-01"}) as answer:
        told = await answer.json()

    assert answer.status == 400
    assert (told["type"], told["error"]["type"]) == ("error", "invalid_request_error")
    assert "max_tokens" in told["error"]["message"]


async def test_a_wrong_key_raises_authentication_error(home: House) -> None:
    async with claude(home) as sdk:
        with pytest.raises(anthropic.AuthenticationError):
            await sdk.with_options(api_key="sk-wrong").messages.create(model=OWN, max_tokens=10, messages=says("hello"))


async def test_the_sdk_waits_and_tries_again_where_it_was_throttled(home: House) -> None:
    home.simulator.fault(Fault(status=429, retry_after=0.01), path="*/messages")
    async with claude(home, max_retries=2) as sdk:
        message = await sdk.messages.create(model=OWN, max_tokens=100, messages=says("after all"))

    assert [block.text for block in message.content if block.type == "text"] == ["You said: after all"]


@both_models
async def test_a_stream_that_dies_raises_and_never_looks_complete(home: House, model: str) -> None:
    prompt = 'half [[sim:{"abort_after":5}]]'
    async with claude(home) as sdk:
        stream = await sdk.messages.create(model=model, max_tokens=100, messages=says(prompt), stream=True)
        with pytest.raises((anthropic.APIError, httpx2.TransportError), match=r"broke off|peer closed"):
            assert "message_stop" not in [event.type async for event in stream]


async def test_models_are_listed_in_anthropics_shape(home: House) -> None:
    async with claude(home) as sdk:
        listed = [model async for model in sdk.models.list()]
        one = await sdk.models.retrieve(OWN)

    assert OWN in {model.id for model in listed}
    assert (one.type, one.id) == ("model", OWN)


@both_models
async def test_the_synchronous_sdk_gets_the_same(home: House, model: str) -> None:
    def ask() -> tuple[str, str]:
        with claude_sync(home) as sdk:
            whole = sdk.messages.create(model=model, max_tokens=100, messages=says("sync"))
            with sdk.messages.stream(model=model, max_tokens=100, messages=says("sync")) as stream:
                streamed = "".join(stream.text_stream)
            return "".join(block.text for block in whole.content if block.type == "text"), streamed

    assert await asyncio.to_thread(ask) == ("You said: sync", "You said: sync")
