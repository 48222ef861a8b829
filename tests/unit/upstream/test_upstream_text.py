"""Typed text over the wire: the three dialects against a simulated MuleRun, and what a broken upstream does to them."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

import aiohttp
import pytest

from services.domain.errors import (
    Failure,
    RateLimited,
    Unsupported,
    UpstreamCredentialRefused,
    UpstreamRefused,
    UpstreamUnavailable,
)
from services.domain.model import Operation, Route
from services.domain.text import (
    Answer,
    Conversation,
    Event,
    Finished,
    FinishReason,
    Message,
    Reasoning,
    ReasoningDelta,
    ResponseFormat,
    Role,
    Started,
    Text,
    TextDelta,
    TokenUsage,
    Tool,
    ToolCall,
    ToolCallDelta,
    ToolChoice,
    ToolResult,
)
from services.upstream.mulerun import MuleRun
from simulator.faults import Fault
from simulator.server import KEY, Simulator
from tests.hosts import HastyClock, Says, ScriptedCredentials, ScriptedHost

CHAT = Route(operation=Operation.CHAT_COMPLETIONS, path="/v1/chat/completions", model="gpt-5")
RESPONSES = Route(operation=Operation.RESPONSES, path="/vendors/openai/v1/responses", model="gpt-5")
MESSAGES = Route(operation=Operation.MESSAGES, path="/v1/messages", model="claude-sonnet-4-6")
ROUTES = pytest.mark.parametrize("route", [CHAT, RESPONSES, MESSAGES], ids=lambda route: route.operation)

WEATHER = Tool(
    name="weather", description="Tells the weather.", parameters='{"type":"object","properties":{"city":{"type":"string"}}}'
)
CLOCK = Tool(name="clock", parameters='{"type":"object","properties":{}}')


@pytest.fixture
async def simulator() -> AsyncGenerator[Simulator]:
    async with Simulator() as running:
        yield running


@pytest.fixture
def upstream(simulator: Simulator, session: aiohttp.ClientSession, clock: HastyClock) -> MuleRun:
    return MuleRun(session, simulator.url, ScriptedCredentials(KEY), clock)


def says(words: str, role: Role = Role.USER) -> Message:
    return Message(role=role, parts=(Text(words),))


def asked(*messages: Message, **fields: object) -> Conversation:
    return Conversation(model="m", messages=messages or (says("hello there, world"),), **fields)  # type: ignore[arg-type]


async def streamed(upstream: MuleRun, route: Route, conversation: Conversation) -> list[Event]:
    async with aclosing(upstream.stream(route, conversation)) as events:
        return [event async for event in events]


def folded(events: Iterable[Event]) -> tuple[str, str, list[tuple[bool, str, object]], FinishReason | None, TokenUsage | None]:
    """Text, reasoning, calls, reason and usage of a stream put together."""
    words, thoughts = "", ""
    calls: dict[int, list[str]] = defaultdict(lambda: ["", "", ""])
    reason, usage = None, None
    for event in events:
        match event:
            case TextDelta():
                words += event.text
            case ReasoningDelta():
                thoughts += event.text
            case ToolCallDelta():
                call = calls[event.tool_index]
                call[0], call[1], call[2] = call[0] + event.id, call[1] + event.name, call[2] + event.arguments
            case Finished():
                reason = event.finish_reason
            case TokenUsage():
                usage = event
            case _:
                continue
    return words, thoughts, [(bool(call[0]), call[1], json.loads(call[2])) for call in calls.values()], reason, usage


def whole(answer: Answer) -> tuple[str, str, list[tuple[bool, str, object]], FinishReason | None, TokenUsage | None]:
    """The same of a whole answer."""
    (candidate,) = answer.candidates
    parts = candidate.message.parts
    return (
        "".join(part.text for part in parts if isinstance(part, Text)),
        "".join(part.text for part in parts if isinstance(part, Reasoning)),
        [(bool(part.id), part.name, json.loads(part.arguments)) for part in parts if isinstance(part, ToolCall)],
        candidate.finish_reason,
        answer.usage,
    )


@ROUTES
@pytest.mark.parametrize(
    "conversation",
    [
        asked(says("Answer briefly.", Role.SYSTEM), says("hello there, world")),
        asked(effort="high", reasoning_summary="auto"),
        asked(max_output_tokens=16),
        asked(says("call weather and call clock"), tools=(WEATHER, CLOCK)),
        asked(says("call weather and call clock"), tools=(WEATHER, CLOCK), parallel_tool_calls=False),
        asked(tools=(WEATHER,), tool_choice=ToolChoice(name="weather")),
        asked(tools=(WEATHER,), tool_choice=ToolChoice(mode="required")),
        asked(says("call weather"), tools=(WEATHER,), tool_choice=ToolChoice(mode="none")),
        asked(response_format=ResponseFormat(name="reply", schema='{"type":"object","properties":{"a":{"type":"integer"}}}')),
        asked(
            says("call weather"),
            Message(role=Role.ASSISTANT, parts=(ToolCall(id="c1", name="weather", arguments='{"city":"Oslo"}'),)),
            Message(role=Role.TOOL, parts=(ToolResult(tool_call_id="c1", text="rain"),)),
            tools=(WEATHER,),
        ),
    ],
    ids=["plain", "thinks", "short", "parallel", "one-by-one", "named", "required", "none", "schema", "result"],
)
async def test_folding_the_stream_gives_the_whole_answer(upstream: MuleRun, route: Route, conversation: Conversation) -> None:
    answer = await upstream.generate(route, conversation)
    events = await streamed(upstream, route, conversation)
    assert folded(events) == whole(answer)
    assert isinstance(events[0], Started)
    assert (bool(events[0].id), events[0].model) == (bool(answer.id), answer.model) == (True, route.model)
    assert isinstance(events[-1], TokenUsage)


@ROUTES
async def test_a_plain_answer_has_words_reason_and_usage(upstream: MuleRun, route: Route) -> None:
    words, _, calls, reason, usage = whole(await upstream.generate(route, asked()))
    assert (words, calls, reason) == ("You said: hello there, world", [], FinishReason.STOP)
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens, usage.cached_tokens) == (3, 5, 8, 1)


@ROUTES
async def test_parallel_calls_keep_their_index_and_only_first_pieces_have_names(upstream: MuleRun, route: Route) -> None:
    conversation = asked(says('call weather {"city": "Oslo by the long fjord"} and call clock'), tools=(WEATHER, CLOCK))
    pieces = [event for event in await streamed(upstream, route, conversation) if isinstance(event, ToolCallDelta)]
    named = [(piece.tool_index, piece.name) for piece in pieces if piece.name or piece.id]
    assert named == [(0, "weather"), (1, "clock")]
    assert len([piece for piece in pieces if piece.tool_index == 0]) > 2


@ROUTES
async def test_a_stream_cut_into_single_bytes_is_the_same(upstream: MuleRun, simulator: Simulator, route: Route) -> None:
    expected = await streamed(upstream, route, asked(says("blåbær 🫐")))
    simulator.fault(Fault(split=1))
    assert await streamed(upstream, route, asked(says("blåbær 🫐"))) == expected


@ROUTES
async def test_a_stream_that_breaks_off_is_never_taken_for_an_answer(
    upstream: MuleRun, simulator: Simulator, route: Route
) -> None:
    simulator.fault(Fault(abort_after=4))
    with pytest.raises(UpstreamUnavailable, match="broke off"):
        await streamed(upstream, route, asked())


@ROUTES
async def test_throttling_keeps_its_name_and_its_wait(upstream: MuleRun, simulator: Simulator, route: Route) -> None:
    simulator.fault(Fault(status=429, retry_after=3), times=2)
    with pytest.raises(RateLimited) as caught:
        await upstream.generate(route, asked())
    assert caught.value.retry_after == 3.0
    with pytest.raises(RateLimited):
        await streamed(upstream, route, asked())


@ROUTES
async def test_a_refused_key_is_ours_to_mend(
    simulator: Simulator, session: aiohttp.ClientSession, clock: HastyClock, route: Route
) -> None:
    upstream = MuleRun(session, simulator.url, ScriptedCredentials("eyJnot-exchanged"), clock)
    with pytest.raises(UpstreamCredentialRefused, match="upstream HTTP 401"):
        await upstream.generate(route, asked())


@ROUTES
async def test_closing_the_stream_stops_the_upstream(upstream: MuleRun, simulator: Simulator, route: Route) -> None:
    simulator.fault(Fault(hold="the stream", hold_after=4))
    async with aclosing(upstream.stream(route, asked())) as events:
        assert isinstance(await anext(events), Started)
    await simulator.wait_for(lambda: simulator.requests[-1].aborted)


async def test_a_cancelled_call_stops_the_upstream(mulerun: MuleRun, host: ScriptedHost) -> None:
    host.say(host.hang)
    call = asyncio.create_task(mulerun.generate(CHAT, asked()))
    await host.reached.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await asyncio.wait_for(host.hung_up.wait(), 5)


async def test_an_error_event_in_the_midst_of_a_stream_is_raised(mulerun: MuleRun, host: ScriptedHost) -> None:
    chunk = b'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n'
    host.say(host.stream(chunk, b'data: {"error":{"message":"slow down","type":"rate_limit_error"}}\n\n'))
    async with aclosing(mulerun.stream(CHAT, asked())) as events:
        assert [await anext(events), await anext(events)] == [
            Started(id="c", model="m", created=None),
            TextDelta(index=0, text="Hi"),
        ]
        with pytest.raises(RateLimited, match="slow down"):
            await anext(events)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"choices":[]}', b'{"error":{"message":"m"}}', b"{" * 9])
@ROUTES
async def test_an_answer_that_is_none_is_named(mulerun: MuleRun, host: ScriptedHost, route: Route, body: bytes) -> None:
    host.say(Says(body=body))
    with pytest.raises(UpstreamUnavailable):
        await mulerun.generate(route, asked())


@pytest.mark.parametrize("status", [302, 400, 404, 422])
async def test_a_refusal_keeps_its_status(mulerun: MuleRun, host: ScriptedHost, status: int) -> None:
    host.say(Says({"error": {"message": "bad"}}, status=status, headers={"location": "http://elsewhere.test"}))
    with pytest.raises(UpstreamRefused, match="bad") as caught:
        await mulerun.generate(CHAT, asked())
    assert caught.value.metadata["upstream_status"] == str(status)


async def test_counting_tokens_is_no_conversation(mulerun: MuleRun) -> None:
    route = Route(operation=Operation.COUNT_TOKENS, path="/v1/messages/count_tokens", model="m")
    with pytest.raises(Unsupported, match="count_tokens does not answer a conversation"):
        await mulerun.generate(route, asked())
    with pytest.raises(Failure):
        await streamed(mulerun, route, asked())
