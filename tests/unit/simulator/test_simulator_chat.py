import json
from typing import Any

import aiohttp
import openai
import pytest

from simulator.text import chat

WEATHER = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city"]}
CHAT_TOOLS: Any = [{"type": "function", "function": {"name": name, "parameters": WEATHER}} for name in ("weather", "clock")]


async def test_chat_repeats_what_the_user_said(openai_sdk: openai.AsyncOpenAI) -> None:
    answer = await openai_sdk.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": "Hello big world"}])
    assert answer.choices[0].message.content == "You said: Hello big world"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (3, 5, 8)
    assert answer.created == 1_800_000_000


async def test_the_same_request_gets_the_same_answer(client: aiohttp.ClientSession) -> None:
    body = {"model": "gpt-5", "messages": [{"role": "user", "content": "Hello"}]}
    answers = []
    for _ in range(2):
        async with client.post("/v1/chat/completions", json=body) as answer:
            answers.append(await answer.read())
    assert answers[0] == answers[1]


async def test_a_chat_stream_gives_words_and_at_the_end_usage(openai_sdk: openai.AsyncOpenAI) -> None:
    stream = await openai_sdk.chat.completions.create(
        model="gpt-5",
        messages=[{"role": "user", "content": "Hello big world"}],
        stream=True,
        stream_options={"include_usage": True},
        reasoning_effort="low",
    )
    chunks = [chunk async for chunk in stream]
    texts = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    assert texts == ["You ", "said: ", "Hello ", "big ", "world"]
    thoughts = [chunk.choices[0].delta.model_extra or {} for chunk in chunks if chunk.choices]
    assert "".join(thought.get("reasoning_content", "") for thought in thoughts) == "Words to answer: 3. I shall repeat them."
    assert chunks[-1].choices == []
    usage = chunks[-1].usage
    assert usage is not None
    assert usage.completion_tokens_details is not None
    assert (usage.completion_tokens, usage.completion_tokens_details.reasoning_tokens) == (13, 8)
    assert usage.prompt_tokens_details is not None
    assert usage.prompt_tokens_details.cached_tokens == 1


async def test_a_chat_stream_keeps_its_usage_unless_it_is_asked(client: aiohttp.ClientSession) -> None:
    body = {"model": "gpt-5", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    async with client.post("/v1/chat/completions", json=body) as answer:
        assert answer.content_type == "text/event-stream"
        text = await answer.text()
    assert "usage" not in text
    assert text.endswith("data: [DONE]\n\n")


async def test_parallel_tool_calls_keep_index_and_id(openai_sdk: openai.AsyncOpenAI) -> None:
    asked = 'call weather {"city": "Rome"} and clock'
    stream = await openai_sdk.chat.completions.create(
        model="gpt-5", messages=[{"role": "user", "content": asked}], tools=CHAT_TOOLS, stream=True
    )
    calls: dict[int, list[str]] = {}
    finishes = []
    async for chunk in stream:
        for piece in chunk.choices[0].delta.tool_calls or ():
            entry = calls.setdefault(piece.index, [piece.id or "", (piece.function and piece.function.name) or "", ""])
            entry[2] += (piece.function and piece.function.arguments) or ""
        finishes.append(chunk.choices[0].finish_reason)
    assert finishes[-1] == "tool_calls"
    assert {index: (name, json.loads(arguments)) for index, (_, name, arguments) in calls.items()} == {
        0: ("weather", {"city": "Rome"}),
        1: ("clock", {"city": "city"}),
    }
    assert len({identity for identity, _, _ in calls.values()}) == 2


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ({"tool_choice": "none"}, []),
        ({"tool_choice": "required"}, ["weather"]),
        ({"tool_choice": {"type": "function", "function": {"name": "clock"}}}, ["clock"]),
        ({}, []),
    ],
)
async def test_tool_choice_is_obeyed(client: aiohttp.ClientSession, more: dict[str, Any], names: list[str]) -> None:
    body = {"model": "gpt-5", "messages": [{"role": "user", "content": "Hello"}], "tools": CHAT_TOOLS, **more}
    async with client.post("/v1/chat/completions", json=body) as answer:
        message = (await answer.json())["choices"][0]["message"]
    assert [call["function"]["name"] for call in message.get("tool_calls", [])] == names


async def test_a_tool_result_is_repeated(openai_sdk: openai.AsyncOpenAI) -> None:
    answer = await openai_sdk.chat.completions.create(
        model="gpt-5",
        tools=CHAT_TOOLS,
        messages=[
            {"role": "user", "content": "call weather"},
            {
                "role": "assistant",
                "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
        ],
    )
    assert answer.choices[0].message.content == "The tool said: sunny"


async def test_a_structured_answer_fits_its_schema(openai_sdk: openai.AsyncOpenAI) -> None:
    schema: Any = {
        "type": "object",
        "properties": {"mood": {"enum": ["good", "bad"]}, "points": {"type": "array", "items": {"$ref": "#/$defs/point"}}},
        "required": ["mood", "points"],
        "$defs": {"point": {"type": "object", "properties": {"x": {"type": "integer", "minimum": 3}}, "required": ["x"]}},
    }
    answer = await openai_sdk.chat.completions.create(
        model="gpt-5",
        messages=[{"role": "user", "content": "Hello"}],
        response_format={"type": "json_schema", "json_schema": {"name": "reading", "schema": schema}},
    )
    assert json.loads(answer.choices[0].message.content or "") == {"mood": "good", "points": [{"x": 3}]}


@pytest.mark.parametrize(
    ("more", "text", "finish"),
    [
        ({"max_tokens": 3}, "You said: one ", "length"),
        ({"stop": "two"}, "You said: one ", "stop"),
        ({"max_tokens": 8, "reasoning_effort": "high"}, "", "length"),
    ],
)
async def test_limits_cut_the_text(client: aiohttp.ClientSession, more: dict[str, Any], text: str, finish: str) -> None:
    body = {"model": "gpt-5", "messages": [{"role": "user", "content": "one two three"}], **more}
    async with client.post("/v1/chat/completions", json=body) as answer:
        choice = (await answer.json())["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == (text, finish)


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("/v1/chat/completions", {"messages": []}, 400, "you must provide a model parameter"),
        ("/v1/chat/completions", {"model": "gpt-5"}, 400, "Invalid 'messages': expected a list of at least 1 object(s)."),
        ("/v1/chat/completions", {"model": "gpt-9"}, 404, "The model `gpt-9` does not exist or you do not have access to it."),
        ("/v1/chat/completions", {"model": "openai/gpt-5.5"}, 400, "Model 'openai/gpt-5.5' is not supported"),
        ("/vendors/openai/v1/chat/completions", {"model": "gpt-5.3-codex"}, 400, "Model 'gpt-5.3-codex' is not supported"),
        (
            "/vendors/openai/v1/responses",
            {"model": "gpt-5.3-codex", "input": []},
            400,
            "Invalid 'input': expected a list of at least 1 object(s).",
        ),
    ],
)
async def test_a_bad_text_body_is_refused_in_openais_shape(
    client: aiohttp.ClientSession, path: str, body: dict[str, Any], status: int, message: str
) -> None:
    async with client.post(path, json=body) as answer:
        assert answer.status == status
        error = (await answer.json())["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert (error["message"], error["type"]) == (message, "invalid_request_error")


async def test_the_picture_model_streams_a_picture_and_nothing_else_will_do(client: aiohttp.ClientSession) -> None:
    body = {"model": chat.PICTURE_MODEL, "messages": [{"role": "user", "content": "a cat"}]}
    async with client.post("/v1/chat/completions", json=body) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["param"] == "stream"
    async with client.post("/v1/chat/completions", json={**body, "stream": True}) as answer:
        *chunks, last, done = [event.removeprefix("data: ") for event in (await answer.text()).split("\n\n")[:-1]]
    assert done == "[DONE]"
    assert json.loads(last)["choices"] == []
    picture = {"type": "image_url", "image_url": {"url": chat.PICTURE}}
    assert [picture] in [json.loads(chunk)["choices"][0]["delta"].get("content") for chunk in chunks]
