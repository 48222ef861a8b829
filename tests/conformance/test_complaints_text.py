"""What users of such gateways complain about most in text calls, each as a test that it does not happen here."""

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import ClientResponse, ClientSession

from tests.conformance.clients import CLOCK, WEATHER
from tests.conformance.openai_schema import documents
from tests.conformance.texts import TEXTS, VERSION, Text, chat, pieces_of
from tests.wire.house import KEY, House, house

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]
every_text = pytest.mark.parametrize("case", TEXTS.values(), ids=TEXTS.keys())


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="home")
async def _home(module_path: Path) -> AsyncGenerator[House]:
    async with house(module_path, CLI2API_HEARTBEAT="100ms", CLI2API_TEXT_PATH="relay") as home:
        yield home


async def next_event(answer: ClientResponse) -> str:
    """One event, or a comment that stands alone."""
    async with asyncio.timeout(5):
        return (await answer.content.readuntil(b"\n\n")).decode()


@every_text
async def test_complaint_01_a_silent_stream_is_kept_alive_before_its_first_byte_and_later(home: House, case: Text) -> None:
    for fault in ({"hold": "silence"}, {"hold": "silence", "hold_after": 4}):
        async with home.http.post(case.path, json=case.body("slowly", fault, stream=True), headers=VERSION) as answer:
            heard = ""
            while heard.count(case.heartbeat) < 3:
                heard += await next_event(answer)
            await home.simulator.wait_for(lambda: home.simulator.held("silence") == 1)
            home.simulator.release("silence")
            heard += (await answer.content.read()).decode()

        assert answer.status == 200
        assert "slowly" in heard
        assert case.last in heard


@every_text
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole answer"])
async def test_complaint_02_who_hangs_up_before_the_first_byte_stops_the_upstream_call(
    home: House, case: Text, stream: bool
) -> None:
    body = case.body("never", {"hold": "never"}, stream=stream)
    async with ClientSession(home.gateway.rest_url, headers={"x-api-key": KEY, **VERSION}) as leaving:
        asking = asyncio.create_task(leaving.post(case.path, json=body))
        await home.simulator.wait_for(lambda: home.simulator.held("never") == 1)
        seen = home.simulator.requests[-1]
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)

    await home.simulator.wait_for(lambda: seen.finished, timeout_s=1)
    assert seen.aborted


@every_text
async def test_complaint_02_who_hangs_up_in_mid_stream_stops_the_upstream_call(home: House, case: Text) -> None:
    body = case.body("never", {"hold": "never again", "hold_after": 4}, stream=True)
    async with home.http.post(case.path, json=body, headers=VERSION) as answer:
        await next_event(answer)
        await home.simulator.wait_for(lambda: home.simulator.held("never again") == 1)
        seen = home.simulator.requests[-1]
        answer.close()

    await home.simulator.wait_for(lambda: seen.finished, timeout_s=1)
    assert seen.aborted


async def test_complaint_03_parallel_tool_calls_keep_index_and_id_and_come_in_pieces_at_once(home: House) -> None:
    tools = [
        {"type": "function", "function": {"name": name, "parameters": schema}}
        for name, schema in (("weather", WEATHER), ("clock", CLOCK))
    ]
    body = chat("call weather, clock and weather", {"hold": "arguments", "hold_after": 3}, stream=True, tools=tools)
    stream = await home.sdk.chat.completions.create(**body)
    async with stream:
        early = [await anext(stream) for _ in range(3)]
        await home.simulator.wait_for(lambda: home.simulator.held("arguments") == 1)
        home.simulator.release("arguments")
        chunks = [*early, *[chunk async for chunk in stream]]

    pieces = [piece for chunk in chunks for choice in chunk.choices for piece in choice.delta.tool_calls or []]
    opened = {piece.index: piece for piece in pieces if piece.id}
    written = {
        index: "".join(piece.function.arguments or "" for piece in pieces if piece.index == index and piece.function)
        for index in opened
    }
    assert early[2].choices[0].delta.tool_calls is not None
    assert early[2].choices[0].delta.tool_calls[0].function is not None
    assert early[2].choices[0].delta.tool_calls[0].function.arguments == '{"city":'
    assert [piece.function.name for piece in opened.values() if piece.function] == ["weather", "clock", "weather"]
    assert len({piece.id for piece in opened.values()}) == 3
    assert {index: json.loads(text) for index, text in written.items()} == {
        0: {"city": "Lisbon", "days": 3},
        1: {"zone": "UTC"},
        2: {"city": "Lisbon", "days": 3},
    }


@every_text
async def test_complaint_09_an_event_may_be_split_anywhere(home: House, case: Text) -> None:
    said = []
    for fault in (None, {"split": 1}, {"split": 5}):
        body = case.body("Grüße, 世界 🌍", fault, stream=True)
        async with home.http.post(case.path, json=body, headers=VERSION) as answer:
            raw = await answer.read()
        deltas = [text for event in documents(raw) for text in pieces_of(event)]
        said.append("".join(deltas))

    assert said == ["You said: Grüße, 世界 🌍"] * 3
