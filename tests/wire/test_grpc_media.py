"""Pictures, speech, clips and songs through the generated stubs, against a simulated MuleRun."""

import asyncio
import struct
from collections.abc import AsyncGenerator
from pathlib import Path

import grpc
import pytest
from cli2api.v1 import job_pb2, media_pb2
from google.protobuf.struct_pb2 import Struct
from google.rpc import error_details_pb2

from simulator.faults import Fault, Reset, TaskScript
from simulator.options import ByHand, Options
from tests.core import World, everything, fails, world

GENERATE = "/cli2api.v1.MediaService/GenerateImages"
FOX = media_pb2.GenerateImagesRequest(model="gpt-image-2", prompt="a fox")
PNG = bytes.fromhex("89504e470d0a1a0a") + b"rest"


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncGenerator[World, None]:
    async with world(tmp_path) as made:
        yield made


@pytest.fixture
async def patient(tmp_path: Path) -> AsyncGenerator[World, None]:
    """Tasks end when the test says so."""
    async with world(tmp_path, Options(pace=ByHand())) as made:
        yield made


def extra(**values: str | float | bool) -> Struct:
    struct = Struct()
    struct.update(values)
    return struct


async def test_pictures_are_waited_for(gateway: World) -> None:
    call = gateway.media.GenerateImages(
        media_pb2.GenerateImagesRequest(model="gpt-image-2", prompt="a fox", size="1024x1024", quality="high", n=2)
    )
    job = (await call).job
    assert job.state == job_pb2.JOB_STATE_SUCCEEDED
    assert (job.kind, job.model, job.prompt, job.size, job.progress) == (
        job_pb2.JOB_KIND_IMAGE,
        "gpt-image-2",
        "a fox",
        "1024x1024",
        100,
    )
    assert [asset.kind for asset in job.assets] == [job_pb2.ASSET_KIND_IMAGE] * 2
    assert await gateway.job_id(call) == job.id
    sent = gateway.paid()
    assert (sent["prompt"], sent["n"], sent["quality"]) == ("a fox", 2, "high")


async def test_the_job_s_id_is_told_before_the_picture_is_there(patient: World) -> None:
    call = patient.waited(GENERATE, FOX, media_pb2.GenerateImagesResponse)
    job_id = await patient.job_id(call)
    standing = (await patient.jobs.GetJob(job_pb2.GetJobRequest(id=job_id))).job
    assert standing.state in {job_pb2.JOB_STATE_QUEUED, job_pb2.JOB_STATE_RUNNING}
    patient.upstream.complete()
    assert [each.job.id for each in await everything(call)] == [job_id]


async def test_a_background_call_answers_as_soon_as_the_job_exists(patient: World) -> None:
    request = media_pb2.GenerateImagesRequest(model="gpt-image-2", prompt="a fox", background=True)
    assert (await patient.media.GenerateImages(request)).job.state == job_pb2.JOB_STATE_QUEUED


async def test_a_deadline_names_the_job_that_goes_on(patient: World) -> None:
    told = await fails(patient.media.GenerateImages(FOX, timeout=1))
    assert (told.code, told.info.reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")
    job_id = told.info.metadata["job_id"]
    assert job_id in told.message
    patient.upstream.complete()
    job = (await patient.jobs.WaitJob(job_pb2.WaitJobRequest(id=job_id))).job
    assert job.state == job_pb2.JOB_STATE_SUCCEEDED


async def test_a_caller_that_leaves_loses_nothing(patient: World) -> None:
    call = patient.waited(GENERATE, FOX, media_pb2.GenerateImagesResponse)
    job_id = await patient.job_id(call)
    call.cancel()
    patient.upstream.complete()
    job = (await patient.jobs.WaitJob(job_pb2.WaitJobRequest(id=job_id))).job
    assert job.state == job_pb2.JOB_STATE_SUCCEEDED
    assert len(patient.upstream.submissions()) == 1


async def test_one_request_id_is_paid_for_once(gateway: World) -> None:
    request = media_pb2.GenerateImagesRequest(model="gpt-image-2", prompt="a fox", request_id="order-1")
    first, second = await asyncio.gather(*(gateway.media.GenerateImages(request) for _ in range(2)))
    assert first.job.id == second.job.id
    assert first.job.request_id == "order-1"
    assert len(gateway.upstream.submissions()) == 1
    request.prompt = "a wolf"
    told = await fails(gateway.media.GenerateImages(request))
    assert (told.code, told.info.reason) == (grpc.StatusCode.ALREADY_EXISTS, "IDEMPOTENCY_CONFLICT")


async def test_everything_wrong_with_a_request_is_named_before_anything_is_paid(gateway: World) -> None:
    request = media_pb2.GenerateImagesRequest(
        model="gpt-image-2", size="7x9", quality="splendid", n=99, request_id="x" * 256, extra=extra(prompt="hidden")
    )
    told = await fails(gateway.media.GenerateImages(request))
    assert told.code is grpc.StatusCode.INVALID_ARGUMENT
    fields = {each.field for each in told.detail(error_details_pb2.BadRequest).field_violations}
    assert {"prompt", "size", "quality", "n", "request_id"} <= fields
    assert gateway.upstream.requests == ()


async def test_a_misspelt_parameter_is_refused_with_what_was_meant_before_anything_is_paid(gateway: World) -> None:
    request = media_pb2.GenerateImagesRequest(model="gpt-image-2", prompt="a fox", extra=extra(sise="1024x1024"))
    told = await fails(gateway.media.GenerateImages(request))
    (wrong,) = told.detail(error_details_pb2.BadRequest).field_violations
    assert (told.code, wrong.field) == (grpc.StatusCode.INVALID_ARGUMENT, "extra.sise")
    assert wrong.description == "is no parameter of gpt-image-2; did you mean size?"
    assert gateway.upstream.requests == ()


async def test_edits_take_the_name_of_the_model_that_makes_pictures(gateway: World) -> None:
    link = media_pb2.MediaInput(url="https://files.example/cat.png")
    answer = await gateway.media.EditImages(media_pb2.EditImagesRequest(model="gpt-image-2", prompt="a hat", images=[link]))
    assert (answer.job.model, gateway.paid()["images"]) == ("gpt-image-2-edit", ["https://files.example/cat.png"])


async def test_a_missing_model_is_named(gateway: World) -> None:
    told = await fails(gateway.media.GenerateImages(media_pb2.GenerateImagesRequest(prompt="a fox")))
    assert (told.code, told.message) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "model: is required; the catalog lists those there are",
    )


async def test_an_unknown_model_is_told_with_the_nearest_names(gateway: World) -> None:
    told = await fails(gateway.media.GenerateImages(media_pb2.GenerateImagesRequest(model="gpt-image-1", prompt="a fox")))
    assert (told.code, told.info.reason) == (grpc.StatusCode.NOT_FOUND, "MODEL_NOT_FOUND")
    assert "gpt-image-2" in told.message


async def test_a_model_of_another_kind_says_who_serves_it(gateway: World) -> None:
    told = await fails(gateway.media.GenerateImages(media_pb2.GenerateImagesRequest(model="music-2.5", prompt="a fox")))
    assert (told.code, told.info.reason) == (grpc.StatusCode.NOT_FOUND, "MODEL_NOT_FOUND")
    assert "CreateMusic" in told.message


async def test_a_failed_task_is_the_vendor_s_failure(gateway: World) -> None:
    gateway.upstream.fault(Fault(task=TaskScript(fail=3005)), method="POST")
    told = await fails(gateway.media.GenerateImages(FOX))
    assert (told.code, told.info.reason) == (grpc.StatusCode.ABORTED, "VENDOR_ERROR")
    assert told.info.metadata["vendor_code"] == "3005"
    job = (await gateway.jobs.GetJob(job_pb2.GetJobRequest(id=told.info.metadata["job_id"]))).job
    assert (job.state, job.failure.reason, job.failure.vendor_code) == (job_pb2.JOB_STATE_FAILED, "VENDOR_ERROR", "3005")


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (400, grpc.StatusCode.INVALID_ARGUMENT, "UPSTREAM_REFUSED"),
        (401, grpc.StatusCode.FAILED_PRECONDITION, "UPSTREAM_CREDENTIAL"),
        (402, grpc.StatusCode.RESOURCE_EXHAUSTED, "BILLING"),
        (429, grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED"),
    ],
)
async def test_a_refused_submission_keeps_its_reason(gateway: World, status: int, code: grpc.StatusCode, reason: str) -> None:
    gateway.upstream.fault(Fault(status=status, retry_after=3), method="POST", times=None)
    told = await fails(gateway.media.CreateVideo(media_pb2.CreateVideoRequest(model="sora-2", prompt="a fox")))
    assert (told.code, told.info.reason) == (code, reason)
    assert told.info.metadata["job_id"]
    retry = told.detail(error_details_pb2.RetryInfo)
    assert (retry.retry_delay.seconds if retry else None) == (3 if status == 429 else None)


async def test_a_submission_whose_answer_is_lost_is_never_sent_again(gateway: World) -> None:
    gateway.upstream.fault(Fault(reset=Reset.UNANSWERED), method="POST")
    told = await fails(gateway.media.CreateVideo(media_pb2.CreateVideoRequest(model="sora-2", prompt="a fox")))
    assert (told.code, told.info.reason) == (grpc.StatusCode.ABORTED, "SUBMISSION_UNCERTAIN")
    assert len(gateway.upstream.submissions()) == 1


async def test_an_edit_sends_its_pictures_as_data(gateway: World) -> None:
    request = media_pb2.EditImagesRequest(
        model="nano-banana-pro-edit", prompt="make it blue", images=[media_pb2.MediaInput(content=PNG)]
    )
    job = (await gateway.media.EditImages(request)).job
    assert (job.kind, job.state) == (job_pb2.JOB_KIND_IMAGE_EDIT, job_pb2.JOB_STATE_SUCCEEDED)
    assert gateway.paid()["images"][0].startswith("data:image/png;base64,iVBORw0KGgp")


async def test_a_file_over_the_cap_is_refused(gateway: World) -> None:
    request = media_pb2.EditImagesRequest(
        model="nano-banana-pro-edit", prompt="x", images=[media_pb2.MediaInput(content=bytes((20 << 20) + 1))]
    )
    told = await fails(gateway.media.EditImages(request))
    assert (told.code, told.info.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE")


async def test_speech_is_a_head_and_then_sound(gateway: World) -> None:
    call = gateway.media.SynthesizeSpeech(media_pb2.SynthesizeSpeechRequest(model="speech-2.8-hd", prompt="hello"))
    replies = await everything(call)
    head = replies[0].head
    assert (head.mime_type, head.job.state) == ("audio/mpeg", job_pb2.JOB_STATE_SUCCEEDED)
    assert await gateway.job_id(call) == head.job.id
    sound = b"".join(each.chunk for each in replies[1:])
    assert sound[:3] == b"ID3" or sound[0] == 0xFF


async def test_wav_is_made_from_pcm(gateway: World) -> None:
    request = media_pb2.SynthesizeSpeechRequest(model="speech-2.8-hd", prompt="hello", format="wav", sample_rate=16000)
    replies = await everything(gateway.media.SynthesizeSpeech(request))
    assert replies[0].head.mime_type == "audio/wav"
    sound = b"".join(each.chunk for each in replies[1:])
    assert (sound[:4], sound[8:16]) == (b"RIFF", b"WAVEfmt ")
    assert struct.unpack("<HHI", sound[20:28]) == (1, 1, 16000)
    assert struct.unpack("<I", sound[40:44]) == (len(sound) - 44,)
    assert gateway.paid()["audio_setting"] == {"format": "pcm", "sample_rate": 16000}


async def test_a_format_that_nobody_makes_is_named_as_the_request_names_it(gateway: World) -> None:
    request = media_pb2.SynthesizeSpeechRequest(model="speech-2.8-hd", prompt="hello", format="opus")
    told = await fails(gateway.media.SynthesizeSpeech(request))
    assert told.message == 'format: must be one of mp3, flac, pcm, wav; got "opus"'


async def test_a_clip_is_begun_and_watched_to_its_end(patient: World) -> None:
    request = media_pb2.CreateVideoRequest(model="sora-2", prompt="a fox", seconds="4", size="1280x720")
    job = (await patient.media.CreateVideo(request)).job
    assert (job.state, job.seconds, job.size) == (job_pb2.JOB_STATE_QUEUED, "4", "1280x720")
    watch = aiter(patient.jobs.WatchJob(job_pb2.WatchJobRequest(id=job.id)))
    seen = [(await anext(watch)).job]
    patient.upstream.complete()
    seen += [each.job async for each in watch]
    assert seen[-1].state == job_pb2.JOB_STATE_SUCCEEDED
    assert seen[-1].assets[0].kind == job_pb2.ASSET_KIND_VIDEO
    revisions = [each.revision for each in seen]
    assert revisions == sorted(set(revisions))


async def test_a_song_is_begun(gateway: World) -> None:
    request = media_pb2.CreateMusicRequest(
        model="music-2.5", prompt="a slow waltz", lyrics="[Verse]\nla la la la", format="flac", bitrate=128000
    )
    job = (await gateway.media.CreateMusic(request)).job
    assert job.kind == job_pb2.JOB_KIND_MUSIC
    assert gateway.paid()["audio_setting"] == {"format": "flac", "bitrate": 128000}


async def test_a_remix_starts_from_what_its_source_was_asked_with(gateway: World) -> None:
    source = (
        await gateway.media.CreateVideo(
            media_pb2.CreateVideoRequest(model="sora-2", prompt="a fox", seconds="8", size="1280x720")
        )
    ).job
    remix = (
        await gateway.media.CreateVideo(media_pb2.CreateVideoRequest(remix_of_id=source.id, prompt="a fox in snow", seconds="4"))
    ).job
    assert (remix.model, remix.prompt, remix.seconds, remix.size, remix.remix_of_id) == (
        "sora-2",
        "a fox in snow",
        "4",
        "1280x720",
        source.id,
    )
    assert gateway.paid(1) == gateway.paid(0) | {"prompt": "a fox in snow", "seconds": "4"}


async def test_a_remix_of_something_else_than_a_clip_is_refused(gateway: World) -> None:
    picture = (await gateway.media.GenerateImages(FOX)).job
    told = await fails(gateway.media.CreateVideo(media_pb2.CreateVideoRequest(remix_of_id=picture.id, prompt="x")))
    assert told.message == f"remix_of_id: must name a video job; {picture.id} makes image"
    told = await fails(gateway.media.CreateVideo(media_pb2.CreateVideoRequest(remix_of_id="video_0", prompt="x")))
    assert told.info.reason == "JOB_NOT_FOUND"
