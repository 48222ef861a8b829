"""Deadlines, callers that leave and callers that read slowly, for each method that streams and for those that wait."""

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc.aio
import psutil
import pytest
import pytest_asyncio
from cli2api.v1 import job_pb2, job_pb2_grpc, media_pb2, media_pb2_grpc, text_pb2, text_pb2_grpc

from cli.readiness import until
from simulator.faults import Fault
from simulator.options import ByHand, Options
from tests.core import World, fails, world
from tests.wire import front
from tests.wire.front import Front
from tests.wire.house import METADATA, House, house

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

SAID = [text_pb2.Message(role=text_pb2.ROLE_USER, parts=[text_pb2.Part(text="one two three four five")])]
RELAYED = text_pb2.RelayRequest(
    operation=text_pb2.RELAY_OPERATION_CHAT_COMPLETIONS,
    model="gpt-5",
    body=b'{"model": "gpt-5", "stream": true, "messages": [{"role": "user", "content": "one two three"}]}',
)


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="gate")
async def _gate(module_path: Path) -> AsyncGenerator[Front]:
    folder = module_path / "gate"
    folder.mkdir(mode=0o700)
    async with front.envoy(folder) as gate:
        yield gate


@pytest_asyncio.fixture(loop_scope="module", name="core")
async def _core(gate: Front, tmp_path: Path) -> AsyncGenerator[World]:
    """A core of one's own, reached through Envoy."""
    settings = {"CLI2API_CORE_LISTEN": f"unix:{gate.folder}/core.sock", "CLI2API_ASSET_STORE": "off"}
    async with (
        world(tmp_path, Options(pace=ByHand()), **settings) as core,
        grpc.aio.insecure_channel(gate.grpc_target) as channel,
    ):
        yield replace(core, channel=channel)


async def clip(core: World) -> str:
    return str((await core.media.CreateVideo(media_pb2.CreateVideoRequest(model="sora-2", prompt="a fox"))).job.id)


async def finished_clip(core: World) -> str:
    job = await clip(core)
    core.upstream.complete()
    await core.jobs.WaitJob(job_pb2.WaitJobRequest(id=job), timeout=10)
    return job


async def begun(core: World, method: str, **kwargs: Any) -> Any:
    """A call that hangs, upstream or in us, after what it has sent so far."""
    if method == "WatchJob":
        return core.jobs.WatchJob(job_pb2.WatchJobRequest(id=await clip(core)), **kwargs)
    if method == "SynthesizeSpeech":
        return core.media.SynthesizeSpeech(media_pb2.SynthesizeSpeechRequest(model="speech-2.8-hd", prompt="hi"), **kwargs)
    if method == "DownloadAsset":
        job = await finished_clip(core)
        core.upstream.fault(Fault(hold="never"), path="/assets/*")
        return core.jobs.DownloadAsset(job_pb2.DownloadAssetRequest(id=job), **kwargs)
    core.upstream.fault(Fault(hold="never", hold_after=2) if method != "Generate" else Fault(hold="never"))
    if method == "Relay":
        return core.text.Relay(RELAYED, **kwargs)
    if method == "Generate":
        return core.text.Generate(text_pb2.GenerateRequest(model="gpt-5", messages=SAID), **kwargs)
    return core.text.StreamGenerate(text_pb2.StreamGenerateRequest(model="gpt-5", messages=SAID), **kwargs)


STREAMING = ("StreamGenerate", "Relay", "WatchJob", "DownloadAsset", "SynthesizeSpeech")


@pytest.mark.parametrize("method", ["Generate", *STREAMING])
async def test_a_deadline_is_told_with_its_reason(core: World, method: str) -> None:
    told = await fails(await begun(core, method, timeout=1))
    assert (told.code, told.info.reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")
    assert told.trailing["x-request-id"]


@pytest.mark.parametrize("method", ["Generate", "StreamGenerate", "Relay", "DownloadAsset"])
async def test_a_deadline_stops_the_upstream_too(core: World, method: str) -> None:
    await fails(await begun(core, method, timeout=1))
    await core.upstream.wait_for(lambda: core.upstream.requests[-1].aborted, timeout_s=1)


@pytest.mark.parametrize("method", ["Generate", "StreamGenerate", "Relay", "DownloadAsset"])
async def test_a_caller_that_leaves_stops_the_upstream_within_a_second(core: World, method: str) -> None:
    call = await begun(core, method)
    reading = asyncio.ensure_future(read_some(call))
    await core.upstream.wait_for(lambda: core.upstream.held("never") == 1)
    call.cancel()
    await core.upstream.wait_for(lambda: core.upstream.requests[-1].aborted, timeout_s=1)
    await asyncio.wait({reading})
    assert reading.cancelled() or isinstance(reading.exception(), grpc.aio.AioRpcError)


@pytest.mark.parametrize("method", ["WatchJob", "SynthesizeSpeech"])
async def test_a_caller_that_leaves_a_job_stops_nothing_that_was_paid_for(core: World, method: str) -> None:
    call = await begun(core, method)
    await (call.read() if method == "WatchJob" else call.initial_metadata())
    call.cancel()
    (job,) = (await core.jobs.ListJobs(job_pb2.ListJobsRequest())).jobs
    core.upstream.complete()
    done = await core.jobs.WaitJob(job_pb2.WaitJobRequest(id=job.id), timeout=10)
    assert done.job.state == job_pb2.JOB_STATE_SUCCEEDED


async def test_a_caller_that_leaves_in_the_middle_of_the_sound_stops_its_download(core: World) -> None:
    core.upstream.fault(Fault(hold="never"), path="/assets/*")
    call = core.media.SynthesizeSpeech(media_pb2.SynthesizeSpeechRequest(model="speech-2.8-hd", prompt="hi"))
    await call.initial_metadata()
    core.upstream.complete()
    await core.upstream.wait_for(lambda: core.upstream.held("never") == 1)
    call.cancel()
    await core.upstream.wait_for(lambda: core.upstream.requests[-1].aborted, timeout_s=1)


async def read_some(call: Any) -> None:
    if hasattr(call, "__aiter__"):
        async for _ in call:
            pass
    else:
        await call


MUCH = 64 << 20
ROOM = 24 << 20
"""What a call may hold of that, with all that lies on the line between upstream, core and caller."""


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="home")
async def _home(module_path: Path) -> AsyncGenerator[House]:
    async with house(module_path, CLI2API_ASSET_STORE="off", CLI2API_ASSET_ALLOW_PRIVATE="1") as home:
        yield home


async def long_answer(home: House, channel: grpc.aio.Channel, method: str) -> Any:
    """A call whose answer has about so many bytes."""
    events = {"content-type": "text/event-stream"}
    text: text_pb2_grpc.TextServiceAsyncStub = text_pb2_grpc.TextServiceStub(channel)
    if method in {"Relay", "StreamGenerate"}:
        delta = {"index": 0, "delta": {"content": "x" * 8000}}
        event = f"data: {json.dumps({'id': 'c', 'object': 'chat.completion.chunk', 'model': 'gpt-5', 'choices': [delta]})}\n\n"
        body = event * (MUCH // len(event)) + "data: [DONE]\n\n"
        home.simulator.fault(Fault(status=200, headers=events, body=body), method="POST")
        asked = text_pb2.StreamGenerateRequest(model="gpt-5", messages=SAID)
        return text.Relay(RELAYED, metadata=METADATA) if method == "Relay" else text.StreamGenerate(asked, metadata=METADATA)
    media: media_pb2_grpc.MediaServiceAsyncStub = media_pb2_grpc.MediaServiceStub(channel)
    home.simulator.fault(
        Fault(status=200, headers={"content-type": "video/mp4"}, body="x" * MUCH), path="/assets/*", method="GET"
    )
    if method == "SynthesizeSpeech":
        return media.SynthesizeSpeech(media_pb2.SynthesizeSpeechRequest(model="speech-2.8-hd", prompt="hi"), metadata=METADATA)
    jobs: job_pb2_grpc.JobServiceAsyncStub = job_pb2_grpc.JobServiceStub(channel)
    made = await media.CreateVideo(media_pb2.CreateVideoRequest(model="sora-2", prompt="a fox"), metadata=METADATA)
    await jobs.WaitJob(job_pb2.WaitJobRequest(id=made.job.id), metadata=METADATA, timeout=20)
    return jobs.DownloadAsset(job_pb2.DownloadAssetRequest(id=made.job.id), metadata=METADATA)


@pytest.mark.parametrize("method", ["StreamGenerate", "Relay", "DownloadAsset", "SynthesizeSpeech"])
async def test_a_slow_reader_does_not_grow_the_cores_memory(home: House, module_path: Path, method: str) -> None:
    core = psutil.Process(home.gateway.pids["core"])
    async with grpc.aio.insecure_channel(f"unix:{module_path}/run/core.sock") as channel:
        call = await long_answer(home, channel, method)
        before, seen = core.memory_info().rss, []
        pieces = aiter(call)
        await anext(pieces)

        async def has_been_watched() -> bool:
            seen.append(core.memory_info().rss)
            return len(seen) == 30

        async with asyncio.timeout(20):
            await until(has_been_watched)
        got = 0
        async for each in pieces:
            got += len(each.chunk) if method != "StreamGenerate" else len(each.text.text)
    assert got > MUCH * 0.9
    assert max(seen) - before < ROOM


async def test_a_slow_watcher_is_given_the_end_and_not_every_step(home: House) -> None:
    media: media_pb2_grpc.MediaServiceAsyncStub = media_pb2_grpc.MediaServiceStub(home.channel)
    jobs: job_pb2_grpc.JobServiceAsyncStub = job_pb2_grpc.JobServiceStub(home.channel)
    made = await media.CreateVideo(media_pb2.CreateVideoRequest(model="sora-2", prompt="a fox"), metadata=METADATA)
    watch = jobs.WatchJob(job_pb2.WatchJobRequest(id=made.job.id), metadata=METADATA)
    changes = aiter(watch)
    await anext(changes)
    await jobs.WaitJob(job_pb2.WaitJobRequest(id=made.job.id), metadata=METADATA, timeout=20)
    rest = [change.job async for change in changes]
    assert rest[-1].state == job_pb2.JOB_STATE_SUCCEEDED
    assert [job.revision for job in rest] == sorted({job.revision for job in rest})
