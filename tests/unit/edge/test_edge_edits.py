"""Image edits: forms and JSON to one waited job."""

from typing import Any

import grpc
import httpx2
import pytest
from cli2api.v1 import job_pb2, media_pb2

from edge.dialects import images
from edge.dialects.fields import WrongField
from tests.unit.edge.scripted import Core, a_made_job, asset_chunk, asset_head, fails, from_base64

PATH = "/v1/images/edits"
BODY = {"model": "gpt-image-2-edit", "prompt": "a hat", "images": [{"image_url": "https://a.example/in.png"}]}
PNG = b"\x89PNG\r\n\x1a\n"


def _made(*urls: str) -> media_pb2.EditImagesResponse:
    return media_pb2.EditImagesResponse(job=a_made_job(*urls, kind=job_pb2.JOB_KIND_IMAGE_EDIT))


async def test_a_form_brings_pictures_a_mask_and_typed_fields(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["EditImages"] = _made("https://a.example/1")

    answer = await http.post(
        PATH,
        data={"model": "gpt-image-2-edit", "prompt": "a hat", "n": "2", "size": "1024x1024", "user": "u"},
        files=[
            ("image[]", ("one.png", PNG + b"1", "image/png")),
            ("image[]", ("two", PNG + b"2", "application/octet-stream")),
            ("mask", ("mask.png", PNG + b"3", "text/plain")),
        ],
    )

    assert answer.json() == {"created": 1_790_000_000, "data": [{"url": "https://a.example/1"}], "size": "1024x1024"}
    assert answer.headers["x-cli2api-job-id"] == "job_1"
    request = core.last()
    assert (request.model, request.prompt, request.n, request.size) == ("gpt-image-2-edit", "a hat", 2, "1024x1024")
    assert [(each.content, each.mime_type) for each in request.images] == [(PNG + b"1", "image/png"), (PNG + b"2", "")]
    assert (request.mask.content, request.mask.mime_type) == (PNG + b"3", "")
    assert not request.extra.fields


@pytest.mark.parametrize("name", ["image", "image[]", "images", "images[]"])
async def test_a_picture_may_come_under_any_of_its_names(core: Core, http: httpx2.AsyncClient, name: str) -> None:
    core.answers["EditImages"] = _made()

    answer = await http.post(PATH, data={"model": "m", "prompt": "p"}, files={name: ("a.png", PNG, "image/png")})

    assert answer.status_code == 200
    assert [each.content for each in core.last().images] == [PNG]


async def test_json_names_pictures_by_link_or_data_url(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["EditImages"] = _made()

    await http.post(PATH, json={**BODY, "mask": "data:image/png;base64,AA=="}, headers={"idempotency-key": "once"})

    request = core.last()
    assert [each.url for each in request.images] == ["https://a.example/in.png"]
    assert (request.mask.url, request.request_id) == ("data:image/png;base64,AA==", "once")


async def test_edited_pictures_come_as_base64_where_asked(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["EditImages"] = _made()
    core.answers["DownloadAsset"] = [asset_head(8, mime_type="image/png"), asset_chunk(PNG)]

    answer = await http.post(PATH, json={**BODY, "response_format": "b64_json"})

    assert from_base64(answer.json()["data"][0]["b64_json"]) == PNG


async def test_a_refusal_of_the_pictures_is_told_in_the_callers_word(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["EditImages"] = fails(
        grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "images: takes at most 3", field="images"
    )

    answer = await http.post(PATH, json=BODY)

    assert answer.json()["error"] == {
        "message": "image: takes at most 3",
        "type": "invalid_request_error",
        "param": "image",
        "code": "invalid_request",
    }


async def test_a_file_beyond_20_mb_is_refused_by_name(core: Core, http: httpx2.AsyncClient) -> None:
    large = bytes((20 << 20) + 1)

    answer = await http.post(PATH, data={"model": "m", "prompt": "p"}, files={"image": ("a.png", large, "image/png")})

    assert answer.status_code == 400
    assert (answer.json()["error"]["param"], answer.json()["error"]["code"]) == ("image", "request_too_large")
    assert "at most 20 MB" in answer.json()["error"]["message"]
    assert not core.requests


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"images": None}, "image: required"),
        ({"images": []}, "image: required"),
        ({"prompt": ""}, "prompt: required"),
        ({"model": ""}, "model: required"),
        ({"mask": ["https://a", "https://b"]}, "mask: takes one, not 2"),
        ({"input_fidelity": "high"}, "input_fidelity: is not supported here"),
        ({"stream": True}, "stream: is not supported here"),
    ],
)
def test_a_wrong_field_of_an_edit_is_named(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(WrongField, match=complaint) as caught:
        images.order(images.EDIT, {**BODY, **fields}, "")
    assert caught.value.field == complaint.partition(":")[0]
