"""Generated stubs get text, media and jobs through Envoy's gRPC listener."""

from collections.abc import AsyncGenerator
from pathlib import Path

import grpc
import pytest
import pytest_asyncio
from cli2api.v1 import catalog_pb2, job_pb2, media_pb2, text_pb2
from cli2api.v1.catalog_pb2_grpc import CatalogServiceStub
from cli2api.v1.job_pb2_grpc import JobServiceStub
from cli2api.v1.media_pb2_grpc import MediaServiceStub
from cli2api.v1.text_pb2_grpc import TextServiceStub
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from tests.wire.house import METADATA, House, house

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="home")
async def _home(module_path: Path) -> AsyncGenerator[House]:
    async with house(module_path) as home:
        yield home


def said(text: str) -> list[text_pb2.Message]:
    return [text_pb2.Message(role=text_pb2.ROLE_USER, parts=[text_pb2.Part(text=text)])]


async def test_text_is_generated_whole_and_in_pieces_that_fold_into_the_same(home: House) -> None:
    stub = TextServiceStub(home.channel)
    whole = await stub.Generate(text_pb2.GenerateRequest(model="gpt-5", messages=said("typed")), metadata=METADATA)
    call = stub.StreamGenerate(text_pb2.StreamGenerateRequest(model="gpt-5", messages=said("typed")), metadata=METADATA)
    events = [event async for event in call]

    assert whole.candidates[0].message.parts[0].text == "You said: typed"
    assert "".join(event.text.text for event in events) == "You said: typed"
    assert [events[0].WhichOneof("event"), events[-1].WhichOneof("event")] == ["started", "usage"]
    assert events[-1].usage.completion_tokens == whole.usage.completion_tokens


async def test_a_video_is_watched_to_its_end_and_downloaded(home: House) -> None:
    jobs = JobServiceStub(home.channel)
    request = media_pb2.CreateVideoRequest(model="wan2.6-t2v", prompt="a tide pool", request_id="once")
    made = await MediaServiceStub(home.channel).CreateVideo(request, metadata=METADATA)
    again = await MediaServiceStub(home.channel).CreateVideo(request, metadata=METADATA)
    seen = [change.job async for change in jobs.WatchJob(job_pb2.WatchJobRequest(id=made.job.id), metadata=METADATA)]
    pieces = [piece async for piece in jobs.DownloadAsset(job_pb2.DownloadAssetRequest(id=made.job.id), metadata=METADATA)]

    assert again.job.id == made.job.id
    assert len(home.simulator.submissions("/vendors/alibaba/v1/wan2.6-t2v/generation")) == 1
    assert seen[-1].state == job_pb2.JOB_STATE_SUCCEEDED
    assert [job.revision for job in seen] == sorted({job.revision for job in seen})
    assert [job.progress for job in seen] == sorted(job.progress for job in seen)
    assert pieces[0].head.mime_type == "video/mp4"
    assert b"".join(piece.chunk for piece in pieces)[4:8] == b"ftyp"


async def test_the_same_request_id_with_another_request_is_refused(home: House) -> None:
    media = MediaServiceStub(home.channel)
    first = media_pb2.CreateMusicRequest(model="music-2.0", prompt="a quiet song", lyrics="[Verse] la la la", request_id="song")
    other = media_pb2.CreateMusicRequest(model="music-2.0", prompt="a loud song!", lyrics="[Verse] la la la", request_id="song")
    await media.CreateMusic(first, metadata=METADATA)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await media.CreateMusic(other, metadata=METADATA)

    assert caught.value.code() == grpc.StatusCode.ALREADY_EXISTS
    assert reason_of(caught.value) == "IDEMPOTENCY_CONFLICT"


async def test_images_and_speech_are_waited_for_and_name_their_job_first(home: House) -> None:
    media = MediaServiceStub(home.channel)
    call = media.GenerateImages(media_pb2.GenerateImagesRequest(model="nano-banana", prompt="a fox"), metadata=METADATA)
    named = dict(await call.initial_metadata())["x-cli2api-job-id"]
    pictures = await call
    spoken = media.SynthesizeSpeech(
        media_pb2.SynthesizeSpeechRequest(model="speech-2.8-hd", prompt="good day", format="flac"), metadata=METADATA
    )
    pieces = [piece async for piece in spoken]

    assert pictures.job.id == named
    assert pictures.job.assets[0].url.startswith("http")
    assert pieces[0].head.mime_type == "audio/flac"
    assert b"".join(piece.chunk for piece in pieces).startswith(b"fLaC")


async def test_jobs_are_listed_in_pages_that_inserts_do_not_shift(home: House) -> None:
    jobs, media = JobServiceStub(home.channel), MediaServiceStub(home.channel)
    for take in range(3):
        await media.CreateVideo(media_pb2.CreateVideoRequest(model="veo-3.1", prompt=f"take {take}"), metadata=METADATA)
    wanted = [job_pb2.JOB_KIND_VIDEO]
    first = await jobs.ListJobs(job_pb2.ListJobsRequest(page_size=2, kinds=wanted), metadata=METADATA)
    await media.CreateVideo(media_pb2.CreateVideoRequest(model="veo-3.1", prompt="in between"), metadata=METADATA)
    second = await jobs.ListJobs(
        job_pb2.ListJobsRequest(page_size=2, kinds=wanted, page_token=first.next_page_token), metadata=METADATA
    )

    assert [job.prompt for job in first.jobs] == ["take 2", "take 1"]
    assert second.jobs[0].prompt == "take 0"


async def test_the_catalog_tells_the_parameters_of_a_model(home: House) -> None:
    catalog = CatalogServiceStub(home.channel)
    every = await catalog.ListModels(catalog_pb2.ListModelsRequest(), metadata=METADATA)
    one = await catalog.GetModel(catalog_pb2.GetModelRequest(id="nano-banana-pro"), metadata=METADATA)

    assert len(every.models) == 76
    assert '"aspect_ratio"' in one.model.parameters_json


async def test_without_a_key_every_service_refuses_by_name(home: House) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await JobServiceStub(home.channel).ListJobs(job_pb2.ListJobsRequest())

    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED
    assert reason_of(caught.value) == "INVALID_API_KEY"


async def test_a_wrong_field_is_named_before_anything_is_paid(home: House) -> None:
    before = len(home.simulator.submissions())
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await MediaServiceStub(home.channel).CreateVideo(
            media_pb2.CreateVideoRequest(model="veo-3.1", prompt="a fox", seconds="7"), metadata=METADATA
        )

    status = rpc_status.from_call(caught.value)
    bad = error_details_pb2.BadRequest()
    assert any(detail.Unpack(bad) for detail in status.details if detail.Is(bad.DESCRIPTOR))
    assert bad.field_violations[0].field == "seconds"
    assert "4, 6, 8" in bad.field_violations[0].description
    assert len(home.simulator.submissions()) == before


def reason_of(error: grpc.aio.AioRpcError) -> str:
    status = rpc_status.from_call(error)
    infos = [
        error_details_pb2.ErrorInfo.FromString(each.value)
        for each in status.details
        if each.Is(error_details_pb2.ErrorInfo.DESCRIPTOR)
    ]
    assert [info.domain for info in infos] == ["cli2api"]
    return str(infos[0].reason)
