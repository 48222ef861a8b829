"""The openai SDK's pictures, sound, clips and models, over the real Envoy."""

import asyncio
import base64
import io
from typing import Final

import openai
import pytest
from PIL import Image

from tests.conformance.clients import openai_sync
from tests.wire.house import House

pytestmark = [
    pytest.mark.wire,
    pytest.mark.asyncio(loop_scope="module"),
    # The SDK says so at every call of `videos`; the shape lives on here.
    pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning"),
]


def png(color: str) -> bytes:
    """A small picture."""
    written = io.BytesIO()
    Image.new("RGB", (8, 8), color).save(written, "PNG")
    return written.getvalue()


RED: Final = png("red")
BLUE: Final = png("blue")


async def test_pictures_are_made_with_what_the_sdk_can_say(home: House) -> None:
    made = await home.sdk.images.generate(
        model="gpt-image-2", prompt="a lighthouse", n=2, size="1536x1024", quality="high", output_format="png", user="u-1"
    )
    [sent] = home.simulator.submissions("/vendors/openai/v1/gpt-image-2/generation")[-1:]

    assert len(made.data or []) == 2
    assert (made.size, made.quality) == ("1536x1024", "high")
    assert isinstance(sent.json, dict)
    assert (sent.json["n"], sent.json["size"], sent.json["quality"]) == (2, "1536x1024", "high")
    assert sent.unknown_keys == ()


async def test_pictures_are_edited_from_files(home: House) -> None:
    made = await home.sdk.images.edit(
        model="gpt-image-2-edit",
        prompt="make it blue",
        image=[("red.png", RED, "image/png"), ("blue.png", BLUE, "image/png")],
        mask=("mask.png", BLUE, "image/png"),
    )
    sent = home.simulator.submissions("/vendors/openai/v1/gpt-image-2/edit")[-1].json

    assert [type(each.url) for each in made.data or []] == [str]
    assert isinstance(sent, dict)
    sent_files = [str(leaf).rpartition(",")[2] for leaf in flat(sent["images"])]
    assert sent_files == [base64.b64encode(file).decode() for file in (RED, BLUE)]
    assert str(sent["mask"]).endswith(base64.b64encode(BLUE).decode())


async def test_a_picture_is_edited_from_one_file(home: House) -> None:
    made = await home.sdk.images.edit(model="nano-banana-edit", prompt="bluer", image=io.BytesIO(RED), response_format="b64_json")

    assert [base64.b64decode(each.b64_json or "")[:4] for each in made.data or []] == [b"\x89PNG"]


async def test_speech_is_written_to_a_file_while_it_arrives(home: House) -> None:
    pieces: list[bytes] = []
    async with home.sdk.audio.speech.with_streaming_response.create(
        model="speech-2.8-turbo", voice="Wise_Woman", input="Good evening.", response_format="flac", speed=1.5
    ) as spoken:
        pieces = [piece async for piece in spoken.iter_bytes(256)]
        kind = spoken.headers["content-type"]

    assert kind == "audio/flac"
    assert b"".join(pieces)[:4] == b"fLaC"
    assert len(pieces) > 1


async def test_a_clip_begins_with_the_callers_picture(home: House) -> None:
    video = await home.sdk.videos.create(
        model="sora-2", prompt="it moves", seconds="8", size="1280x720", input_reference=("first.png", RED, "image/png")
    )
    [sent] = home.simulator.submissions("/vendors/openai/v1/sora-2/generation")[-1:]

    assert (video.status, video.model, video.prompt, video.seconds) == ("queued", "sora-2", "it moves", "8")
    assert isinstance(sent.json, dict)
    assert any(isinstance(value, str) and value.endswith(base64.b64encode(RED).decode()) for value in flat(sent.json))
    done = await home.sdk.videos.poll(video.id, poll_interval_ms=50)
    assert (done.id, done.status, done.progress, done.error) == (video.id, "completed", 100, None)


async def test_a_clip_that_the_vendor_failed_says_why(home: House) -> None:
    video = await home.sdk.videos.create_and_poll(
        model="sora-2", prompt='x [[sim:{"task":{"fail":3005,"detail":"the prompt is not allowed"}}]]', poll_interval_ms=50
    )

    assert video.status == "failed"
    assert video.error is not None
    assert video.error.code == "3005"
    assert "the prompt is not allowed" in video.error.message
    with pytest.raises(openai.BadRequestError, match="failed"):
        await home.sdk.videos.download_content(video.id)


async def test_a_clip_is_downloaded_in_parts(home: House) -> None:
    video = await home.sdk.videos.create_and_poll(model="sora-2", prompt="a tide pool", poll_interval_ms=50)
    whole = await (await home.sdk.videos.download_content(video.id, variant="video")).aread()
    part = await home.sdk.videos.with_raw_response.download_content(video.id, extra_headers={"range": "bytes=4-7"})

    assert part.http_response.status_code == 206
    assert part.content == whole[4:8] == b"ftyp"


async def test_a_clip_is_remixed_by_the_model_that_made_it(home: House) -> None:
    first = await home.sdk.videos.create_and_poll(model="veo-3.1", prompt="a tide pool", poll_interval_ms=50)
    second = await home.sdk.videos.remix(first.id, prompt="at night")
    done = await home.sdk.videos.poll(second.id, poll_interval_ms=50)

    assert (done.remixed_from_video_id, done.model, done.prompt) == (first.id, first.model, "at night")
    assert len(home.simulator.submissions("/vendors/google/v1/veo-3.1/generation")) == 2


async def test_models_are_read_with_ids_that_hold_slashes(home: House) -> None:
    listed = [model.id async for model in home.sdk.models.list()]
    told = await asyncio.gather(*(home.sdk.models.retrieve(name) for name in listed[::9]))

    assert [model.object for model in told] == ["model"] * len(told)
    assert {"openai/gpt-5.5", "veo-3.1", "claude-sonnet-4-6", "music-2.5"} <= set(listed)


async def test_the_synchronous_sdk_makes_all_of_it_too(home: House) -> None:
    def make() -> tuple[str | None, bytes, bytes, bool]:
        with openai_sync(home) as sdk:
            picture = sdk.images.generate(model="nano-banana", prompt="a fox", response_format="b64_json")
            spoken = sdk.audio.speech.create(model="speech-2.8-hd", voice="Wise_Woman", input="Hello.", response_format="wav")
            video = sdk.videos.create_and_poll(model="sora-2", prompt="a fox", poll_interval_ms=50)
            clip = sdk.videos.download_content(video.id).read()
            assert sdk.videos.list(limit=1).data[0].id == video.id
            gone = sdk.videos.delete(video.id).deleted
            return (picture.data or [])[0].b64_json, spoken.read(), clip, gone

    picture, sound, clip, gone = await asyncio.to_thread(make)

    assert base64.b64decode(picture or "")[:4] == b"\x89PNG"
    assert sound[:4] == b"RIFF"
    assert clip[4:8] == b"ftyp"
    assert gone


def flat(value: object) -> list[object]:
    """Every leaf of a JSON value."""
    if isinstance(value, dict):
        return [leaf for each in value.values() for leaf in flat(each)]
    if isinstance(value, list):
        return [leaf for each in value for leaf in flat(each)]
    return [value]
