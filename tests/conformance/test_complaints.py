"""What users of such gateways complain about most, each as a test that it does not happen here; the dialects have their own."""

import asyncio
import base64
import io
import json
import random
import time
from typing import Final

import openai
import psutil
import pytest

from simulator.faults import Fault
from tests.conformance.openai_schema import documents
from tests.conformance.texts import CHAT, chat
from tests.wire.house import House

pytestmark = [
    pytest.mark.wire,
    pytest.mark.asyncio(loop_scope="module"),
    # The SDK says so at every call of `videos`; the shape lives on here.
    pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning"),
]

MIB: Final = 1 << 20


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
            body = {**chat("x" * 40_000, stream=number % 2 == 0), **wish}
            async with room, home.http.post(CHAT, json=body) as answer:
                await (answer.content.readany() if number % 3 == 0 else answer.content.read())

        await asyncio.gather(*(one(number) for number in range(calls)))

    await round_of(150)
    before = sum(part.memory_info().rss for part in parts)
    await round_of(500)
    after = sum(part.memory_info().rss for part in parts)

    # The prompts alone are 20 MB; what keeps anything of each call shows.
    assert after - before < 12 * MIB
    await home.simulator.wait_for(lambda: home.simulator.stats["open_requests"] == 0)


async def test_complaint_06_streams_and_cancelled_calls_are_counted_with_cached_and_reasoning_tokens(home: House) -> None:
    model = "o4-mini"
    body = {**chat("count every token", stream=True, reasoning_effort="high"), "model": model}
    async with home.http.post(CHAT, json={**body, "stream_options": {"include_usage": True}}) as answer:
        [told] = [chunk["usage"] for chunk in documents(await answer.read()) if chunk.get("usage")]
    async with home.http.post(
        CHAT, json={**chat("left", {"hold": "left", "hold_after": 3}, stream=True), "model": model}
    ) as answer:
        await home.simulator.wait_for(lambda: home.simulator.held("left") == 1)
        answer.close()

    async with asyncio.timeout(10):
        totals = {"calls": 0}
        while totals["calls"] < 2:
            async with home.http.get("/v1/usage", params={"model": model, "group_by": "status"}) as answer:
                assert answer.status == 200, await answer.text()
                totals = (await answer.json())["totals"]

    assert totals["calls"] == 2
    assert totals["prompt_tokens"] >= told["prompt_tokens"] > 0
    assert totals["completion_tokens"] >= told["completion_tokens"] > 0
    assert totals["cached_tokens"] >= told["prompt_tokens_details"]["cached_tokens"] > 0
    assert totals["reasoning_tokens"] >= told["completion_tokens_details"]["reasoning_tokens"] > 0


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
    [submitted] = home.simulator.submissions("/vendors/google/v1/veo/generation")
    done = await home.sdk.videos.poll(video.id, poll_interval_ms=50)
    polled = next(
        seen for seen in reversed(home.simulator.requests) if seen.task_id == submitted.task_id and seen.method == "GET"
    )
    content = await (await home.sdk.videos.download_content(video.id)).aread()

    assert (submitted.path, polled.path) == ("/vendors/google/v1/veo/generation", f"{submitted.path}/{submitted.task_id}")
    assert polled.headers["authorization"] == submitted.headers["authorization"]
    assert done.status == "completed"
    assert content[4:8] == b"ftyp"
    assert (await home.sdk.videos.retrieve(video.id)).model == video.model
    assert (await home.sdk.videos.delete(video.id)).deleted
    with pytest.raises(openai.NotFoundError):
        await home.sdk.videos.download_content(video.id)


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
    seen = next(seen for seen in reversed(home.simulator.requests) if seen.path == CHAT)

    assert told["choices"][0]["message"]["content"] == "You said: look"
    assert seen.length == len(body)
    # About a second where nothing else runs; copying piece upon piece takes much longer.
    assert took < 10
