"""Image generation: OpenAI's JSON to one waited job and back."""

import asyncio
from typing import Any

import grpc
import httpx2
import jsonschema
import pytest
from cli2api.v1 import job_pb2, media_pb2
from google.protobuf import json_format

from edge.dialects import images
from edge.dialects.fields import WrongField
from tests.unit.edge.scripted import (
    Core,
    a_made_job,
    asset_chunk,
    asset_head,
    edge_for,
    fails_streaming,
    from_base64,
)

PATH = "/v1/images/generations"
BODY = {"model": "gpt-image-2", "prompt": "a mule"}
ANSWER = {
    "type": "object",
    "required": ["created", "data"],
    "additionalProperties": False,
    "properties": {
        "created": {"type": "integer"},
        "data": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "properties": {"url": {"type": "string", "format": "uri"}, "b64_json": {"type": "string"}},
                "minProperties": 1,
            },
        },
        "output_format": {"enum": ["png", "webp", "jpeg"]},
        "quality": {"enum": ["low", "medium", "high"]},
        "size": {"enum": ["1024x1024", "1024x1536", "1536x1024"]},
    },
}
"""The facts of OpenAI's ImagesResponse that callers rely on."""


def _made(*urls: str) -> media_pb2.GenerateImagesResponse:
    return media_pb2.GenerateImagesResponse(job=a_made_job(*urls, kind=job_pb2.JOB_KIND_IMAGE))


async def test_links_are_answered_in_order(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["GenerateImages"] = _made("https://a.example/1", "https://a.example/2")

    answer = await http.post(PATH, json={**BODY, "n": 2, "size": "1024x1024", "quality": "auto", "output_format": "webp"})

    jsonschema.validate(answer.json(), ANSWER)
    assert answer.json() == {
        "created": 1_790_000_000,
        "data": [{"url": "https://a.example/1"}, {"url": "https://a.example/2"}],
        "size": "1024x1024",
        "output_format": "webp",
    }
    assert answer.headers["x-cli2api-job-id"] == "job_1"


async def test_base64_is_the_pictures_own_bytes(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["GenerateImages"] = _made("https://a.example/1", "https://a.example/2")
    core.answers["DownloadAsset"] = [asset_head(6, mime_type="image/png"), asset_chunk(b"\x89PN"), asset_chunk(b"G\r\n")]

    answer = await http.post(PATH, json={**BODY, "response_format": "b64_json"})

    jsonschema.validate(answer.json(), ANSWER)
    assert [from_base64(each["b64_json"]) for each in answer.json()["data"]] == [b"\x89PNG\r\n"] * 2
    assert [request.index for request in core.requests[1:]] == [0, 1]


async def test_pictures_that_cannot_be_fetched_are_not_paid_for_twice(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["GenerateImages"] = _made()
    core.answers["DownloadAsset"] = fails_streaming(grpc.StatusCode.UNAVAILABLE, "UPSTREAM_UNAVAILABLE")

    answer = await http.post(PATH, json={**BODY, "response_format": "b64_json"})

    assert answer.status_code == 502
    assert answer.headers["x-should-retry"] == "false"
    assert answer.headers["x-cli2api-job-id"] == "job_1"


async def test_the_idempotency_key_is_the_request_id(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["GenerateImages"] = _made()

    await http.post(PATH, json=BODY, headers={"idempotency-key": "once"})

    assert core.last().request_id == "once"


async def test_a_picture_that_takes_too_long_names_the_job_that_goes_on(core: Core) -> None:
    async def generate(request: Any, context: Any) -> None:
        await context.send_initial_metadata((("x-cli2api-job-id", "job_5"),))
        await asyncio.Event().wait()

    core.answers["GenerateImages"] = generate
    async with edge_for(core.target, CLI2API_IMAGE_TIMEOUT="200ms") as url, httpx2.AsyncClient(base_url=url) as http:
        answer = await http.post(PATH, json=BODY)

    assert answer.status_code == 504
    assert answer.json()["error"]["type"] == "timeout_error"
    assert "job_5" in answer.json()["error"]["message"]
    assert answer.headers["x-cli2api-job-id"] == "job_5"
    assert answer.headers["x-should-retry"] == "false"


async def test_a_caller_that_leaves_ends_the_wait(core: Core, http: httpx2.AsyncClient) -> None:
    reached = asyncio.Event()

    async def generate(request: Any, context: Any) -> None:
        reached.set()
        await asyncio.Event().wait()

    core.answers["GenerateImages"] = generate
    waiting = asyncio.create_task(http.post(PATH, json=BODY))
    await asyncio.wait_for(reached.wait(), 10)
    waiting.cancel()

    assert await asyncio.wait_for(core.ended.get(), 5) == "GenerateImages"
    with pytest.raises(asyncio.CancelledError):
        await waiting


def test_known_fields_are_typed_and_unknown_ones_are_parameters() -> None:
    order = images.order(
        images.GENERATION,
        {
            **BODY,
            "n": 2,
            "seed": 1 << 40,
            "aspect_ratio": "16:9",
            "image": ["https://a.example/in.png", {"image_url": "data:image/png;base64,AA=="}],
            "web_search": True,
            "nested": {"a": [1, None, "x"]},
            "user": "u-1",
            "style": None,
            "background": "auto",
        },
        "key-1",
    )

    request = order.request
    assert (request.n, request.seed, request.aspect_ratio, request.request_id) == (2, 1 << 40, "16:9", "key-1")
    assert [each.url for each in request.images] == ["https://a.example/in.png", "data:image/png;base64,AA=="]
    assert json_format.MessageToDict(request.extra) == {"web_search": True, "nested": {"a": [1.0, None, "x"]}}
    assert not order.as_base64


def test_fields_that_are_not_sent_are_not_set() -> None:
    request = images.order(images.GENERATION, BODY, "").request
    assert not request.HasField("n")
    assert not request.HasField("seed")
    assert not request.extra.fields


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"model": None}, "model: required"),
        ({"prompt": ""}, "prompt: required"),
        ({"prompt": 3}, "prompt: takes text, not a number"),
        ({"n": "2"}, "n: takes a whole number, not text"),
        ({"n": 1.5}, "n: takes a whole number"),
        ({"n": True}, "n: takes a whole number, not true or false"),
        ({"n": 1 << 40}, "n: takes a whole number of 32 bits"),
        ({"response_format": "png"}, 'response_format: takes "url" or "b64_json"'),
        ({"stream": True}, "stream: is not supported here"),
        ({"partial_images": 2}, "partial_images: is not supported here"),
        ({"background": "transparent"}, "background: is not supported here"),
        ({"moderation": "low"}, "moderation: is not supported here"),
        ({"style": "vivid"}, "style: is not supported here"),
        ({"output_compression": 50}, "output_compression: is not supported here"),
        ({"images": [{"file_id": "file-1"}]}, "images: file_id is not supported"),
        ({"images": [7]}, r"images: takes an http\(s\) or data URL"),
        ({"image": "https://a", "images": "https://b"}, "image: says the same as images"),
        ({"unknown": (1 << 53) + 1}, "unknown: takes no whole number beyond"),
        ({"unknown": [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}, "unknown: is nested deeper than 16"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(WrongField, match=complaint) as caught:
        images.order(images.GENERATION, {**BODY, **fields}, "")
    assert caught.value.field == next(iter(fields))
