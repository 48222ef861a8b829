import json
from typing import Any

import aiohttp
import anthropic
import openai
import pytest

from simulator.options import Options
from simulator.server import KEY, Simulator

WEATHER = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city"]}
BEARER = {"Authorization": f"Bearer {KEY}"}


async def test_responses_events_are_numbered_without_a_gap(vendor_sdk: openai.AsyncOpenAI) -> None:
    kinds, numbers = [], []
    async with vendor_sdk.responses.stream(model="gpt-5.3-codex", input="Hi there") as stream:
        async for event in stream:
            kinds.append(event.type)
            numbers.append(event.sequence_number)
        final = await stream.get_final_response()
    assert numbers == list(range(len(numbers)))
    assert kinds[:4] == ["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"]
    assert kinds[-4:] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert final.output_text == "You said: Hi there"
    assert final.usage is not None
    assert (final.usage.input_tokens, final.usage.input_tokens_details.cached_tokens, final.usage.output_tokens) == (2, 1, 4)


async def test_responses_reason_and_call_tools(vendor_sdk: openai.AsyncOpenAI) -> None:
    tools: Any = [{"type": "function", "name": "weather", "parameters": WEATHER, "strict": False}]
    answer = await vendor_sdk.responses.create(
        model="gpt-5",
        input="call weather",
        tools=tools,
        reasoning={"effort": "low", "summary": "auto"},
    )
    assert [item.type for item in answer.output] == ["reasoning", "function_call"]
    assert answer.output[1].type == "function_call"
    assert json.loads(answer.output[1].arguments) == {"city": "city"}
    assert answer.usage is not None
    assert answer.usage.output_tokens_details.reasoning_tokens == 8


async def test_a_cut_response_is_incomplete(vendor_sdk: openai.AsyncOpenAI) -> None:
    answer = await vendor_sdk.responses.create(model="gpt-5", input=" ".join(["word"] * 30), max_output_tokens=16)
    assert answer.status == "incomplete"
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "max_output_tokens"


async def test_messages_think_and_speak(anthropic_sdk: anthropic.AsyncAnthropic) -> None:
    async with anthropic_sdk.messages.stream(
        model="claude-haiku-4-5",
        max_tokens=2000,
        system="Be kind.",
        messages=[{"role": "user", "content": "Hi there"}],
        thinking={"type": "enabled", "budget_tokens": 1024},
    ) as stream:
        final = await stream.get_final_message()
    assert [block.type for block in final.content] == ["thinking", "text"]
    assert final.content[0].type == "thinking"
    assert final.content[0].signature.startswith("signed-")
    assert final.content[1].type == "text"
    assert final.content[1].text == "You said: Hi there"
    assert (final.usage.input_tokens, final.usage.cache_read_input_tokens, final.usage.output_tokens) == (2, 2, 12)


async def test_messages_call_tools_and_take_results(anthropic_sdk: anthropic.AsyncAnthropic) -> None:
    tools: Any = [{"name": "weather", "input_schema": WEATHER}]
    asked: Any = {"role": "user", "content": "call weather"}
    first = await anthropic_sdk.messages.create(model="claude-haiku-4-5", max_tokens=99, messages=[asked], tools=tools)
    assert first.stop_reason == "tool_use"
    call = first.content[0]
    assert call.type == "tool_use"
    result: Any = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}]}
    turns: Any = [asked, {"role": "assistant", "content": first.to_dict()["content"]}, result]
    second = await anthropic_sdk.messages.create(model="claude-haiku-4-5", max_tokens=99, messages=turns, tools=tools)
    assert second.content[0].type == "text"
    assert second.content[0].text == "The tool said: sunny"


async def test_tokens_are_counted_without_an_answer(anthropic_sdk: anthropic.AsyncAnthropic) -> None:
    counted = await anthropic_sdk.messages.count_tokens(
        model="claude-haiku-4-5", system="Be kind.", messages=[{"role": "user", "content": "Hi there"}]
    )
    assert counted.input_tokens == 4


async def test_messages_refuse_in_anthropics_shape(sim: Simulator, anthropic_sdk: anthropic.AsyncAnthropic) -> None:
    with pytest.raises(anthropic.NotFoundError) as missing:
        await anthropic_sdk.messages.create(model="claude-9", max_tokens=9, messages=[{"role": "user", "content": "Hi"}])
    assert isinstance(missing.value.body, dict)
    assert missing.value.body["error"] == {"type": "not_found_error", "message": "model: claude-9"}
    assert missing.value.body["request_id"] == missing.value.response.headers["request-id"]
    headers = {"X-API-Key": KEY}
    async with (
        aiohttp.ClientSession(sim.url, headers=headers) as client,
        client.post("/v1/messages", json={"model": "x"}) as answer,
    ):
        assert (await answer.json())["error"]["message"] == "anthropic-version: header is required"


async def test_messages_want_the_key_as_x_api_key(sim: Simulator) -> None:
    body = {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    headers = {**BEARER, "anthropic-version": "2023-06-01"}
    async with aiohttp.ClientSession(headers=headers) as client:
        async with client.post(f"{sim.url}/v1/messages", json=body) as answer:
            assert answer.status == 401
        async with (
            Simulator(Options(messages_bearer=True)) as lenient,
            client.post(f"{lenient.url}/v1/messages", json=body) as answer,
        ):
            assert answer.status == 200


@pytest.mark.parametrize(
    ("path", "model", "status"),
    [
        ("/v1/chat/completions", "gpt-5", 400),
        ("/v1/chat/completions", "deepseek-v4-pro", 200),
        ("/vendors/openai/v1/chat/completions", "gpt-5.5", 200),
    ],
)
async def test_a_studio_key_opens_the_code_plane_but_not_the_gateway(path: str, model: str, status: int) -> None:
    options = Options(studio_keys=frozenset({"muk-studio"}), text_keys=frozenset({"llm-gateway"}))
    body = {"model": model, "messages": [{"role": "user", "content": "Hi"}]}
    async with Simulator(options) as sim, aiohttp.ClientSession(sim.url) as client:
        async with client.post(path, json=body, headers={"Authorization": "Bearer muk-studio"}) as answer:
            assert answer.status == status
            assert status == 200 or (await answer.json())["error"]["message"] == f"Model '{model}' is not supported"
        async with client.post(path, json=body, headers={"Authorization": "Bearer llm-gateway"}) as answer:
            assert answer.status == 200
        async with client.post(path, json=body, headers={"Authorization": "Bearer muk-other"}) as answer:
            assert answer.status == 401


async def test_the_list_of_models_has_text_models_only(openai_sdk: openai.AsyncOpenAI) -> None:
    names = {model.id async for model in openai_sdk.models.list()}
    assert {"gpt-5", "claude-haiku-4-5", "gpt-5.3-codex"} <= names
    assert "sora-2" not in names
