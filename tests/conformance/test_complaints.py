"""What users of such gateways complain about most, each as a test that it does not happen here. The numbers are for reference."""

import asyncio
import base64
import io
import json
import random
import time
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any, Final

import openai
import psutil
import pytest
import pytest_asyncio
from aiohttp import ClientResponse

from simulator.faults import Fault
from tests.conformance.clients import CLOCK, WEATHER
from tests.conformance.openai_schema import documents
from tests.wire.house import House, house

pytestmark = [
    pytest.mark.wire,
    pytest.mark.asyncio(loop_scope="module"),
    # The SDK says so at every call of `videos`; the shape lives on here.
    pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning"),
]

CHAT: Final = "/v1/chat/completions"
MIB: Final = 1 << 20
HEARTBEAT: Final = ": keep-alive\n\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="home")
async def _home(module_path: Path) -> AsyncGenerator[House]:
    async with house(module_path, CLI2API_HEARTBEAT="100ms") as home:
        yield home


def chat(prompt: str, fault: Mapping[str, object] | None = None, **wish: object) -> dict[str, Any]:
    """A chat body whose upstream call meets the fault."""
    magic = f" [[sim:{json.dumps(fault)}]]" if fault else ""
    return {"model": "gpt-5", "messages": [{"role": "user", "content": prompt + magic}], **wish}


async def next_event(answer: ClientResponse) -> str:
    """One event, or a comment that stands alone."""
    return (await answer.content.readuntil(b"\n\n")).decode()


async def test_complaint_01_a_silent_stream_is_kept_alive(home: House) -> None:
    async with home.http.post(CHAT, json=chat("slowly", {"hold": "middle", "hold_after": 2}, stream=True)) as answer:
        heard = [await next_event(answer) for _ in range(4)]
        home.simulator.release("middle")
        heard += [(await answer.content.read()).decode()]

    assert heard[2:4] == [HEARTBEAT, HEARTBEAT]
    assert (
        "".join(piece["choices"][0]["delta"].get("content", "") for piece in documents("".join(heard).encode()))
        == "You said: slowly"
    )


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole answer"])
async def test_complaint_02_who_hangs_up_before_the_first_byte_stops_the_upstream_call(home: House, stream: bool) -> None:
    asking = asyncio.create_task(home.http.post(CHAT, json=chat("never", {"hold": "never"}, stream=stream)))
    await home.simulator.wait_for(lambda: home.simulator.held("never") == 1)
    seen = home.simulator.requests[-1]

    asking.cancel()

    await home.simulator.wait_for(lambda: seen.finished, timeout_s=1)
    assert seen.aborted
    await asyncio.gather(asking, return_exceptions=True)


async def test_complaint_02_who_hangs_up_in_mid_stream_stops_the_upstream_call(home: House) -> None:
    fault = {"hold": "never again", "hold_after": 2}
    stream = await home.sdk.chat.completions.create(**chat("never", fault, stream=True))
    async with stream:
        await anext(stream)
        await home.simulator.wait_for(lambda: home.simulator.held("never again") == 1)
        seen = home.simulator.requests[-1]

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


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole answer"])
@pytest.mark.parametrize(
    ("upstream", "here"),
    [
        (400, 400),
        (402, 402),
        (404, 404),
        (413, 413),
        (422, 422),
        (429, 429),
        (500, 500),
        (503, 503),
        (529, 529),
        (401, 502),
        (403, 502),
    ],
)
async def test_complaint_04_an_error_keeps_its_status(home: House, upstream: int, here: int, stream: bool) -> None:
    async with home.http.post(CHAT, json=chat("x", {"status": upstream, "retry_after": 3}, stream=stream)) as answer:
        assert answer.status == here
        assert answer.headers.get("retry-after") == ("3" if here == upstream else None)
        error = (await answer.json())["error"]
    assert here == upstream or f"upstream HTTP {upstream}" in error["message"]


MEDIA: Final = {
    "/v1/images/generations": {"model": "nano-banana", "prompt": "a fox"},
    "/v1/audio/speech": {"model": "speech-2.8-hd", "input": "good day", "voice": "Wise_Woman"},
    "/v1/videos": {"model": "sora-2", "prompt": "a fox"},
}


@pytest.mark.parametrize(("status", "kind"), [(429, "rate_limit_error"), (402, "insufficient_quota")])
@pytest.mark.parametrize("path", MEDIA)
async def test_complaint_04_a_refused_submission_keeps_its_status(home: House, path: str, status: int, kind: str) -> None:
    home.simulator.fault(Fault(status=status, retry_after=3), path="/vendors/*", method="POST", times=None)
    try:
        async with home.http.post(path, json=MEDIA[path]) as answer:
            error = (await answer.json())["error"]
    finally:
        home.simulator.clear_faults()

    assert (answer.status, error["type"]) == (status, kind)
    assert answer.headers.get("retry-after") == ("3" if status == 429 else None)


async def test_complaint_05_memory_stays_flat(home: House) -> None:
    parts = [psutil.Process(home.gateway.pids[name]) for name in ("core", "edge", "envoy")]

    async def round_of(calls: int) -> None:
        """Streams that end, streams that are left, whole answers and refusals, eight at a time."""
        room = asyncio.Semaphore(8)

        async def one(number: int) -> None:
            wish = {"temperature": 9} if number % 5 == 0 else {}
            body = {**chat("x" * 20_000, stream=number % 2 == 0), **wish}
            async with room, home.http.post(CHAT, json=body) as answer:
                await (answer.content.readany() if number % 3 == 0 else answer.content.read())

        await asyncio.gather(*(one(number) for number in range(calls)))

    await round_of(300)
    before = sum(part.memory_info().rss for part in parts)
    await round_of(900)
    after = sum(part.memory_info().rss for part in parts)

    # The prompts alone are 18 MB; what keeps anything of each call shows.
    assert after - before < 12 * MIB
    await home.simulator.wait_for(lambda: home.simulator.stats["open_requests"] == 0)


async def test_complaint_07_many_jobs_finish_together(home: House) -> None:
    pace = '[[sim:{"task":{"pace":"hand"}}]]'
    room = asyncio.Semaphore(25)

    async def start(number: int) -> str:
        async with room:
            return (await home.sdk.videos.create(model="sora-2", prompt=f"take {number} {pace}")).id

    started = await asyncio.gather(*(start(number) for number in range(100)))
    assert len(set(started)) == 100
    home.simulator.complete()
    async with asyncio.timeout(10):
        done: set[str] = set()
        while not done >= set(started):
            listed = [video async for video in home.sdk.videos.list(limit=100)]
            done = {video.id for video in listed if video.status == "completed"}

    last_polls = {seen.task_id: seen.time for seen in home.simulator.requests if seen.method == "GET" and seen.task_id}
    ours = [last_polls[task.id] for task in home.simulator.tasks if task.id in last_polls][-100:]
    assert len(ours) == 100
    # Twice the longest interval of this house's polls, 200 ms, and room for a slow machine.
    assert max(ours) - min(ours) < 1.0


async def test_complaint_08_what_follows_on_a_clip_uses_the_model_and_the_credential_that_made_it(home: House) -> None:
    video = await home.sdk.videos.create(model="google/veo3", prompt="a tide pool")
    submitted = home.simulator.requests[-1]
    done = await home.sdk.videos.poll(video.id, poll_interval_ms=50)
    polled = next(seen for seen in reversed(home.simulator.requests) if seen.task_id == submitted.task_id)
    content = await (await home.sdk.videos.download_content(video.id)).aread()

    assert (submitted.path, polled.path) == ("/vendors/google/v1/veo/generation", f"{submitted.path}/{submitted.task_id}")
    assert polled.headers["authorization"] == submitted.headers["authorization"]
    assert done.status == "completed"
    assert content[4:8] == b"ftyp"
    assert (await home.sdk.videos.retrieve(video.id)).model == video.model
    assert (await home.sdk.videos.delete(video.id)).deleted
    with pytest.raises(openai.NotFoundError):
        await home.sdk.videos.download_content(video.id)


@pytest.mark.parametrize("split", [1, 2, 5])
async def test_complaint_09_an_event_may_be_split_anywhere(home: House, split: int) -> None:
    body = chat("Grüße, 世界 🌍", {"split": split}, stream=True, stream_options={"include_usage": True})
    chunks = [chunk async for chunk in await home.sdk.chat.completions.create(**body)]

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "You said: Grüße, 世界 🌍"
    assert chunks[-1].usage is not None


async def test_complaint_10_a_body_of_50_megabytes_passes_whole_and_soon(home: House) -> None:
    noise = random.Random(10)
    pictures = [base64.b64encode(noise.randbytes(15 * MIB // 2)).decode() for _ in range(5)]
    parts = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}} for picture in pictures]
    body = json.dumps(
        {"model": "gpt-5", "messages": [{"role": "user", "content": [{"type": "text", "text": "look"}, *parts]}]}
    ).encode()
    assert 50 * MIB <= len(body) < 51 * MIB

    began = time.monotonic()
    async with home.http.post(CHAT, data=io.BytesIO(body), headers={"content-type": "application/json"}) as answer:
        told = await answer.json()
    took = time.monotonic() - began
    seen = home.simulator.requests[-1]

    assert told["choices"][0]["message"]["content"] == "You said: look"
    assert seen.length == len(body)
    # About a second where nothing else runs; copying piece upon piece takes much longer.
    assert took < 10
