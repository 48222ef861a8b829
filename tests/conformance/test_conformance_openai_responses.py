"""The openai SDK's Responses, over the real Envoy: with a model that speaks them, and with ones whose answers are translated."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final

import openai
import pytest
from openai.types.responses import FunctionToolParam, ResponseInputParam, ToolParam

from tests.conformance.clients import CLOCK, WEATHER, Recipe, openai_sync
from tests.conformance.openai_schema import assert_event_fits, assert_fits, documents, events
from tests.wire.house import House

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

SPEAKS_IT: Final = "openai/gpt-5.5"
SPEAKS_CHAT: Final = "gpt-5-mini"
SPEAKS_MESSAGES: Final = "claude-sonnet-4-6"
every_model = pytest.mark.parametrize("model", [SPEAKS_IT, SPEAKS_CHAT, SPEAKS_MESSAGES])


def function(name: str, schema: dict[str, Any]) -> FunctionToolParam:
    """A tool."""
    return {"type": "function", "name": name, "parameters": schema, "strict": True}


TOOLS: Final[list[ToolParam]] = [function("weather", WEATHER), function("clock", CLOCK)]


@every_model
async def test_a_question_is_answered(home: House, model: str) -> None:
    answer = await home.sdk.responses.create(model=model, instructions="Be brief.", input="good morning")

    assert answer.output_text == "You said: good morning"
    assert answer.status == "completed"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens == 8


@every_model
async def test_an_answer_streams_into_the_helper(home: House, model: str) -> None:
    async with home.sdk.responses.stream(model=model, input="piece by piece") as stream:
        pieces = [event.delta async for event in stream if event.type == "response.output_text.delta"]
        final = await stream.get_final_response()

    assert "".join(pieces) == final.output_text == "You said: piece by piece"
    assert len(pieces) > 3


@every_model
async def test_tools_are_called_and_their_answers_are_heard(home: House, model: str) -> None:
    asked = await home.sdk.responses.create(model=model, input="call weather and clock", tools=TOOLS)
    calls = [item for item in asked.output if item.type == "function_call"]
    turns: ResponseInputParam = [{"role": "user", "content": "call weather and clock"}]
    for call in calls:
        turns.append({"type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": call.arguments})
    for call in calls:
        turns.append({"type": "function_call_output", "call_id": call.call_id, "output": f"{call.name} ok"})
    told = await home.sdk.responses.create(model=model, input=turns, tools=TOOLS)

    assert [(call.name, json.loads(call.arguments)) for call in calls] == [
        ("weather", {"city": "Lisbon", "days": 3}),
        ("clock", {"zone": "UTC"}),
    ]
    assert told.output_text == "The tool said: weather ok / clock ok"


@every_model
async def test_parallel_tool_calls_stream_in_pieces(home: House, model: str) -> None:
    async with home.sdk.responses.stream(model=model, input="call weather and clock", tools=TOOLS) as stream:
        pieces = [
            (event.output_index, event.delta) async for event in stream if event.type == "response.function_call_arguments.delta"
        ]
        final = await stream.get_final_response()

    assert [item.name for item in final.output if item.type == "function_call"] == ["weather", "clock"]
    assert "".join(piece for index, piece in pieces if index == 1) == '{"zone": "UTC"}'
    assert len(pieces) > 4


@every_model
async def test_a_structured_answer_is_parsed_into_the_callers_class(home: House, model: str) -> None:
    answer = await home.sdk.responses.parse(model=model, input="a recipe", text_format=Recipe)

    assert answer.output_parsed == Recipe(title="title", steps=["steps"])


WISHES: Final[Mapping[str, dict[str, Any]]] = {
    "text": {"input": "good morning"},
    "tool calls": {"input": "call weather and clock", "tools": TOOLS},
    "reasoning": {"input": "think", "reasoning": {"effort": "high", "summary": "auto"}},
    "cut short": {"input": " ".join(["word"] * 40), "max_output_tokens": 16},
}


@every_model
@pytest.mark.parametrize("wish", WISHES.values(), ids=WISHES.keys())
async def test_an_answer_fits_openais_schema(home: House, model: str, wish: dict[str, Any]) -> None:
    async with home.http.post("/v1/responses", json={**wish, "model": model}) as answer:
        assert answer.status == 200, await answer.text()
        assert_fits("Response", await answer.json())


@every_model
@pytest.mark.parametrize("wish", WISHES.values(), ids=WISHES.keys())
async def test_every_event_fits_openais_schema_and_is_numbered(home: House, model: str, wish: dict[str, Any]) -> None:
    async with home.http.post("/v1/responses", json={**wish, "model": model, "stream": True}) as answer:
        raw = await answer.read()
    told = documents(raw)

    for event in told:
        assert_event_fits(event)
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    assert [name for name, text in events(raw) if text != "[DONE]"] == [event["type"] for event in told]
    assert told[0]["type"] == "response.created"
    assert told[-1]["type"] == ("response.incomplete" if "max_output_tokens" in wish else "response.completed")
    assert len({event["item_id"] for event in told if event["type"].startswith("response.output_text")}) <= 1


@every_model
async def test_a_stream_that_dies_raises_and_never_looks_complete(home: House, model: str) -> None:
    stream = await home.sdk.responses.create(model=model, input='half [[sim:{"abort_after":5}]]', stream=True)
    heard: list[str] = []
    try:
        async with asyncio.timeout(10):
            async for event in stream:
                heard.append(event.type)  # noqa: PERF401 - what came before the failure counts
    except openai.APIError as failed:
        heard.append(type(failed).__name__)

    assert heard[-1] in {"response.failed", "error", "APIError"}
    assert "response.completed" not in heard


async def test_a_model_that_does_not_exist_is_named(home: House) -> None:
    with pytest.raises(openai.NotFoundError, match="gpt-99"):
        await home.sdk.responses.create(model="gpt-99", input="hello")


async def test_the_synchronous_sdk_gets_the_same(home: House) -> None:
    def ask() -> tuple[str, str]:
        with openai_sync(home) as sdk:
            with sdk.responses.stream(model=SPEAKS_IT, input="sync") as stream:
                stream.until_done()
                streamed = stream.get_final_response().output_text
            return sdk.responses.create(model=SPEAKS_IT, input="sync").output_text, streamed

    assert await asyncio.to_thread(ask) == ("You said: sync", "You said: sync")
