"""The official openai SDK speaks chat and completions to models whose upstream speaks something else."""

import gzip
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import openai
import pytest
import pytest_asyncio

from simulator.faults import Fault
from tests.wire.asked import BOTH, CHAT_ONLY, CHAT_TOOLS, CLAUDE, RESPONSES_ONLY, Weather, upstream
from tests.wire.house import House, house

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="home")
async def _home(module_path: Path) -> AsyncGenerator[House]:
    async with house(module_path, CLI2API_MODEL_ALIASES="quick=gpt-5-mini,thinker=claude-sonnet-4-6") as home:
        yield home


@pytest.mark.parametrize("streamed", [False, True])
async def test_chat_reaches_a_model_that_answers_on_responses_only(home: House, streamed: bool) -> None:
    asked: Any = {"model": RESPONSES_ONLY, "messages": [{"role": "user", "content": BOTH}], "tools": CHAT_TOOLS}
    if streamed:
        async with home.sdk.chat.completions.stream(**asked, stream_options={"include_usage": True}) as stream:
            answer: Any = await stream.get_final_completion()
    else:
        answer = await home.sdk.chat.completions.create(**asked)

    choice = answer.choices[0]
    assert upstream(home)[0] == "/vendors/openai/v1/responses"
    assert choice.finish_reason == "tool_calls"
    assert [(call.function.name, json.loads(call.function.arguments)) for call in choice.message.tool_calls] == [
        ("get_weather", {"city": "Oslo"}),
        ("get_news", {"city": "Bergen"}),
    ]
    assert answer.usage.prompt_tokens_details.cached_tokens > 0
    results = [{"role": "tool", "tool_call_id": call.id, "content": "fine"} for call in choice.message.tool_calls]
    history: Any = [*asked["messages"], choice.message.model_dump(exclude_unset=True, exclude={"parsed"}), *results]
    for call in history[1]["tool_calls"]:
        call["function"].pop("parsed_arguments", None)
    after = await home.sdk.chat.completions.create(model=RESPONSES_ONLY, messages=history, tools=CHAT_TOOLS)
    assert after.choices[0].message.content == "The tool said: fine / fine"


async def test_pieces_of_parallel_calls_keep_their_index(home: House) -> None:
    stream = await home.sdk.chat.completions.create(
        model=RESPONSES_ONLY, messages=[{"role": "user", "content": BOTH}], tools=CHAT_TOOLS, stream=True
    )
    pieces = [call async for chunk in stream for choice in chunk.choices for call in choice.delta.tool_calls or ()]

    for index, city in enumerate(("Oslo", "Bergen")):
        mine = [piece for piece in pieces if piece.index == index]
        assert [bool(piece.id) for piece in mine] == [True] + [False] * (len(mine) - 1)
        written = "".join(piece.function.arguments or "" for piece in mine if piece.function)
        assert json.loads(written) == {"city": city}
        assert len(mine) > 2


async def test_chat_can_be_parsed_where_it_is_translated(home: House) -> None:
    answer = await home.sdk.chat.completions.parse(
        model=RESPONSES_ONLY, messages=[{"role": "user", "content": "weather?"}], response_format=Weather
    )

    assert answer.choices[0].message.parsed == Weather(city="city", degrees=1)


@pytest.mark.parametrize("streamed", [False, True])
async def test_chat_for_claude_goes_by_messages_where_chat_is_refused(home: House, streamed: bool) -> None:
    body: Any = {"error": {"message": f"Model '{CLAUDE}' is not supported", "code": "model_not_supported"}}
    home.simulator.fault(Fault(status=400, body=body), path="/v1/chat/completions")
    answer: Any = await home.sdk.chat.completions.create(
        model=CLAUDE, messages=[{"role": "user", "content": "bonjour"}], stream=streamed
    )
    if streamed:
        words = "".join([chunk.choices[0].delta.content or "" async for chunk in answer if chunk.choices])
    else:
        words = answer.choices[0].message.content

    assert words == "You said: bonjour"
    assert upstream(home)[0] == "/v1/messages"


@pytest.mark.parametrize("model", [CHAT_ONLY, CLAUDE, RESPONSES_ONLY])
async def test_completions_answer_each_prompt(home: House, model: str) -> None:
    answer = await home.sdk.completions.create(model=model, prompt=["one", "two"], echo=True)

    assert [(choice.index, choice.text) for choice in answer.choices] == [(0, "oneYou said: one"), (1, "twoYou said: two")]
    assert answer.object == "text_completion"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


async def test_completions_stream(home: House) -> None:
    stream = await home.sdk.completions.create(
        model=CHAT_ONLY, prompt=["one two three", "four"], n=2, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    texts = {0: "", 1: "", 2: "", 3: ""}
    for chunk in chunks:
        for choice in chunk.choices:
            texts[choice.index] += choice.text

    first, second = "You said: one two three", "You said: four"
    assert texts == {0: first, 1: first, 2: second, 3: second}
    assert chunks[-1].usage is not None
    assert len({chunk.id for chunk in chunks}) == 1


@pytest.mark.parametrize(
    ("name", "value"), [("suffix", "end"), ("logprobs", 1), ("best_of", 3), ("prompt", [1, 2]), ("prompt", []), ("grammar", "x")]
)
async def test_completions_refuse_by_name_what_chat_cannot_do(home: House, name: str, value: Any) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await home.sdk.completions.create(model=CHAT_ONLY, prompt="hi", extra_body={name: value})

    assert caught.value.param == name


async def test_a_packed_body_is_unpacked(home: House) -> None:
    body = gzip.compress(json.dumps({"model": "gpt-5", "messages": [{"role": "user", "content": "small"}]}).encode())
    headers = {"content-encoding": "gzip", "content-type": "application/json"}
    async with home.http.post("/v1/chat/completions", data=body, headers=headers) as answer:
        said = await answer.json()

    assert said["choices"][0]["message"]["content"] == "You said: small"
    assert "content-encoding" not in home.simulator.requests[-1].headers


async def test_an_alias_and_a_prefix_that_lead_nowhere_are_400(home: House) -> None:
    for model in ("mystery/model", "anthropic/claude"):
        with pytest.raises(openai.BadRequestError) as caught:
            await home.sdk.responses.create(model=model, input="hi")
        assert caught.value.code == "model_not_found"
