"""Edits, music, remixes, speech events, jobs and the reference page, through the real Envoy, edge and core."""

import base64
import io
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, Final

import aiohttp
import openai
import pytest
import pytest_asyncio
from PIL import Image

from tests.wire.house import House, house

pytestmark = [
    pytest.mark.wire,
    pytest.mark.asyncio(loop_scope="module"),
    # The SDK says so at every call of `videos`; the shape lives on here.
    pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning"),
]
EDIT_PATH: Final = "/vendors/openai/v1/gpt-image-2/edit"


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="home")
async def _home(module_path: Path) -> AsyncGenerator[House]:
    async with house(module_path) as home:
        yield home


def png(color: str) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (8, 8), color).save(written, "PNG")
    return written.getvalue()


async def test_pictures_of_the_sdk_are_edited_with_a_mask(home: House) -> None:
    made = await home.sdk.images.edit(
        model="gpt-image-2-edit",
        prompt="a hat",
        image=[("one.png", png("red")), ("猫.png", png("blue"))],
        mask=("mask.png", png("white")),
        size="1024x1024",
        response_format="b64_json",
    )
    [sent] = home.simulator.submissions(EDIT_PATH)[-1:]

    assert made.data is not None
    assert Image.open(io.BytesIO(base64.b64decode(made.data[0].b64_json or ""))).size == (1024, 1024)
    assert isinstance(sent.json, dict)
    one, two, mask = (f"data:image/png;base64,{base64.b64encode(png(color)).decode()}" for color in ("red", "blue", "white"))
    assert (sent.json["images"], sent.json["mask"]) == ([one, two], mask)
    assert sent.unknown_keys == ()


async def test_an_edit_by_json_takes_links(home: House) -> None:
    body = {"model": "nano-banana-pro-edit", "prompt": "blue", "images": [{"image_url": "https://pictures.example/a.png"}]}
    async with home.http.post("/v1/images/edits", json=body) as answer:
        made = await answer.json()

    assert answer.status == 200
    assert made["data"][0]["url"].startswith("http")
    assert answer.headers["x-cli2api-job-id"].startswith("edit_")


async def test_a_size_that_the_model_does_not_take_is_refused_with_those_it_takes(home: House) -> None:
    paid = len(home.simulator.submissions(EDIT_PATH))
    with pytest.raises(openai.BadRequestError, match="1536x1024") as refused:
        await home.sdk.images.edit(model="gpt-image-2-edit", prompt="x", image=("a.png", png("red")), size="256x256")

    assert refused.value.param == "size"
    assert len(home.simulator.submissions(EDIT_PATH)) == paid


async def test_a_song_is_begun_listed_downloaded_and_forgotten(home: House) -> None:
    body = {"model": "music-2.0", "prompt": "a slow waltz at dusk", "lyrics": "[Verse]\nround and round we go"}
    async with home.http.post("/v1/audio/music", json=body) as answer:
        begun = await answer.json()
    assert (answer.status, begun["object"]) == (200, "music")
    async with home.http.get(f"/v1/jobs/{begun['id']}:wait") as answer:
        assert (await answer.json())["state"] == "JOB_STATE_SUCCEEDED"

    async with home.http.get(f"/v1/audio/music/{begun['id']}") as answer:
        song = await answer.json()
    async with home.http.get(f"/v1/audio/music/{begun['id']}/content", headers={"range": "bytes=0-2"}) as answer:
        first, kind, status = await answer.read(), answer.content_type, answer.status
    async with home.http.get("/v1/audio/music") as answer:
        listed = await answer.json()
    async with home.http.delete(f"/v1/audio/music/{begun['id']}") as answer:
        gone = await answer.json()

    assert (song["status"], song["progress"], len(song["audios"])) == ("completed", 100, 1)
    assert (len(first), kind, status) == (3, "audio/mpeg", 206)
    assert [each["id"] for each in listed["data"]] == [begun["id"]]
    assert gone == {"id": begun["id"], "deleted": True, "object": "music.deleted"}


async def test_a_remix_keeps_what_it_does_not_say(home: House) -> None:
    source = await home.sdk.videos.create_and_poll(model="sora-2-pro", prompt="a tide pool", seconds="8", size="1280x720")
    remix = await home.sdk.videos.remix(source.id, prompt="the same at night")
    sent = home.simulator.submissions("/vendors/openai/v1/sora-2-pro/generation")[-1].json

    assert (remix.remixed_from_video_id, remix.model, remix.seconds, remix.size) == (source.id, "sora-2-pro", "8", "1280x720")
    assert isinstance(sent, dict)
    assert sent["prompt"] == "the same at night"


async def test_a_clip_without_a_thumbnail_says_so(home: House) -> None:
    video = await home.sdk.videos.create_and_poll(model="sora-2", prompt="a tide pool")
    with pytest.raises(openai.NotFoundError, match="MuleRun made no thumbnail") as refused:
        await home.sdk.videos.download_content(video.id, variant="thumbnail")
    assert refused.value.param == "variant"


async def test_speech_comes_as_events_where_they_are_asked_for(home: House) -> None:
    async with home.sdk.audio.speech.with_streaming_response.create(
        model="speech-2.8-turbo", voice="Wise_Woman", input="Good evening.", stream_format="sse"
    ) as spoken:
        lines = [line async for line in spoken.iter_lines()]
    events = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]

    sound = b"".join(base64.b64decode(event["audio"]) for event in events[:-1])
    assert sound[:3] == b"ID3" or sound[0] == 0xFF
    assert events[-1]["type"] == "speech.audio.done"


@pytest.mark.parametrize(
    ("fields", "param", "says"),
    [
        ({"response_format": "opus"}, "response_format", '"mp3", "flac", "pcm" or "wav"'),
        ({"response_format": "aac"}, "response_format", '"mp3", "flac", "pcm" or "wav"'),
        ({"speed": 4}, "speed", "2"),
        ({"voice": "alloy"}, "voice", "Wise_Woman"),
    ],
)
async def test_speech_that_mulerun_cannot_make_is_refused(home: House, fields: dict[str, Any], param: str, says: str) -> None:
    body = {"model": "speech-2.8-hd", "input": "good day", "voice": "Wise_Woman", **fields}
    async with home.http.post("/v1/audio/speech", json=body) as answer:
        error = (await answer.json())["error"]

    assert (answer.status, error["param"]) == (400, param)
    assert says in error["message"]


async def test_the_job_behind_a_waited_call_can_be_read_and_its_file_fetched(home: House) -> None:
    raw = await home.sdk.images.with_raw_response.generate(model="nano-banana", prompt="a fox")
    job_id = raw.headers["x-cli2api-job-id"]

    async with home.http.get(f"/v1/jobs/{job_id}") as answer:
        job = await answer.json()
    async with home.http.get(f"/v1/jobs/{job_id}/content") as answer:
        picture = Image.open(io.BytesIO(await answer.read()))
    async with home.http.get("/v1/jobs", params={"kinds": "JOB_KIND_IMAGE", "page_size": "1"}) as answer:
        newest = (await answer.json())["jobs"]

    assert (job["kind"], job["state"], job["progress"]) == ("JOB_KIND_IMAGE", "JOB_STATE_SUCCEEDED", 100)
    assert picture.format == "PNG"
    assert [each["id"] for each in newest] == [job_id]


async def test_a_watch_ends_with_the_end_of_the_job(home: House) -> None:
    video = await home.sdk.videos.create(model="sora-2", prompt="a tide pool")
    async with home.http.get(f"/v1/jobs/{video.id}:watch") as answer:
        text = (await answer.read()).decode()
    jobs = [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ")]

    progress = [job["progress"] for job in jobs]
    assert answer.content_type == "text/event-stream"
    assert (jobs[-1]["state"], progress) == ("JOB_STATE_SUCCEEDED", sorted(progress))


async def test_a_deleted_job_is_gone(home: House) -> None:
    video = await home.sdk.videos.create(model="sora-2", prompt="a tide pool")
    async with home.http.delete(f"/v1/jobs/{video.id}") as answer:
        gone = await answer.json()
    async with home.http.get(f"/v1/jobs/{video.id}") as answer:
        error = (await answer.json())["error"]

    assert (gone["id"], gone["deleted"]) == (video.id, True)
    assert (answer.status, error["code"]) == (404, "not_found")


async def test_the_reference_needs_no_key_and_everything_else_does(home: House) -> None:
    async with aiohttp.ClientSession(home.gateway.rest_url) as stranger:
        for path, status in (
            ("/openapi.json", 200),
            ("/docs", 200),
            ("/v1/jobs", 401),
            ("/docs/", 401),
            ("/v1/audio/music", 401),
        ):
            async with stranger.get(path) as answer:
                assert (path, answer.status) == (path, status)
