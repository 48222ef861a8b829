"""Speech: OpenAI's JSON in, sound out as it arrives."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import grpc
import httpx2
import pytest
from cli2api.v1 import job_pb2, media_pb2
from google.protobuf import json_format

from edge.dialects import audio
from edge.dialects.fields import WrongField
from tests.unit.edge.scripted import Core, a_made_job, fails, fails_streaming, from_base64

PATH = "/v1/audio/speech"
BODY = {"model": "speech-2.8-turbo", "input": "Good morning.", "voice": "Wise_Woman"}


def _head(mime_type: str = "audio/mpeg") -> media_pb2.SynthesizeSpeechResponse:
    job = a_made_job(kind=job_pb2.JOB_KIND_SPEECH)
    return media_pb2.SynthesizeSpeechResponse(head=media_pb2.SpeechHead(job=job, mime_type=mime_type))


def _sound(content: bytes) -> media_pb2.SynthesizeSpeechResponse:
    return media_pb2.SynthesizeSpeechResponse(chunk=content)


async def test_sound_is_streamed_under_its_own_media_type(core: Core, http: httpx2.AsyncClient) -> None:
    heard = asyncio.Event()

    async def speak(request: Any, context: Any) -> AsyncIterator[media_pb2.SynthesizeSpeechResponse]:
        yield _head()
        yield _sound(b"ID3")
        await heard.wait()
        yield _sound(b"more")

    core.answers["SynthesizeSpeech"] = speak
    content = b""
    async with http.stream("POST", PATH, json=BODY) as answer:
        async for piece in answer.aiter_bytes():
            content += piece
            heard.set()

    assert content == b"ID3more"
    assert answer.headers["content-type"] == "audio/mpeg"
    assert answer.headers["x-cli2api-job-id"] == "job_1"
    assert core.last().prompt == "Good morning."
    assert core.last().format == "mp3"


async def test_an_error_before_the_first_byte_is_json_and_names_the_callers_field(core: Core, http: httpx2.AsyncClient) -> None:
    async def speak(request: Any, context: Any) -> AsyncIterator[Any]:
        await fails(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "prompt: too long", field="prompt")(request, context)
        yield None

    core.answers["SynthesizeSpeech"] = speak

    answer = await http.post(PATH, json=BODY)

    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "input"
    assert answer.json()["error"]["message"] == "input: too long"


async def test_sound_that_breaks_off_is_not_a_whole_answer(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["SynthesizeSpeech"] = fails_streaming(
        grpc.StatusCode.UNAVAILABLE, "UPSTREAM_UNAVAILABLE", after=(_head(), _sound(b"ID3"))
    )

    with pytest.raises(httpx2.RemoteProtocolError):
        await http.post(PATH, json=BODY)


async def test_events_carry_the_sound_in_base64_and_end_with_done(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["SynthesizeSpeech"] = [_head(), _sound(b"ID3"), _sound(b"more")]

    answer = await http.post(PATH, json={**BODY, "stream_format": "sse"})

    events = [json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line.startswith("data: ")]
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-cli2api-job-id"] == "job_1"
    assert b"".join(from_base64(event["audio"]) for event in events[:-1]) == b"ID3more"
    assert [event["type"] for event in events] == ["speech.audio.delta"] * 2 + ["speech.audio.done"]


async def test_events_that_break_off_say_why_and_have_no_done(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["SynthesizeSpeech"] = fails_streaming(
        grpc.StatusCode.UNAVAILABLE, "UPSTREAM_UNAVAILABLE", "the link broke", after=(_head(), _sound(b"ID3"))
    )

    answer = await http.post(PATH, json={**BODY, "stream_format": "sse"})

    assert "the link broke" in answer.text.strip().splitlines()[-1]
    assert "speech.audio.done" not in answer.text


async def test_events_that_never_began_are_a_whole_error(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["SynthesizeSpeech"] = fails_streaming(grpc.StatusCode.NOT_FOUND, "MODEL_NOT_FOUND", "unknown speech model")
    answer = await http.post(PATH, json={**BODY, "stream_format": "sse"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")


def test_a_custom_voice_and_more_parameters_are_passed_on() -> None:
    request = audio.order(
        {**BODY, "voice": {"id": "v-1"}, "speed": 2, "response_format": "wav", "sample_rate": 16000, "emotion": "happy"}, ""
    ).request
    assert (request.voice, request.speed, request.format, request.sample_rate) == ("v-1", 2.0, "wav", 16000)
    assert json_format.MessageToDict(request.extra) == {"emotion": "happy"}


def test_a_voice_may_be_left_to_the_model() -> None:
    assert audio.order({"model": "m", "input": "hi"}, "").request.voice == ""


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"input": ""}, "input: required"),
        ({"model": ""}, "model: required"),
        ({"response_format": "opus"}, 'response_format: takes "mp3", "flac", "pcm" or "wav", not "opus"'),
        ({"response_format": "aac"}, 'not "aac"'),
        ({"instructions": "whisper"}, "instructions: is not supported here"),
        ({"stream_format": "hls"}, 'stream_format: takes "audio" or "sse", not "hls"'),
        ({"voice": {"name": "x"}}, "voice: takes a voice id"),
        ({"voice": 3}, "voice: takes text"),
        ({"speed": "fast"}, "speed: takes a number, not text"),
        ({"speed": 10**400}, "speed: takes a number"),
    ],
)
def test_a_wrong_speech_field_is_named(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(WrongField, match=complaint):
        audio.order({**BODY, **fields}, "")
