"""The openai SDK's chat, with everything that it builds upon the plain call, over the real Envoy."""

import asyncio
from typing import Any, Final

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolUnionParam

from simulator.faults import Fault
from tests.conformance.clients import CLOCK, WEATHER, Recipe, openai_sync
from tests.wire.house import KEY, House

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

TOOLS: Final[list[ChatCompletionToolUnionParam]] = [
    {"type": "function", "function": {"name": "weather", "parameters": WEATHER, "strict": True}},
    {"type": "function", "function": {"name": "clock", "parameters": CLOCK, "strict": True}},
]


def says(text: str) -> list[ChatCompletionMessageParam]:
    """A conversation of one turn."""
    return [{"role": "user", "content": text}]


async def test_a_tool_is_called_and_its_answer_is_heard(home: House) -> None:
    turns = says("call weather please")
    asked = await home.sdk.chat.completions.create(model="gpt-5", messages=turns, tools=TOOLS)
    message = asked.choices[0].message
    assert asked.choices[0].finish_reason == "tool_calls"
    assert message.tool_calls is not None
    [call] = message.tool_calls
    assert call.type == "function"
    assert (call.function.name, call.function.arguments) == ("weather", '{"city": "Lisbon", "days": 3}')

    turns += [
        {"role": "assistant", "tool_calls": [{"id": call.id, "type": "function", "function": call.function.to_dict()}]},  # type: ignore[typeddict-item]
        {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
    ]
    told = await home.sdk.chat.completions.create(model="gpt-5", messages=turns, tools=TOOLS)

    assert told.choices[0].message.content == "The tool said: sunny"


async def test_the_streaming_helper_puts_parallel_tool_calls_together(home: House) -> None:
    async with home.sdk.chat.completions.stream(model="gpt-5", messages=says("call weather and clock"), tools=TOOLS) as stream:
        pieces = [
            (event.index, event.arguments_delta) async for event in stream if event.type == "tool_calls.function.arguments.delta"
        ]
        final = await stream.get_final_completion()

    calls = final.choices[0].message.tool_calls or []
    assert [(call.function.name, call.function.parsed_arguments) for call in calls] == [
        ("weather", {"city": "Lisbon", "days": 3}),
        ("clock", {"zone": "UTC"}),
    ]
    assert len({call.id for call in calls}) == 2
    assert "".join(piece for index, piece in pieces if index == 1) == '{"zone": "UTC"}'
    assert len(pieces) > 4


async def test_a_structured_answer_is_parsed_into_the_callers_class(home: House) -> None:
    answer = await home.sdk.chat.completions.parse(model="gpt-5", messages=says("a recipe"), response_format=Recipe)

    assert answer.choices[0].message.parsed == Recipe(title="title", steps=["steps"])


async def test_a_structured_answer_is_parsed_while_it_streams(home: House) -> None:
    async with home.sdk.chat.completions.stream(model="gpt-5", messages=says("a recipe"), response_format=Recipe) as stream:
        kinds = [event.type async for event in stream]
        final = await stream.get_final_completion()

    assert final.choices[0].message.parsed == Recipe(title="title", steps=["steps"])
    assert "content.delta" in kinds
    assert "content.done" in kinds


async def test_an_answer_that_its_limit_cut_says_so(home: House) -> None:
    answer = await home.sdk.chat.completions.create(model="gpt-5", messages=says("one two three four"), max_completion_tokens=3)

    assert answer.choices[0].finish_reason == "length"
    assert answer.choices[0].message.content == "You said: one "


async def test_usage_tells_cached_and_reasoning_tokens(home: House) -> None:
    answer = await home.sdk.chat.completions.create(model="gpt-5", messages=says("think hard"), reasoning_effort="high")

    assert answer.usage is not None
    assert answer.usage.prompt_tokens_details is not None
    assert answer.usage.completion_tokens_details is not None
    assert answer.usage.prompt_tokens_details.cached_tokens == 1
    assert answer.usage.completion_tokens_details.reasoning_tokens == 8


async def test_several_choices_come_whole_and_streamed(home: House) -> None:
    whole = await home.sdk.chat.completions.create(model="gpt-5", messages=says("twice"), n=2)
    stream = await home.sdk.chat.completions.create(model="gpt-5", messages=says("twice"), n=2, stream=True)
    said = {0: "", 1: ""}
    async for chunk in stream:
        for choice in chunk.choices:
            said[choice.index] += choice.delta.content or ""

    assert [choice.message.content for choice in whole.choices] == ["You said: twice"] * 2
    assert said == {0: "You said: twice", 1: "You said: twice"}


async def test_pictures_in_a_prompt_arrive_as_they_were_sent(home: House) -> None:
    picture = "data:image/png;base64," + "iVBORw0KGgo" * 2000
    parts: Any = [{"type": "text", "text": "what is this?"}, {"type": "image_url", "image_url": {"url": picture}}]
    answer = await home.sdk.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": parts}])
    seen = home.simulator.requests[-1].json

    assert isinstance(seen, dict)
    assert seen["messages"] == [{"role": "user", "content": parts}]
    assert answer.choices[0].message.content == "You said: what is this?"


async def test_fields_that_the_sdk_does_not_know_pass_both_ways(home: House) -> None:
    raw = await home.sdk.chat.completions.with_raw_response.create(
        model="gpt-5", messages=says("hello"), extra_body={"vendor_wish": {"deep": [1]}}, extra_headers={"x-request-id": "mine-1"}
    )
    seen = home.simulator.requests[-1].json

    assert isinstance(seen, dict)
    assert seen["vendor_wish"] == {"deep": [1]}
    assert raw.headers["x-request-id"] == "mine-1"
    assert raw.parse().system_fingerprint == "fp_simulator"


async def test_a_refused_field_raises_bad_request_with_its_name(home: House) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await home.sdk.chat.completions.create(model="gpt-5", messages=says("hello"), temperature=7)
    assert refused.value.param == "temperature"

    with pytest.raises(openai.BadRequestError) as refused:
        await home.sdk.chat.completions.create(model="gpt-5", messages=[])
    assert (refused.value.param, refused.value.type) == ("messages", "invalid_request_error")


async def test_a_wrong_key_raises_authentication_error(home: House) -> None:
    with pytest.raises(openai.AuthenticationError) as refused:
        await home.sdk.with_options(api_key="sk-wrong").chat.completions.create(model="gpt-5", messages=says("hello"))

    assert refused.value.code == "invalid_api_key"


async def test_the_sdk_waits_and_tries_again_where_it_was_throttled(home: House) -> None:
    home.simulator.fault(Fault(status=429, retry_after=0.01), path="*/chat/completions")
    answer = await home.sdk.with_options(max_retries=2).chat.completions.create(model="gpt-5", messages=says("after all"))

    assert answer.choices[0].message.content == "You said: after all"


async def test_a_stream_that_dies_raises_and_never_looks_complete(home: House) -> None:
    stream = await home.sdk.chat.completions.create(model="gpt-5", messages=says('half [[sim:{"abort_after":3}]]'), stream=True)
    with pytest.raises(openai.APIError, match=r"broke off|Connection error"):
        assert "stop" not in [chunk.choices[0].finish_reason async for chunk in stream]


async def test_the_synchronous_sdk_does_all_of_it_too(home: House) -> None:
    def ask() -> tuple[Recipe | None, list[str], str]:
        with openai_sync(home) as sdk:
            parsed = sdk.chat.completions.parse(model="gpt-5", messages=says("a recipe"), response_format=Recipe)
            with sdk.chat.completions.stream(model="gpt-5", messages=says("call weather, clock"), tools=TOOLS) as stream:
                stream.until_done()
                calls = stream.get_final_completion().choices[0].message.tool_calls or []
            with sdk.chat.completions.with_streaming_response.create(model="gpt-5", messages=says("raw")) as raw:
                text = raw.parse().choices[0].message.content or ""
            return parsed.choices[0].message.parsed, [call.function.name for call in calls], text

    recipe, called, text = await asyncio.to_thread(ask)

    assert recipe == Recipe(title="title", steps=["steps"])
    assert called == ["weather", "clock"]
    assert text == "You said: raw"


async def test_the_legacy_completions_are_answered_whole_and_streamed(home: House) -> None:
    whole = await home.sdk.completions.create(model="gpt-5", prompt="good morning")
    listed = await home.sdk.completions.create(model="gpt-5", prompt=["one", "two"])
    stream = await home.sdk.completions.create(model="gpt-5", prompt="good morning", stream=True)
    pieces = [choice.text async for chunk in stream for choice in chunk.choices]

    assert whole.choices[0].text == "".join(pieces) == "You said: good morning"
    assert len(pieces) > 3
    assert [(choice.index, choice.text) for choice in listed.choices] == [(0, "You said: one"), (1, "You said: two")]
    assert whole.usage is not None
    assert whole.usage.total_tokens == 6


async def test_a_base_url_that_ends_in_a_slash_works(home: House) -> None:
    async with openai.AsyncOpenAI(base_url=f"{home.gateway.rest_url}//v1/", api_key=KEY, max_retries=0, timeout=20) as sdk:
        answer = await sdk.chat.completions.create(model="gpt-5", messages=says("slashes"))

    assert answer.choices[0].message.content == "You said: slashes"
