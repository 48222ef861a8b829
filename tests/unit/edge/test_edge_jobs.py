"""Jobs: our own resource, in the contract's JSON."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import grpc
import httpx2
import pytest
from cli2api.v1 import job_pb2

from tests.unit.edge.scripted import Core, a_job, a_made_job, asset_chunk, asset_head, edge_for, fails, fails_streaming


def _events(text: str) -> list[dict[str, str]]:
    return [dict(line.split(": ", 1) for line in event.splitlines()) for event in text.strip().split("\n\n")]


async def test_a_job_is_shown_in_the_contracts_words(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["GetJob"] = job_pb2.GetJobResponse(job=a_job(kind=job_pb2.JOB_KIND_SPEECH, revision=1 << 60))

    answer = await http.get("/v1/jobs/job_1")

    assert answer.json() == {
        "id": "job_1",
        "kind": "JOB_KIND_SPEECH",
        "model": "sora-2",
        "state": "JOB_STATE_RUNNING",
        "progress": 40,
        "prompt": "a mule at dawn",
        "size": "1280x720",
        "seconds": "4",
        "assets": [],
        "create_time": "2026-09-21T14:13:20Z",
        "revision": str(1 << 60),
        "request_id": "",
        "remix_of_id": "",
        "description": "",
    }
    assert answer.headers["x-cli2api-job-id"] == "job_1"


async def test_a_list_is_filtered_by_the_contracts_fields(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["ListJobs"] = job_pb2.ListJobsResponse(jobs=[a_job()], next_page_token="more")

    answer = await http.get(
        "/v1/jobs?page_size=1&kinds=JOB_KIND_VIDEO&kinds=JOB_KIND_MUSIC&states=JOB_STATE_RUNNING&order=LIST_ORDER_OLDEST"
    )

    assert [each["id"] for each in answer.json()["jobs"]] == ["job_1"]
    assert answer.json()["next_page_token"] == "more"
    assert core.last() == job_pb2.ListJobsRequest(
        page_size=1,
        kinds=[job_pb2.JOB_KIND_VIDEO, job_pb2.JOB_KIND_MUSIC],
        states=[job_pb2.JOB_STATE_RUNNING],
        order=job_pb2.LIST_ORDER_OLDEST,
    )


@pytest.mark.parametrize(
    ("query", "param", "words"),
    [
        ("limit=3", "limit", "limit: is no field of this query; did you mean page_size? known are page_size, page_token"),
        ("after=job_1", "after", "did you mean after_id? known are"),
        ("sort=up", "sort", "sort: is no field of this query; known are"),
        ("page_size=many", "page_size", 'takes a whole number, not "many"'),
        ("kinds=video", "kinds", "takes one of JOB_KIND_UNSPECIFIED, JOB_KIND_IMAGE"),
    ],
)
async def test_a_wrong_query_is_refused_by_name(http: httpx2.AsyncClient, query: str, param: str, words: str) -> None:
    answer = await http.get(f"/v1/jobs?{query}")

    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    assert words in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", ["", ":watch", ":wait", "/content"])
async def test_an_unknown_job_is_404_everywhere(core: Core, http: httpx2.AsyncClient, path: str) -> None:
    unknown = fails(grpc.StatusCode.NOT_FOUND, "JOB_NOT_FOUND", "no job has that id")
    core.answers |= {"GetJob": unknown, "WaitJob": unknown, "DeleteJob": unknown}
    core.answers["DownloadAsset"] = fails_streaming(grpc.StatusCode.NOT_FOUND, "JOB_NOT_FOUND", "no job has that id")

    answer = await http.get(f"/v1/jobs/job_9{path}")

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


async def test_a_watch_streams_each_change_and_can_be_resumed(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["GetJob"] = job_pb2.GetJobResponse(job=a_job())
    core.answers["WatchJob"] = [
        job_pb2.WatchJobResponse(job=a_job(revision=4)),
        job_pb2.WatchJobResponse(job=a_made_job(revision=5)),
    ]

    answer = await http.get("/v1/jobs/job_1:watch", headers={"last-event-id": "3"})

    assert answer.headers["content-type"].startswith("text/event-stream")
    events = _events(answer.text)
    assert [event["id"] for event in events] == ["4", "5"]
    assert json.loads(events[1]["data"])["state"] == "JOB_STATE_SUCCEEDED"
    assert core.last() == job_pb2.WatchJobRequest(id="job_1", after_revision=3)


async def test_a_watch_that_dies_says_so_inside_the_stream(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["GetJob"] = job_pb2.GetJobResponse(job=a_job())
    core.answers["WatchJob"] = fails_streaming(
        grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE", "the store is gone", after=(job_pb2.WatchJobResponse(job=a_job()),)
    )

    answer = await http.get("/v1/jobs/job_1:watch")

    assert json.loads(_events(answer.text)[-1]["data"])["error"]["message"] == "the store is gone"


async def test_a_silent_watch_is_kept_alive(core: Core) -> None:
    async def watch(request: Any, context: Any) -> AsyncIterator[job_pb2.WatchJobResponse]:
        await silence.get()
        yield job_pb2.WatchJobResponse(job=a_made_job())

    silence: asyncio.Queue[None] = asyncio.Queue()
    core.answers["GetJob"] = job_pb2.GetJobResponse(job=a_job())
    core.answers["WatchJob"] = watch
    async with edge_for(core.target, CLI2API_HEARTBEAT="20ms") as url, httpx2.AsyncClient(base_url=url, timeout=20) as http:
        seen = ""
        async with http.stream("GET", "/v1/jobs/job_1:watch") as answer:
            async for piece in answer.aiter_text():
                if not seen:
                    silence.put_nowait(None)
                seen += piece

    assert seen.startswith(": keep-alive\n\n")
    assert "JOB_STATE_SUCCEEDED" in seen


async def test_a_bad_place_to_resume_at_is_refused(core: Core, http: httpx2.AsyncClient) -> None:
    answer = await http.get("/v1/jobs/job_1:watch", headers={"last-event-id": "x"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "last-event-id")


@pytest.mark.parametrize(("asked", "sent"), [("", 300), ("?timeout=2s", 2), ("?timeout=3600s", 300)])
async def test_a_wait_never_lasts_longer_than_the_gateway_waits(
    core: Core, http: httpx2.AsyncClient, asked: str, sent: int
) -> None:
    core.answers["WaitJob"] = job_pb2.WaitJobResponse(job=a_job())

    answer = await http.get(f"/v1/jobs/job_1:wait{asked}")

    assert answer.json()["state"] == "JOB_STATE_RUNNING"
    assert core.last().timeout.ToSeconds() == sent


async def test_a_wait_for_no_length_of_time_is_refused(http: httpx2.AsyncClient) -> None:
    answer = await http.get("/v1/jobs/job_1:wait?timeout=soon")
    assert answer.json()["error"]["message"] == 'timeout: takes a length of time in seconds, as in 30s, not "soon"'


async def test_a_deleted_job_says_whether_work_goes_on(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["DeleteJob"] = job_pb2.DeleteJobResponse(id="job_1", deleted=True, was_in_flight=True)
    answer = await http.delete("/v1/jobs/job_1")
    assert answer.json() == {"id": "job_1", "deleted": True, "was_in_flight": True}


async def test_any_file_of_a_job_can_be_fetched(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["DownloadAsset"] = [asset_head(3, mime_type="image/png"), asset_chunk(b"PNG")]

    answer = await http.get("/v1/jobs/job_1/content?index=2")

    assert (answer.content, answer.headers["content-type"]) == (b"PNG", "image/png")
    assert core.last().index == 2
