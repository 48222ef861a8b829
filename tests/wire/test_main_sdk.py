"""The official openai SDK gets text, images, speech and video through the real Envoy, edge and core."""

import asyncio
import base64
import io
from collections.abc import AsyncGenerator
from pathlib import Path

import openai
import pytest
import pytest_asyncio
from PIL import Image

from tests.wire.house import KEY, House, house

pytestmark = [
    pytest.mark.wire,
    pytest.mark.asyncio(loop_scope="module"),
    # The SDK says so at every call of `videos`; the shape lives on here.
    pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="home")
async def _home(module_path: Path) -> AsyncGenerator[House]:
    async with house(module_path) as home:
        yield home


async def test_a_chat_answer_arrives_whole(home: House) -> None:
    answer = await home.sdk.chat.completions.create(model="gpt-5-mini", messages=[{"role": "user", "content": "good morning"}])

    assert answer.choices[0].message.content == "You said: good morning"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


async def test_a_streamed_chat_answer_arrives_in_pieces_with_its_usage(home: House) -> None:
    stream = await home.sdk.chat.completions.create(
        model="gpt-5-mini",
        messages=[{"role": "user", "content": "piece by piece"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]

    pieces = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    assert "".join(pieces) == "You said: piece by piece"
    assert len(pieces) > 3
    assert chunks[-1].usage is not None


async def test_a_streamed_piece_is_there_before_the_next_one_is_made(home: House) -> None:
    magic = '[[sim:{"hold":"second half","hold_after":2}]]'
    stream = await home.sdk.chat.completions.create(
        model="gpt-5-mini", messages=[{"role": "user", "content": f"slowly {magic}"}], stream=True
    )
    async with stream:
        first = await anext(stream)
        await home.simulator.wait_for(lambda: home.simulator.held("second half") == 1)
        assert first.choices[0].delta.role == "assistant"
        home.simulator.release("second half")
        rest = [chunk async for chunk in stream]

    assert rest[-1].choices[0].finish_reason == "stop"


async def test_the_upstream_gets_the_callers_bytes_and_our_credential(home: House) -> None:
    body = b'{"model": "gpt-5", "messages":[{"role":"user","content":"exact"}],\n "seed": 9007199254740993, "new": {"b":1,"a":2}}'
    headers = {"content-type": "application/json", "cookie": "session=1", "x-api-key": KEY, "x-cli2api-forged": "1"}
    async with home.http.post("/v1/chat/completions", data=body, headers=headers) as answer:
        assert answer.status == 200
        direct_headers = answer.headers
    seen = home.simulator.requests[-1]

    assert seen.body == body
    assert seen.headers["authorization"] == f"Bearer {home.simulator.environ['MULERUN_TOKEN']}"
    assert not {"cookie", "x-api-key", "x-cli2api-forged", "x-envoy-internal"} & set(seen.headers)
    assert "set-cookie" not in direct_headers


async def test_the_query_of_a_relayed_call_reaches_the_upstream(home: House) -> None:
    ask = {"model": "claude-haiku-4-5", "max_tokens": 50, "messages": [{"role": "user", "content": "hello"}]}
    async with home.http.post("/v1/messages?beta=true&x=%26", json=ask) as answer:
        assert answer.status == 200
    seen = home.simulator.requests[-1]

    assert (seen.path, seen.query) == ("/v1/messages", "beta=true&x=%26")


async def test_a_vendor_prefix_is_taken_off_and_leads_to_the_vendors_path(home: House) -> None:
    answer = await home.sdk.chat.completions.create(model="openai/gpt-5.5", messages=[{"role": "user", "content": "hello"}])
    seen = home.simulator.requests[-1]

    assert answer.choices[0].message.content == "You said: hello"
    assert seen.path == "/vendors/openai/v1/chat/completions"
    assert isinstance(seen.json, dict)
    assert seen.json["model"] == "gpt-5.5"


async def test_an_image_comes_as_a_link_that_opens(home: House) -> None:
    made = await home.sdk.images.generate(model="gpt-image-2", prompt="a lighthouse", size="1024x1024")
    assert made.data is not None
    assert made.data[0].url is not None
    async with home.http.get(made.data[0].url, headers={"authorization": ""}) as answer:
        picture = Image.open(io.BytesIO(await answer.read()))

    assert picture.size == (1024, 1024)
    assert home.simulator.submissions("/vendors/openai/v1/gpt-image-2/generation")[-1].json == {
        "prompt": "a lighthouse",
        "size": "1024x1024",
    }


async def test_an_image_comes_as_base64_where_it_is_asked_for(home: House) -> None:
    made = await home.sdk.images.generate(model="wan2.6-t2i", prompt="a fox", n=2, response_format="b64_json")
    assert made.data is not None
    pictures = [Image.open(io.BytesIO(base64.b64decode(each.b64_json or ""))) for each in made.data]

    assert [picture.format for picture in pictures] == ["PNG", "PNG"]


async def test_a_waited_call_names_its_job(home: House) -> None:
    raw = await home.sdk.images.with_raw_response.generate(model="nano-banana", prompt="a fox")
    job_id = raw.headers["x-cli2api-job-id"]

    assert job_id.startswith("image_")


async def test_speech_comes_as_playable_bytes_with_a_true_content_type(home: House) -> None:
    spoken = await home.sdk.audio.speech.create(model="speech-2.8-turbo", voice="Wise_Woman", input="Good evening.")
    content = await spoken.aread()

    assert spoken.response.headers["content-type"] == "audio/mpeg"
    assert content[:3] == b"ID3" or content[0] == 0xFF
    sent = home.simulator.submissions("/vendors/minimax/v1/speech-2.8-turbo/text-to-speech/generation")[-1].json
    assert isinstance(sent, dict)
    assert sent["output_format"] == "url"
    assert sent["voice_setting"] == {"voice_id": "Wise_Woman"}


async def test_wav_is_made_from_pcm(home: House) -> None:
    spoken = await home.sdk.audio.speech.create(
        model="speech-2.8-hd", voice="Wise_Woman", input="Good evening.", response_format="wav"
    )
    content = await spoken.aread()

    assert spoken.response.headers["content-type"] == "audio/wav"
    assert content[:4] == b"RIFF"
    assert content[8:12] == b"WAVE"


async def test_a_video_is_created_polled_and_downloaded(home: House) -> None:
    video = await home.sdk.videos.create_and_poll(model="sora-2", prompt="a tide pool", seconds="4", size="1280x720")
    content = await (await home.sdk.videos.download_content(video.id)).aread()

    assert (video.status, video.progress, video.seconds, video.size) == ("completed", 100, "4", "1280x720")
    assert content[4:8] == b"ftyp"
    assert len(home.simulator.submissions("/vendors/openai/v1/sora-2/generation")) == 1


async def test_videos_are_listed_in_pages_and_deleted(home: House) -> None:
    made = [(await home.sdk.videos.create(model="veo-3.1", prompt=f"take {take}")).id for take in range(3)]
    listed = [video.id async for video in home.sdk.videos.list(limit=2)]
    assert listed[:3] == made[::-1]

    gone = await home.sdk.videos.delete(made[0])
    assert gone.deleted
    with pytest.raises(openai.NotFoundError):
        await home.sdk.videos.retrieve(made[0])


async def test_videos_can_be_deleted_while_they_are_listed(home: House) -> None:
    made = [(await home.sdk.videos.create(model="veo-3.1", prompt=f"draft {draft}")).id for draft in range(5)]
    seen = []
    async for video in home.sdk.videos.list(limit=2):
        seen.append(video.id)
        await home.sdk.videos.delete(video.id)
    assert seen[:5] == made[::-1]
    assert len(seen) == len(set(seen))
    assert (await home.sdk.videos.list()).data == []


async def test_the_models_are_listed_and_told(home: House) -> None:
    models = {model.id: model async for model in home.sdk.models.list()}
    one = await home.sdk.models.retrieve("openai/gpt-5.5")

    assert len([model for model in models.values() if not getattr(model, "alias_of", None)]) == 76
    assert getattr(models["google/nano-banana/generation"], "alias_of", None) == "nano-banana"
    assert models["nano-banana-pro"].owned_by == "google"
    assert (one.id, one.object, one.owned_by) == ("openai/gpt-5.5", "model", "openai")


async def test_the_synchronous_sdk_gets_the_same(home: House) -> None:
    def ask() -> tuple[str | None, str, bytes]:
        with openai.OpenAI(base_url=f"{home.gateway.rest_url}/v1", api_key=KEY, max_retries=0, timeout=20) as sdk:
            answer = sdk.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": "sync"}])
            stream = sdk.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": "sync"}], stream=True)
            streamed = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
            video = sdk.videos.create_and_poll(model="sora-2", prompt="a tide pool")
            return answer.choices[0].message.content, streamed, sdk.videos.download_content(video.id).read()

    whole, streamed, clip = await asyncio.to_thread(ask)

    assert whole == streamed == "You said: sync"
    assert clip[4:8] == b"ftyp"


async def test_every_answer_carries_the_callers_request_id_and_the_log_does_too(home: House) -> None:
    async with home.http.get("/v1/models", headers={"x-request-id": "trace-me-7"}) as answer:
        assert answer.headers["x-request-id"] == "trace-me-7"

    def parts(lines: list[dict[str, object]]) -> set[str]:
        return {str(line["logger"]).partition(".")[0] for line in lines if line.get("request_id") == "trace-me-7"}

    assert parts(await home.log.until(lambda lines: len(parts(lines)) == 2)) == {"edge", "services"}


async def test_no_secret_is_in_the_log(home: House) -> None:
    log = b"".join(home.log.lines)

    assert KEY.encode() not in log
    assert home.simulator.environ["MULERUN_TOKEN"].encode() not in log
