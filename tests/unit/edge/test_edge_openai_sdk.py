"""The official openai SDK against the shim, unchanged but for its base URL."""

from collections.abc import AsyncGenerator
from typing import Any

import grpc
import openai
import pytest
from cli2api.v1 import catalog_pb2, job_pb2, media_pb2

from tests.unit.edge.scripted import (
    EVENTS,
    Core,
    a_job,
    a_made_job,
    asset_chunk,
    asset_head,
    chunk,
    fails,
    fails_streaming,
    head,
)

MESSAGES: Any = [{"role": "user", "content": "hi"}]


@pytest.fixture
async def sdk(url: str) -> AsyncGenerator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="key-1", timeout=20) as client:
        yield client


async def test_a_chat_answer(core: Core, sdk: openai.AsyncOpenAI) -> None:
    answer = b'{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"finish_reason":"stop",'
    core.answers["Relay"] = [
        head(content_type="application/json"),
        chunk(answer + b'"message":{"role":"assistant","content":"yo"}}]}'),
    ]

    made = await sdk.chat.completions.create(model="m", messages=MESSAGES)

    assert made.choices[0].message.content == "yo"
    assert core.metadata[-1]["authorization"] == "Bearer key-1"


async def test_a_stream_that_dies_raises_what_went_wrong(core: Core, sdk: openai.AsyncOpenAI) -> None:
    event = b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[]}\n\n'
    core.answers["Relay"] = fails_streaming(
        grpc.StatusCode.UNAVAILABLE, "UPSTREAM_UNAVAILABLE", "the upstream broke off", after=(EVENTS, chunk(event))
    )

    stream = await sdk.chat.completions.create(model="m", messages=MESSAGES, stream=True)

    assert (await anext(stream)).id == "c"
    with pytest.raises(openai.APIError, match="the upstream broke off"):
        await anext(stream)


async def test_a_failed_picture_is_asked_for_once(core: Core, sdk: openai.AsyncOpenAI) -> None:
    core.answers["GenerateImages"] = fails(grpc.StatusCode.ABORTED, "VENDOR_ERROR", "blocked", metadata={"vendor_code": "3005"})

    with pytest.raises(openai.InternalServerError, match="blocked") as caught:
        await sdk.images.generate(model="gpt-image-2", prompt="a mule")

    assert (caught.value.code, caught.value.type) == ("3005", "vendor_error")
    assert len(core.requests) == 1


async def test_a_throttled_picture_is_asked_for_again(core: Core, sdk: openai.AsyncOpenAI) -> None:
    throttled = fails(grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED", retry_after=1)

    async def generate(request: Any, context: Any) -> media_pb2.GenerateImagesResponse:
        if len(core.requests) == 1:
            await throttled(request, context)
        return media_pb2.GenerateImagesResponse(job=a_made_job("https://a.example/1"))

    core.answers["GenerateImages"] = generate

    made = await sdk.images.generate(model="gpt-image-2", prompt="a mule")

    assert made.data is not None
    assert made.data[0].url == "https://a.example/1"
    assert len(core.requests) == 2


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_create_and_poll_and_download(core: Core, sdk: openai.AsyncOpenAI) -> None:
    core.answers["CreateVideo"] = media_pb2.CreateVideoResponse(job=a_job())
    core.answers["GetJob"] = job_pb2.GetJobResponse(job=a_made_job())
    core.answers["DownloadAsset"] = [asset_head(4), asset_chunk(b"clip")]

    made = await sdk.videos.create_and_poll(
        prompt="a mule", seconds="4", input_reference=("in.png", b"\x89PNG", "image/png"), extra_body={"seed": 7}
    )
    content = await sdk.videos.download_content(made.id)

    assert made.status == "completed"
    assert content.content == b"clip"
    created = core.requests[0]
    assert (created.model, created.seconds, created.seed, created.first_frame.content) == ("sora-2", "4", 7, b"\x89PNG")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_pages_of_videos(core: Core, sdk: openai.AsyncOpenAI) -> None:
    async def page(request: Any, context: Any) -> job_pb2.ListJobsResponse:
        if request.after_id:
            return job_pb2.ListJobsResponse(jobs=[a_job(id="job_1")])
        return job_pb2.ListJobsResponse(jobs=[a_job(id="job_2")], next_page_token="more")

    core.answers["ListJobs"] = page

    assert [video.id async for video in sdk.videos.list(limit=1)] == ["job_2", "job_1"]


async def test_speech_and_models(core: Core, sdk: openai.AsyncOpenAI) -> None:
    core.answers["SynthesizeSpeech"] = [
        media_pb2.SynthesizeSpeechResponse(head=media_pb2.SpeechHead(job=a_made_job(), mime_type="audio/mpeg")),
        media_pb2.SynthesizeSpeechResponse(chunk=b"ID3"),
    ]
    core.answers["ListModels"] = catalog_pb2.ListModelsResponse(
        models=[catalog_pb2.Model(id="m", kind=catalog_pb2.MODEL_KIND_TEXT, vendor="v")]
    )
    core.answers["GetModel"] = catalog_pb2.GetModelResponse(model=catalog_pb2.Model(id="v/m", vendor="v"))

    spoken = await sdk.audio.speech.create(model="s", voice="Wise_Woman", input="hi")

    assert spoken.content == b"ID3"
    assert [model.id async for model in sdk.models.list()] == ["m"]
    assert (await sdk.models.retrieve("v/m")).owned_by == "v"
