import io
from typing import Any

import aiohttp
import pytest
from PIL import Image

from simulator.faults import Fault
from simulator.server import Simulator
from tests.unit.simulator.caller import GPT_IMAGE, NANO, SORA, SPEECH, SPOKEN, WAN, finished


@pytest.mark.parametrize(
    ("path", "body", "pixels"),
    [
        (GPT_IMAGE, {"prompt": "a cat", "size": "1536x1024"}, (1536, 1024)),
        (GPT_IMAGE, {"prompt": "a cat", "size": "auto"}, (1024, 1024)),
        (WAN, {"prompt": "a cat", "size": "800*1000", "n": 1}, (800, 1000)),
        (
            "/vendors/google/v1/nano-banana-2/generation",
            {"prompt": "a cat", "aspect_ratio": "16:9", "resolution": "2K"},
            (2048, 1152),
        ),
    ],
)
async def test_a_picture_opens_and_has_the_size_that_was_asked(
    sim: Simulator, client: aiohttp.ClientSession, path: str, body: dict[str, Any], pixels: tuple[int, int]
) -> None:
    url = (await finished(sim, client, path, body))["images"][0]
    async with aiohttp.ClientSession() as anybody, anybody.get(url) as answer:
        assert answer.content_type == "image/png"
        picture = Image.open(io.BytesIO(await answer.read()))
    picture.load()
    assert picture.size == pixels


@pytest.mark.parametrize(
    ("path", "body", "count"),
    [
        (GPT_IMAGE, {"prompt": "a cat"}, 1),
        (GPT_IMAGE, {"prompt": "a cat", "n": 3}, 3),
        (WAN, {"prompt": "a cat"}, 4),
        ("/vendors/midjourney/v1/tob/diffusion", {"prompt": "a cat"}, 4),
        (NANO, {"prompt": "a cat", "n": 2}, 1),
    ],
)
async def test_each_model_makes_its_number_of_pictures(
    sim: Simulator, client: aiohttp.ClientSession, path: str, body: dict[str, Any], count: int
) -> None:
    images = (await finished(sim, client, path, body))["images"]
    assert len(set(images)) == count


@pytest.mark.parametrize(("form", "signature"), [("jpeg", b"\xff\xd8\xff"), ("webp", b"RIFF")])
async def test_other_picture_formats_are_what_they_say(
    sim: Simulator, client: aiohttp.ClientSession, form: str, signature: bytes
) -> None:
    url = (await finished(sim, client, GPT_IMAGE, {"prompt": "a cat", "format": form}))["images"][0]
    async with client.get(url) as answer:
        assert answer.content_type == f"image/{form}"
        content = await answer.read()
    assert content.startswith(signature)
    assert Image.open(io.BytesIO(content)).size == (64, 64)


async def test_a_video_is_an_mp4_with_its_index_in_front(sim: Simulator, client: aiohttp.ClientSession) -> None:
    url = (await finished(sim, client, SORA, {"prompt": "a cat"}))["videos"][0]
    async with client.get(url) as answer:
        assert answer.content_type == "video/mp4"
        content = await answer.read()
    assert content[4:8] == b"ftyp"
    assert content.index(b"moov") < content.index(b"mdat")


@pytest.mark.parametrize(
    ("form", "kind", "head"), [("mp3", "audio/mpeg", b"ID3"), ("flac", "audio/flac", b"fLaC"), ("pcm", "audio/pcm", b"\0\0")]
)
async def test_speech_comes_in_the_format_that_was_asked(
    sim: Simulator, client: aiohttp.ClientSession, form: str, kind: str, head: bytes
) -> None:
    told = await finished(sim, client, SPEECH, {**SPOKEN, "audio_setting": {"format": form, "sample_rate": 16000}})
    async with client.get(told["audios"][0]) as answer:
        assert answer.content_type == kind
        content = await answer.read()
    assert content.startswith(head)
    assert (told["audio_length"], told["audio_size"]) == (1.0, len(content))
    assert (told["usage_characters"], told["word_count"]) == (15, 4)
    assert form != "pcm" or len(content) == 2 * 16000


async def test_speech_that_does_not_ask_for_links_comes_as_hex_text(sim: Simulator, client: aiohttp.ClientSession) -> None:
    told = await finished(
        sim, client, SPEECH, {"prompt": "Good day", "voice_setting": {"voice_id": "Wise_Woman", "output_format": "url"}}
    )
    assert bytes.fromhex(told["audios"][0]).startswith(b"ID3")
    assert sim.submissions(SPEECH)[0].unknown_keys == ("voice_setting.output_format",)


async def test_nano_banana_describes_its_picture(sim: Simulator, client: aiohttp.ClientSession) -> None:
    assert (await finished(sim, client, NANO, {"prompt": "a cat"}))["description"] == "A picture of: a cat"


@pytest.mark.parametrize(
    ("wanted", "status", "slot"),
    [
        ("bytes=0-3", 206, slice(0, 4)),
        ("bytes=-4", 206, slice(-4, None)),
        ("bytes=10-", 206, slice(10, None)),
        (None, 200, slice(None)),
    ],
)
async def test_an_asset_is_served_whole_or_in_ranges(
    sim: Simulator, client: aiohttp.ClientSession, wanted: str | None, status: int, slot: slice
) -> None:
    url = (await finished(sim, client, SORA, {"prompt": "a cat"}))["videos"][0]
    async with client.get(url) as answer:
        whole = await answer.read()
    async with client.get(url, headers={"Range": wanted} if wanted else {}) as answer:
        assert answer.status == status
        assert await answer.read() == whole[slot]
        if wanted == "bytes=0-3":
            assert answer.headers["Content-Range"] == f"bytes 0-3/{len(whole)}"


async def test_a_range_behind_the_end_is_416(sim: Simulator, client: aiohttp.ClientSession) -> None:
    url = (await finished(sim, client, SORA, {"prompt": "a cat"}))["videos"][0]
    async with client.get(url, headers={"Range": "bytes=9999999-"}) as answer:
        assert answer.status == 416


async def test_an_asset_that_never_was_is_404(client: aiohttp.ClientSession) -> None:
    async with client.get("/assets/none/result_00.png") as answer:
        assert answer.status == 404


async def test_a_file_can_be_gone_on_with_as_long_as_it_is_the_same(sim: Simulator, client: aiohttp.ClientSession) -> None:
    url = (await finished(sim, client, SORA, {"prompt": "a cat"}))["videos"][0]
    async with client.get(url) as answer:
        whole, tag = await answer.read(), answer.headers["etag"]
    for known, status, content in ((tag, 206, whole[10:]), ('"another"', 200, whole)):
        async with client.get(url, headers={"Range": "bytes=10-", "If-Range": known}) as answer:
            assert (answer.status, await answer.read()) == (status, content)


async def test_a_file_breaks_off_and_waits_after_so_many_bytes(sim: Simulator, client: aiohttp.ClientSession) -> None:
    url = (await finished(sim, client, SORA, {"prompt": "a cat"}))["videos"][0]
    sim.fault(Fault(hold="midway", hold_after=50, abort_after=100), path="/assets/*")
    async with client.get(url) as answer:
        assert len(await answer.content.readexactly(50)) == 50
        await sim.wait_for(lambda: sim.held("midway") == 1)
        sim.release("midway")
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.content.read()
