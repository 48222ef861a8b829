"""Songs: they live as videos do."""

from typing import Any

import grpc
import httpx2
import pytest
from cli2api.v1 import job_pb2, media_pb2
from google.protobuf import duration_pb2

from edge.dialects import music
from edge.dialects.fields import WrongField
from tests.unit.edge.scripted import Core, a_job, a_made_job, asset_chunk, asset_head, fails

PATH = "/v1/audio/music"
BODY = {"model": "music-2.0", "prompt": "a slow waltz", "lyrics": "[Verse]\nround and round"}
SONG = {"kind": job_pb2.JOB_KIND_MUSIC, "model": "music-2.0", "prompt": "a slow waltz", "size": "", "seconds": ""}


async def test_a_song_is_begun_and_says_when_to_ask_again(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["CreateMusic"] = media_pb2.CreateMusicResponse(job=a_job(**SONG))

    answer = await http.post(PATH, json={**BODY, "response_format": "flac", "bitrate": 128000, "mood": "calm"})

    assert answer.json() == {
        "id": "job_1",
        "object": "music",
        "model": "music-2.0",
        "status": "in_progress",
        "progress": 40,
        "created_at": 1_790_000_000,
        "completed_at": None,
        "expires_at": None,
        "prompt": "a slow waltz",
        "error": None,
    }
    assert answer.headers["openai-poll-after-ms"] == "1000"
    request = core.last()
    assert (request.format, request.bitrate, request.lyrics) == ("flac", 128000, BODY["lyrics"])
    assert request.extra["mood"] == "calm"


async def test_a_finished_song_has_its_links_and_its_length(core: Core, http: httpx2.AsyncClient) -> None:
    job = a_made_job("https://a.example/1.mp3", **SONG)
    job.assets[0].duration.CopyFrom(duration_pb2.Duration(seconds=90, nanos=500_000_000))
    core.answers["GetJob"] = job_pb2.GetJobResponse(job=job)

    answer = await http.get(f"{PATH}/job_1")

    assert (answer.json()["audios"], answer.json()["seconds"]) == (["https://a.example/1.mp3"], "90.5")
    assert "openai-poll-after-ms" not in answer.headers


async def test_songs_are_listed_downloaded_and_deleted(core: Core, http: httpx2.AsyncClient) -> None:
    song = a_made_job(**SONG)
    core.answers["ListJobs"] = job_pb2.ListJobsResponse(jobs=[song])
    core.answers["GetJob"] = job_pb2.GetJobResponse(job=song)
    core.answers["DownloadAsset"] = [asset_head(3, mime_type="audio/mpeg"), asset_chunk(b"ID3")]
    core.answers["DeleteJob"] = job_pb2.DeleteJobResponse(id="job_1", deleted=True)

    listed = await http.get(PATH)
    assert list(core.last().kinds) == [job_pb2.JOB_KIND_MUSIC]
    content = await http.get(f"{PATH}/job_1/content")
    gone = await http.delete(f"{PATH}/job_1")

    assert [each["object"] for each in listed.json()["data"]] == ["music"]
    assert (content.content, content.headers["content-type"]) == (b"ID3", "audio/mpeg")
    assert gone.json() == {"id": "job_1", "deleted": True, "object": "music.deleted"}


async def test_a_video_is_no_song(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["GetJob"] = job_pb2.GetJobResponse(job=a_job())

    answer = await http.get(f"{PATH}/job_1")

    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == 'no music has the id "job_1"; GET /v1/jobs/job_1 tells what it is'


async def test_a_song_that_goes_on_has_no_content_yet(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["GetJob"] = job_pb2.GetJobResponse(job=a_job(**SONG))

    answer = await http.get(f"{PATH}/job_1/content")

    assert answer.status_code == 400
    assert "poll GET /v1/audio/music/job_1" in answer.json()["error"]["message"]


async def test_a_refused_encoding_is_named_in_the_callers_word(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["CreateMusic"] = fails(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "format: no", field="format")
    answer = await http.post(PATH, json=BODY)
    assert (answer.json()["error"]["param"], answer.json()["error"]["message"]) == ("response_format", "response_format: no")


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"model": ""}, "model: required"),
        ({"prompt": ""}, "prompt: required"),
        ({"response_format": "opus"}, 'response_format: takes "mp3", "flac" or "pcm", not "opus"'),
        ({"bitrate": "high"}, "bitrate: takes a whole number"),
    ],
)
def test_a_wrong_music_field_is_named(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(WrongField, match=complaint):
        music.CREATION.read({**BODY, **fields}, "")
