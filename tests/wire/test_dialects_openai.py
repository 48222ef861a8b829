"""The official openai SDK speaks Responses to models whose upstream speaks it, and to those whose does not."""

import base64
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import openai
import pytest
import pytest_asyncio

from tests.wire.asked import (
    BOTH,
    CHAT_ONLY,
    CLAUDE,
    NATIVE,
    PIXEL,
    RESPONSES_ONLY,
    RESPONSES_TOOLS,
    Weather,
    upstream,
)
from tests.wire.house import House, house

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="home")
async def _home(module_path: Path) -> AsyncGenerator[House]:
    async with house(module_path, CLI2API_MODEL_ALIASES="quick=gpt-5-mini,thinker=claude-sonnet-4-6") as home:
        yield home


@pytest.mark.parametrize("model", [NATIVE, CHAT_ONLY, CLAUDE, RESPONSES_ONLY, "quick", "thinker"])
async def test_every_model_answers_responses(home: House, model: str) -> None:
    answer = await home.sdk.responses.create(model=model, input="good morning", instructions="Be brief.")

    assert answer.output_text == "You said: good morning"
    assert answer.status == "completed"
    assert answer.id.startswith("resp_")
    assert answer.usage is not None
    assert answer.usage.input_tokens_details.cached_tokens == answer.usage.input_tokens // 2 > 0
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens


@pytest.mark.parametrize("model", [NATIVE, CHAT_ONLY, CLAUDE])
async def test_a_streamed_response_has_numbered_events_and_one_item_id(home: House, model: str) -> None:
    stream = await home.sdk.responses.create(model=model, input="piece by piece", stream=True)
    events: list[Any] = [event async for event in stream]

    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [event.type for event in events if not event.type.endswith("delta")] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    deltas = [event for event in events if event.type == "response.output_text.delta"]
    assert "".join(event.delta for event in deltas) == "You said: piece by piece"
    assert len(deltas) > 3
    assert len({event.item_id for event in events if hasattr(event, "item_id")}) == 1
    assert events[-1].response.output_text == "You said: piece by piece"
    assert events[-1].response.usage.output_tokens_details is not None


@pytest.mark.parametrize("model", [NATIVE, CHAT_ONLY, CLAUDE])
@pytest.mark.parametrize("streamed", [False, True])
async def test_parallel_calls_of_responses_go_out_and_their_results_come_back(home: House, model: str, streamed: bool) -> None:
    if streamed:
        async with home.sdk.responses.stream(model=model, input=BOTH, tools=RESPONSES_TOOLS) as stream:
            answer: Any = await stream.get_final_response()
    else:
        answer = await home.sdk.responses.create(model=model, input=BOTH, tools=RESPONSES_TOOLS)

    calls = [item for item in answer.output if item.type == "function_call"]
    assert [(call.name, json.loads(call.arguments)) for call in calls] == [
        ("get_weather", {"city": "Oslo"}),
        ("get_news", {"city": "Bergen"}),
    ]
    assert len({call.call_id for call in calls}) == len({call.id for call in calls}) == 2
    history: Any = [{"role": "user", "content": BOTH}]
    history += [item.model_dump(exclude_unset=True) for item in answer.output]
    history += [
        {"type": "function_call_output", "call_id": call.call_id, "output": word}
        for call, word in zip(calls, ("rain", "calm"), strict=True)
    ]
    after = await home.sdk.responses.create(model=model, input=history, tools=RESPONSES_TOOLS)
    assert after.output_text == "The tool said: rain / calm"


@pytest.mark.parametrize("model", [NATIVE, CHAT_ONLY, CLAUDE])
async def test_a_response_can_be_parsed(home: House, model: str) -> None:
    answer = await home.sdk.responses.parse(model=model, input="weather?", text_format=Weather)

    assert answer.output_parsed == Weather(city="city", degrees=1)


@pytest.mark.parametrize("model", [CHAT_ONLY, CLAUDE])
async def test_reasoning_of_a_response_comes_and_can_be_sent_back(home: House, model: str) -> None:
    answer = await home.sdk.responses.create(
        model=model, input="why?", reasoning={"effort": "low", "summary": "auto"}, include=["reasoning.encrypted_content"]
    )
    thought: Any = answer.output[0]

    assert thought.type == "reasoning"
    assert "I shall repeat them" in thought.summary[0].text
    history: Any = [{"role": "user", "content": "why?"}, *[item.model_dump(exclude_unset=True) for item in answer.output]]
    history.append({"role": "user", "content": "and now?"})
    await home.sdk.responses.create(model=model, input=history)
    turn = upstream(home)[1]["messages"][1]
    if model == CLAUDE:
        assert turn["content"][0]["signature"].startswith("signed-")
    else:
        assert "I shall repeat them" in turn["reasoning_content"]


async def test_a_picture_in_a_response_reaches_a_chat_model(home: House) -> None:
    content: Any = [{"type": "input_text", "text": "what is it?"}, {"type": "input_image", "image_url": PIXEL, "detail": "low"}]
    await home.sdk.responses.create(model=CHAT_ONLY, input=[{"role": "user", "content": content}])

    assert upstream(home)[1]["messages"][0]["content"][1] == {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}}


async def test_a_cut_response_is_incomplete(home: House) -> None:
    answer = await home.sdk.responses.create(model=CHAT_ONLY, input="a b c d e f g h", max_output_tokens=3)

    assert answer.status == "incomplete"
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "max_output_tokens"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("previous_response_id", "resp_1"),
        ("background", True),
        ("store", True),
        ("conversation", "conv_1"),
        ("truncation", "auto"),
        ("max_tool_calls", 3),
        ("tools", [{"type": "web_search"}]),
    ],
)
async def test_what_has_no_counterpart_in_chat_is_refused_by_name(home: House, name: str, value: Any) -> None:
    calls = len(home.simulator.requests)
    with pytest.raises(openai.BadRequestError) as caught:
        await home.sdk.responses.create(model=CHAT_ONLY, input="hi", extra_body={name: value})

    assert caught.value.param in {name, "tools[0].type"}
    assert len(home.simulator.requests) == calls


async def test_a_translated_response_that_dies_is_failed(home: House) -> None:
    stream = await home.sdk.responses.create(model=CHAT_ONLY, input='a b c [[sim:{"abort_after": 3}]]', stream=True)
    events: list[Any] = [event async for event in stream]

    assert events[-1].type == "response.failed"
    assert events[-1].response.error.message
    assert [event.sequence_number for event in events] == list(range(len(events)))


async def test_a_native_response_that_dies_ends_with_an_error_event(home: House) -> None:
    stream = await home.sdk.responses.create(model=NATIVE, input='a b c [[sim:{"abort_after": 5}]]', stream=True)
    events: list[Any] = [event async for event in stream]

    assert events[-1].type == "error"
    assert [event.sequence_number for event in events] == list(range(len(events)))


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/completions"])
async def test_other_methods_are_told_what_is_allowed(home: House, path: str) -> None:
    async with home.http.get(path) as answer:
        assert (answer.status, answer.headers["allow"]) == (405, "POST")
        assert (await answer.json())["error"]["type"] == "invalid_request_error"


async def test_a_picture_that_is_no_base64_is_refused_by_its_place(home: House) -> None:
    message: Any = {"role": "user", "content": [{"type": "file", "file": {"file_data": "data:application/pdf;base64,%%"}}]}
    with pytest.raises(openai.BadRequestError) as caught:
        await home.sdk.chat.completions.create(model=RESPONSES_ONLY, messages=[message])

    assert caught.value.param == "messages[0].content[0].file.file_data"
    assert base64.b64decode(PIXEL.partition(",")[2])
