"""A video's content: the clip whole or in ranges, and a clear word where there is none."""

from typing import Any

import httpx2
import pytest
from cli2api.v1 import job_pb2

from tests.unit.edge.scripted import Core, a_job, a_made_job, asset_chunk, asset_head

CLIP = b"0123456789"


def _clip(core: Core, *, size: int | None = len(CLIP), serves_ranges: bool = True) -> None:
    async def download(request: Any, context: Any) -> Any:
        offset = request.offset if serves_ranges else 0
        yield asset_head(size, offset=offset)
        if offset < len(CLIP):
            yield asset_chunk(CLIP[offset : offset + request.limit if request.limit else None])

    core.answers["GetJob"] = job_pb2.GetJobResponse(job=a_made_job())
    core.answers["DownloadAsset"] = download


async def test_content_is_the_clip_with_its_type_and_length(core: Core, http: httpx2.AsyncClient) -> None:
    _clip(core)

    answer = await http.get("/v1/videos/job_1/content")

    assert (answer.status_code, answer.content) == (200, CLIP)
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["content-length"] == "10"
    assert answer.headers["accept-ranges"] == "bytes"


async def test_content_of_unknown_length_is_streamed(core: Core, http: httpx2.AsyncClient) -> None:
    _clip(core, size=None)

    answer = await http.get("/v1/videos/job_1/content", headers={"range": "bytes=2-3"})

    assert (answer.status_code, answer.content) == (200, CLIP)
    assert "content-length" not in answer.headers


@pytest.mark.parametrize(
    ("wanted", "content", "told"),
    [
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=8-99", b"89", "bytes 8-9/10"),
        ("bytes=0-0", b"0", "bytes 0-0/10"),
    ],
)
async def test_a_range_is_partial_content(core: Core, http: httpx2.AsyncClient, wanted: str, content: bytes, told: str) -> None:
    _clip(core)

    answer = await http.get("/v1/videos/job_1/content", headers={"range": wanted})

    assert (answer.status_code, answer.content) == (206, content)
    assert answer.headers["content-range"] == told
    assert answer.headers["content-length"] == str(len(content))


@pytest.mark.parametrize("wanted", ["bytes=-3", "bytes=1-2,4-5", "bytes=5-2", "lines=1-2", "bytes=x-"])
async def test_any_other_range_gets_the_whole(core: Core, http: httpx2.AsyncClient, wanted: str) -> None:
    _clip(core)
    answer = await http.get("/v1/videos/job_1/content", headers={"range": wanted})
    assert (answer.status_code, answer.content) == (200, CLIP)


async def test_a_range_that_the_source_does_not_serve_gets_the_whole(core: Core, http: httpx2.AsyncClient) -> None:
    _clip(core, serves_ranges=False)
    answer = await http.get("/v1/videos/job_1/content", headers={"range": "bytes=2-4"})
    assert (answer.status_code, answer.content) == (200, CLIP)


async def test_a_range_behind_the_end_is_416(core: Core, http: httpx2.AsyncClient) -> None:
    _clip(core)
    answer = await http.get("/v1/videos/job_1/content", headers={"range": "bytes=10-"})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == "bytes */10"


async def test_head_tells_the_length_and_sends_nothing(core: Core, http: httpx2.AsyncClient) -> None:
    _clip(core)
    answer = await http.head("/v1/videos/job_1/content")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "10")


async def test_content_that_is_not_there_yet_names_the_status(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["GetJob"] = job_pb2.GetJobResponse(job=a_job())

    answer = await http.get("/v1/videos/job_1/content")

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "asset_not_ready")
    assert "in_progress" in answer.json()["error"]["message"]


async def test_content_of_a_failed_video_says_why_there_is_none(core: Core, http: httpx2.AsyncClient) -> None:
    failure = job_pb2.JobFailure(reason="VENDOR_ERROR", message="blocked by a filter")
    core.answers["GetJob"] = job_pb2.GetJobResponse(job=a_job(state=job_pb2.JOB_STATE_FAILED, failure=failure))

    answer = await http.get("/v1/videos/job_1/content")

    assert answer.status_code == 400
    assert "blocked by a filter" in answer.json()["error"]["message"]


async def test_there_are_no_thumbnails(core: Core, http: httpx2.AsyncClient) -> None:
    _clip(core)
    answer = await http.get("/v1/videos/job_1/content", params={"variant": "thumbnail"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (404, "variant")
