"""Videos: OpenAI's contract for jobs, by JSON and by form."""

from typing import Any

import grpc
import httpx2
import jsonschema
import pytest
from cli2api.v1 import job_pb2, media_pb2
from google.protobuf import json_format, timestamp_pb2

from edge.dialects import jobs, videos
from edge.dialects.fields import WrongField
from tests.unit.edge.scripted import Core, a_job, a_made_job, fails

NULLABLE_TIME = {"type": ["integer", "null"]}
VIDEO: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "object": {"const": "video"},
        "model": {"type": "string"},
        "status": {"enum": ["queued", "in_progress", "completed", "failed"]},
        "progress": {"type": "integer", "minimum": 0, "maximum": 100},
        "created_at": {"type": "integer"},
        "completed_at": NULLABLE_TIME,
        "expires_at": NULLABLE_TIME,
        "prompt": {"type": ["string", "null"]},
        "size": {"type": "string"},
        "seconds": {"type": "string"},
        "remixed_from_video_id": {"type": ["string", "null"]},
        "error": {
            "type": ["object", "null"],
            "required": ["code", "message"],
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
        },
    },
}
VIDEO["required"] = list(VIDEO["properties"])
LIST = {
    "type": "object",
    "required": ["object", "data", "first_id", "last_id", "has_more"],
    "properties": {
        "object": {"const": "list"},
        "data": {"type": "array", "items": VIDEO},
        "first_id": {"type": ["string", "null"]},
        "last_id": {"type": ["string", "null"]},
        "has_more": {"type": "boolean"},
    },
}


async def test_a_created_video_is_shown_whole_and_says_when_to_ask_again(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["CreateVideo"] = media_pb2.CreateVideoResponse(job=a_job(state=job_pb2.JOB_STATE_SUBMITTING, progress=0))

    answer = await http.post("/v1/videos", json={"model": "sora-2", "prompt": "a mule at dawn", "seconds": 4})

    jsonschema.validate(answer.json(), VIDEO)
    assert len(VIDEO["required"]) == 13
    assert (answer.json()["id"], answer.json()["status"], answer.json()["seconds"]) == ("job_1", "queued", "4")
    assert "videos" not in answer.json()
    assert answer.headers["openai-poll-after-ms"] == "1000"
    assert core.last().seconds == "4"


async def test_a_form_without_a_model_means_sora_2(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["CreateVideo"] = media_pb2.CreateVideoResponse(job=a_job())

    answer = await http.post(
        "/v1/videos",
        data={
            "prompt": "a mule",
            "seconds": "8",
            "seed": "7",
            "generate_audio": "true",
            "cfg_scale": "0.5",
            "tags[]": ["a", "2"],
        },
        files={"input_reference": ("first.png", b"\x89PNG", "image/png")},
    )

    assert answer.status_code == 200
    request = core.last()
    assert (request.model, request.prompt, request.seconds, request.seed) == ("sora-2", "a mule", "8", 7)
    assert request.generate_audio is True
    assert (request.first_frame.content, request.first_frame.mime_type) == (b"\x89PNG", "image/png")
    assert json_format.MessageToDict(request.extra) == {"cfg_scale": 0.5, "tags": ["a", 2.0]}


async def test_a_form_may_name_the_picture_by_url(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["CreateVideo"] = media_pb2.CreateVideoResponse(job=a_job())
    boundary = "b0"
    parts = {"prompt": "a mule", "input_reference[image_url]": "https://a.example/in.png"}
    form = "".join(f'--{boundary}\r\ncontent-disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in parts.items())

    answer = await http.post(
        "/v1/videos", content=f"{form}--{boundary}--\r\n", headers={"content-type": f"multipart/form-data; boundary={boundary}"}
    )

    assert answer.status_code == 200
    assert core.last().first_frame.url == "https://a.example/in.png"


async def test_a_refused_picture_is_named_in_the_callers_word(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["CreateVideo"] = fails(
        grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "first_frame: not taken", field="first_frame"
    )

    answer = await http.post("/v1/videos", json={"prompt": "x"})

    assert answer.json()["error"]["param"] == "input_reference"


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (job_pb2.JOB_STATE_SUBMITTING, "queued"),
        (job_pb2.JOB_STATE_QUEUED, "queued"),
        (job_pb2.JOB_STATE_RUNNING, "in_progress"),
        (job_pb2.JOB_STATE_SUCCEEDED, "completed"),
        (job_pb2.JOB_STATE_FAILED, "failed"),
    ],
)
def test_every_state_is_one_of_openais_four_words(state: job_pb2.JobState.ValueType, status: str) -> None:
    shown = videos.video(a_job(state=state))
    jsonschema.validate(shown, VIDEO)
    assert shown["status"] == status


def test_a_finished_video_has_its_links_and_times() -> None:
    job = a_made_job("https://a.example/1.mp4", expire_time=timestamp_pb2.Timestamp(seconds=1_790_600_000), remix_of_id="job_0")
    shown = videos.video(job)
    jsonschema.validate(shown, VIDEO)
    assert shown["videos"] == ["https://a.example/1.mp4"]
    assert (shown["completed_at"], shown["expires_at"]) == (1_790_000_060, 1_790_600_000)
    assert shown["remixed_from_video_id"] == "job_0"


def test_a_failed_video_says_why() -> None:
    failure = job_pb2.JobFailure(reason="VENDOR_ERROR", message="blocked by a filter", vendor_code="3005")
    shown = videos.video(a_job(state=job_pb2.JOB_STATE_FAILED, failure=failure))
    assert shown["error"] == {"code": "3005", "message": "blocked by a filter"}
    bare = videos.video(a_job(state=job_pb2.JOB_STATE_FAILED, failure=job_pb2.JobFailure(reason="SUBMISSION_UNCERTAIN")))
    assert bare["error"] == {"code": "submission_uncertain", "message": "the upstream gave no reason"}


async def test_a_finished_video_needs_no_more_polling(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["GetJob"] = job_pb2.GetJobResponse(job=a_made_job())

    answer = await http.get("/v1/videos/job_1")

    jsonschema.validate(answer.json(), VIDEO)
    assert answer.json()["status"] == "completed"
    assert "openai-poll-after-ms" not in answer.headers


async def test_the_list_asks_only_for_videos_and_tells_whether_there_is_more(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["ListJobs"] = job_pb2.ListJobsResponse(jobs=[a_job(id="job_2"), a_job(id="job_1")], next_page_token="t")

    answer = await http.get("/v1/videos", params={"limit": 2, "order": "asc", "after": "job_3"})

    jsonschema.validate(answer.json(), LIST)
    assert (answer.json()["first_id"], answer.json()["last_id"], answer.json()["has_more"]) == ("job_2", "job_1", True)
    request = core.last()
    assert (list(request.kinds), request.page_size, request.after_id) == ([job_pb2.JOB_KIND_VIDEO], 2, "job_3")
    assert request.order == job_pb2.LIST_ORDER_OLDEST


async def test_an_empty_list_has_no_ends(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["ListJobs"] = job_pb2.ListJobsResponse()
    answer = await http.get("/v1/videos")
    assert answer.json() == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"limit": "0001000"}, {"order": "up"}])
def test_a_bad_page_is_refused_by_name(query: dict[str, str]) -> None:
    with pytest.raises(WrongField) as caught:
        jobs.page(query, job_pb2.JOB_KIND_VIDEO)
    assert caught.value.field == next(iter(query))


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("DELETE", ""), ("GET", "/content")])
async def test_the_id_of_another_kind_of_job_is_not_found(core: Core, http: httpx2.AsyncClient, method: str, path: str) -> None:
    core.answers["GetJob"] = job_pb2.GetJobResponse(job=a_made_job(kind=job_pb2.JOB_KIND_IMAGE))

    answer = await http.request(method, f"/v1/videos/job_1{path}")

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"
    assert len(core.requests) == 1


async def test_a_deleted_video_is_confirmed(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["GetJob"] = job_pb2.GetJobResponse(job=a_made_job())
    core.answers["DeleteJob"] = job_pb2.DeleteJobResponse(id="job_1", deleted=True)

    answer = await http.delete("/v1/videos/job_1")

    assert answer.json() == {"id": "job_1", "deleted": True, "object": "video.deleted"}


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"seconds": []}, "seconds: takes text"),
        ({"seconds": True}, "seconds: takes text"),
        ({"size": 7}, "size: takes text"),
        ({"generate_audio": "yes"}, "generate_audio: takes true or false"),
        ({"input_reference": {"file_id": "f"}}, "input_reference: file_id is not supported"),
        ({"input_reference": ["https://a", "https://b"]}, "input_reference: takes one, not 2"),
        ({"first_frame": "https://a", "input_reference": "https://b"}, "first_frame: says the same as input_reference"),
    ],
)
def test_a_wrong_video_field_is_named(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(WrongField, match=complaint):
        videos.CREATION.read({"prompt": "x", **fields}, "")


def test_half_a_second_stays_half_a_second() -> None:
    assert videos.CREATION.read({"prompt": "x", "seconds": 4.5}, "").request.seconds == "4.5"
    assert videos.CREATION.read({"prompt": "x", "seconds": 4.0}, "").request.seconds == "4"


async def test_a_remix_starts_from_the_video_and_says_what_changes(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["GetJob"] = job_pb2.GetJobResponse(job=a_made_job())
    core.answers["CreateVideo"] = media_pb2.CreateVideoResponse(job=a_job(id="job_2", remix_of_id="job_1"))

    answer = await http.post("/v1/videos/job_1/remix", json={"prompt": "in snow", "seconds": 8})

    jsonschema.validate(answer.json(), VIDEO)
    assert (answer.json()["id"], answer.json()["remixed_from_video_id"]) == ("job_2", "job_1")
    request = core.last()
    assert (request.remix_of_id, request.prompt, request.seconds, request.model) == ("job_1", "in snow", "8", "")


async def test_a_remix_of_what_is_no_video_is_not_found(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["GetJob"] = job_pb2.GetJobResponse(job=a_made_job(kind=job_pb2.JOB_KIND_IMAGE))
    answer = await http.post("/v1/videos/job_1/remix", json={"prompt": "in snow"})
    assert (answer.status_code, len(core.requests)) == (404, 1)


async def test_a_remix_without_words_is_refused_before_anything_is_asked(core: Core, http: httpx2.AsyncClient) -> None:
    answer = await http.post("/v1/videos/job_1/remix", json={})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "prompt")
    assert not core.requests


def test_a_thumbnail_is_the_picture_among_the_assets() -> None:
    clip = job_pb2.Asset(kind=job_pb2.ASSET_KIND_VIDEO, url="https://a.example/1.mp4")
    still = job_pb2.Asset(kind=job_pb2.ASSET_KIND_IMAGE, url="https://a.example/1.png")
    job = a_job(state=job_pb2.JOB_STATE_SUCCEEDED, assets=[still, clip])

    assert videos.video(job)["videos"] == ["https://a.example/1.mp4"]
    assert jobs.asset_index(videos.NOUN, job, "video") == 1
    assert jobs.asset_index(videos.NOUN, job, "thumbnail") == 0
    assert jobs.asset_index(videos.NOUN, a_made_job(), "thumbnail") is None
