"""The official anthropic SDK speaks Messages to Claude models as they are, and to all others translated."""

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import anthropic
import pytest
import pytest_asyncio
from pydantic import BaseModel

from simulator.faults import Fault
from tests.wire.house import KEY, House, house

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

CLAUDE = "claude-sonnet-4-6"
CHAT_ONLY = "gpt-5-mini"
RESPONSES_ONLY = "openai/gpt-5.3-codex"
EVERY = [CLAUDE, CHAT_ONLY, RESPONSES_ONLY, "deepseek-v4-flash"]
TOOLS: Any = [
    {
        "name": name,
        "description": "asks",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        "cache_control": {"type": "ephemeral"},
    }
    for name in ("get_weather", "get_news")
]
BOTH = 'please call get_weather {"city": "Oslo"} and get_news {"city": "Bergen"}'
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class Weather(BaseModel):
    city: str
    degrees: int


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="home")
async def _home(module_path: Path) -> AsyncGenerator[House]:
    async with house(module_path, CLI2API_HEARTBEAT="100ms", CLI2API_TEXT_PATH="relay") as home:
        yield home


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="sdk")
async def _sdk(home: House) -> AsyncGenerator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(base_url=home.gateway.rest_url, api_key=KEY, max_retries=0, timeout=20) as sdk:
        yield sdk


def said(text: str) -> Any:
    return [{"role": "user", "content": text}]


def upstream(home: House) -> tuple[str, Any]:
    """Where the last call went, and its body."""
    seen = home.simulator.requests[-1]
    return seen.path, seen.json


@pytest.mark.parametrize("model", EVERY)
async def test_every_model_answers_messages(home: House, sdk: anthropic.AsyncAnthropic, model: str) -> None:
    answer: Any = await sdk.messages.create(
        model=model, max_tokens=100, system="Be brief, please.", messages=said("good morning")
    )

    assert [block.text for block in answer.content] == ["You said: good morning"]
    assert (answer.type, answer.role, answer.stop_reason) == ("message", "assistant", "end_turn")
    assert answer.id.startswith("msg_")
    assert answer.usage.cache_read_input_tokens > 0
    assert answer.usage.input_tokens > 0
    assert answer.usage.output_tokens == 4


async def test_a_claude_call_passes_byte_for_byte(home: House) -> None:
    body = (
        b'{"model": "claude-sonnet-4-6",\n "messages":[{"role":"user","content":"exact"}], '
        b'"max_tokens": 50, "unknown": 9007199254740993}'
    )
    async with home.http.post("/v1/messages", data=body, headers={"x-api-key": KEY, "anthropic-version": "2023-06-01"}) as answer:
        assert answer.status == 200
    seen = home.simulator.requests[-1]

    assert seen.body == body
    assert seen.path == "/v1/messages"
    assert "authorization" not in seen.headers


@pytest.mark.parametrize("model", EVERY)
async def test_every_model_streams_messages(sdk: anthropic.AsyncAnthropic, model: str) -> None:
    async with sdk.messages.stream(model=model, max_tokens=100, messages=said("piece by piece")) as stream:
        pieces = [piece async for piece in stream.text_stream]
        answer = await stream.get_final_message()

    assert "".join(pieces) == "You said: piece by piece"
    assert len(pieces) > 3
    assert answer.stop_reason == "end_turn"
    assert answer.usage.output_tokens == 5
    assert answer.usage.cache_read_input_tokens


@pytest.mark.parametrize("model", EVERY)
@pytest.mark.parametrize("streamed", [False, True])
async def test_parallel_tools_go_out_and_their_results_come_back(
    sdk: anthropic.AsyncAnthropic, model: str, streamed: bool
) -> None:
    asked: Any = {"model": model, "max_tokens": 100, "tools": TOOLS}
    if streamed:
        async with sdk.messages.stream(**asked, messages=said(BOTH)) as stream:
            answer: Any = await stream.get_final_message()
    else:
        answer = await sdk.messages.create(**asked, messages=said(BOTH))

    calls = [block for block in answer.content if block.type == "tool_use"]
    assert answer.stop_reason == "tool_use"
    assert [(call.name, call.input) for call in calls] == [("get_weather", {"city": "Oslo"}), ("get_news", {"city": "Bergen"})]
    results = [
        {"type": "tool_result", "tool_use_id": call.id, "content": [{"type": "text", "text": word}]}
        for call, word in zip(calls, ("rain", "calm"), strict=True)
    ]
    turns = [*said(BOTH), {"role": "assistant", "content": answer.content}, {"role": "user", "content": results}]
    after: Any = await sdk.messages.create(**asked, messages=turns)
    assert after.content[0].text == "The tool said: rain / calm"


@pytest.mark.parametrize("model", [CLAUDE, CHAT_ONLY, RESPONSES_ONLY])
async def test_an_answer_can_be_parsed(sdk: anthropic.AsyncAnthropic, model: str) -> None:
    answer = await sdk.messages.parse(model=model, max_tokens=100, messages=said("weather?"), output_format=Weather)

    assert answer.parsed_output == Weather(city="city", degrees=1)


@pytest.mark.parametrize("model", [CLAUDE, CHAT_ONLY])
async def test_thinking_comes_and_can_be_sent_back(home: House, sdk: anthropic.AsyncAnthropic, model: str) -> None:
    thinking: Any = {"type": "enabled", "budget_tokens": 1024}
    asked: Any = {"model": model, "max_tokens": 2000, "thinking": thinking}
    async with sdk.messages.stream(**asked, messages=said("why?")) as stream:
        answer: Any = await stream.get_final_message()

    assert answer.content[0].type == "thinking"
    assert "I shall repeat them" in answer.content[0].thinking
    turns = [*said("why?"), {"role": "assistant", "content": answer.content}, *said("and now?")]
    await sdk.messages.create(**asked, messages=turns)
    assert "I shall repeat them" in json.dumps(upstream(home)[1]["messages"][1])


async def test_sealed_reasoning_travels_with_the_conversation(home: House, sdk: anthropic.AsyncAnthropic) -> None:
    asked: Any = {"model": RESPONSES_ONLY, "max_tokens": 500, "output_config": {"effort": "low"}}
    answer: Any = await sdk.messages.create(**asked, messages=said("why?"))
    turns = [*said("why?"), {"role": "assistant", "content": answer.content}, *said("and now?")]
    await sdk.messages.create(**asked, messages=turns)

    item = upstream(home)[1]["input"][1]
    assert (item["type"], item["id"][:3], item["encrypted_content"][:7]) == ("reasoning", "rs_", "sealed-")


async def test_a_picture_reaches_a_chat_model(home: House, sdk: anthropic.AsyncAnthropic) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    content: Any = [{"type": "image", "source": source}, {"type": "text", "text": "what is it?"}]
    await sdk.messages.create(model=CHAT_ONLY, max_tokens=50, messages=[{"role": "user", "content": content}])

    assert upstream(home)[1]["messages"][0]["content"][0]["image_url"]["url"] == f"data:image/png;base64,{PIXEL}"


async def test_tokens_of_a_claude_conversation_are_counted(sdk: anthropic.AsyncAnthropic) -> None:
    assert (await sdk.messages.count_tokens(model=CLAUDE, messages=said("one two three"))).input_tokens == 3


async def test_tokens_of_other_conversations_cannot_be_counted(sdk: anthropic.AsyncAnthropic) -> None:
    with pytest.raises(anthropic.BadRequestError, match="/v1/messages/count_tokens") as caught:
        await sdk.messages.count_tokens(model=CHAT_ONLY, messages=said("one two three"))

    assert caught.value.body is not None


@pytest.mark.parametrize(("name", "value"), [("container", "c"), ("mcp_servers", []), ("tools", [{"type": "bash_20250124"}])])
async def test_what_only_claude_has_is_refused_by_name(sdk: anthropic.AsyncAnthropic, name: str, value: Any) -> None:
    with pytest.raises(anthropic.BadRequestError, match=name) as caught:
        await sdk.messages.create(model=CHAT_ONLY, max_tokens=50, messages=said("hi"), extra_body={name: value})

    body: Any = caught.value.body
    assert body["type"] == "error"
    assert body["error"]["type"] == "invalid_request_error"
    assert body["request_id"]


@pytest.mark.parametrize("model", [CLAUDE, CHAT_ONLY])
async def test_a_stream_that_dies_ends_with_an_error_event(sdk: anthropic.AsyncAnthropic, model: str) -> None:
    stream = await sdk.messages.create(model=model, max_tokens=50, messages=said('a b c [[sim:{"abort_after": 4}]]'), stream=True)
    with pytest.raises(anthropic.APIStatusError, match="api_error"):
        _ = [event async for event in stream]


@pytest.mark.parametrize("model", [CLAUDE, CHAT_ONLY])
async def test_pings_come_before_the_first_byte_of_the_upstream(home: House, model: str) -> None:
    hold = f"before {model}"
    body = {"model": model, "max_tokens": 50, "messages": said(f'hi [[sim:{{"hold": "{hold}"}}]]'), "stream": True}
    async with home.http.post("/v1/messages", json=body) as answer:
        first = await answer.content.readuntil(b"\n\n")
        assert (answer.status, answer.content_type) == (200, "text/event-stream")
        assert first == b'event: ping\ndata: {"type": "ping"}\n\n'
        home.simulator.release(hold)
        rest = await answer.content.read()

    assert b"event: message_start" in rest
    assert rest.endswith(b'data: {"type":"message_stop"}\n\n')


async def test_an_upstream_error_after_a_ping_is_told_inside_the_stream(home: House) -> None:
    hold = "before the error"
    error: Any = {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}}
    home.simulator.fault(Fault(hold=hold, status=429, body=error), path="/v1/messages")
    body = {"model": CLAUDE, "max_tokens": 50, "messages": said("hi"), "stream": True}
    async with home.http.post("/v1/messages", json=body) as answer:
        await answer.content.readuntil(b"\n\n")
        home.simulator.release(hold)
        rest = await answer.content.read()

    assert answer.status == 200
    assert json.loads(rest.rpartition(b"data: ")[2]) == error
    assert b"event: error\n" in rest


@pytest.mark.parametrize("model", [CLAUDE, CHAT_ONLY])
async def test_a_caller_that_leaves_stops_the_upstream(home: House, sdk: anthropic.AsyncAnthropic, model: str) -> None:
    hold = f"left {model}"
    magic = f'[[sim:{{"hold": "{hold}", "hold_after": 2}}]]'
    stream = await sdk.messages.create(model=model, max_tokens=50, messages=said(f"a b c d e {magic}"), stream=True)
    await anext(aiter(stream))
    await home.simulator.wait_for(lambda: home.simulator.held(hold) == 1)
    await stream.close()

    async with asyncio.timeout(5):
        await home.simulator.wait_for(lambda: home.simulator.held(hold) == 0)


async def test_errors_of_a_path_are_in_its_dialect(home: House) -> None:
    async with home.http.get("/v1/messages") as wrong_method, home.http.post("/v1/messages/batches", json={}) as wrong_path:
        assert (wrong_method.status, wrong_method.headers["allow"]) == (405, "POST")
        assert (await wrong_method.json())["error"]["type"] == "invalid_request_error"
        assert (wrong_path.status, (await wrong_path.json())["error"]["type"]) == (404, "not_found_error")


async def test_a_wrong_key_is_told_in_anthropics_shape(home: House) -> None:
    async with anthropic.AsyncAnthropic(base_url=home.gateway.rest_url, api_key="sk-wrong", max_retries=0) as stranger:
        with pytest.raises(anthropic.AuthenticationError) as caught:
            await stranger.messages.create(model=CLAUDE, max_tokens=5, messages=said("hi"))

    body: Any = caught.value.body
    assert body["type"] == "error"
    assert body["error"]["type"] == "authentication_error"
